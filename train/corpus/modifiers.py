"""How fast, how large, which way, how often: the words of the modifiers. No phrase has two meanings."""

from __future__ import annotations

from .inflect import NUMBERS
from .wordings import many

SPEED = {
    "slow": many(
        "slowly | slowly | slowly | very slowly | at a slow pace | in slow motion | unhurriedly | in no "
        "hurry | slowly and carefully | at a leisurely pace | at low speed | calmly | lazily | carefully | "
        "without hurry | without rushing | at half speed | in a relaxed way | cautiously | tiredly | sleepily"
    ),
    "normal": many(
        "at a normal pace | at a steady pace | at normal speed | at a regular speed | at an even pace"
    ),
    "fast": many(
        "quickly | quickly | quickly | fast | fast | rapidly | at a fast pace | in a hurry | very fast | "
        "very quickly | at high speed | swiftly | hastily | frantically | at top speed | at full speed | "
        "in a rush | hurriedly | briskly | as fast as possible | speedily | impatiently | nervously"
    ),
}
AMPLITUDE = {
    "small": many(
        "with small movements | gently | a little | slightly | lightly | with a small motion | delicately | "
        "softly | tenderly | with short movements | only a little | a bit"
    ),
    "large": many(
        "with big movements | with large movements | vigorously | with a big motion | with wide movements | "
        "forcefully | energetically | powerfully | with full force | angrily | with a large motion"
    ),
}
# Words that would qualify an adverb after them.
DEGREES = frozenset(("a little", "slightly", "a bit", "only a little"))
# One word that may stand before the verb.
EARLY = frozenset(
    many(
        "slowly | very slowly | quickly | very quickly | rapidly | unhurriedly | swiftly | hastily | "
        "calmly | "
        "lazily | carefully | frantically | hurriedly | briskly | gently | lightly | delicately | softly | "
        "vigorously | forcefully | energetically | cautiously | tiredly | impatiently | nervously | "
        "tenderly | angrily"
    )
)
DIRECTION = {
    "forward": many("forward | forwards | to the front | straight ahead | ahead"),
    "back": many("back | towards the body | backwards | closer to the body | backward"),
    "left": many("to the left | leftwards | towards the left | to the left side | left"),
    "right": many("to the right | rightwards | towards the right | to the right side | right"),
    "up": many("up | upwards | upward"),
    "down": many("down | downwards | downward"),
    "clockwise": many("clockwise | clockwise | in a clockwise direction"),
    "anticlockwise": many(
        "anticlockwise | counterclockwise | in an anticlockwise direction | in a counterclockwise "
        "direction | counter-clockwise"
    ),
}
GRIPS = {
    "power": "with a power grip",
    "precision": "with a precision grip",
    "lateral": "with a key grip",
    "hook": "with a hook grip",
    "tripod": "with three fingers",
    "ball": "with a round grip",
}
REPEATED = many("repeatedly | again and again | over and over | several times | many times")
# Verbs of one stroke, which one does "in one go".
STROKES = frozenset(("pull", "push", "pour", "drink", "fold"))


def count_phrases(verb: str, count: int) -> tuple[str, ...]:
    """Ways to say how often, in words or digits."""
    if count == 1:
        stroke = ("in one go",) if verb in STROKES else ()
        return ("once", "once", "one time", "a single time", "1 time", "just once", "only once", *stroke)
    word, digit = f"{NUMBERS[count]} times", f"{count} times"
    rare = (f"{word} in a row", f"exactly {word}", f"{count}x", f"a total of {word}")
    if count == 2:
        return ("twice", "twice", "twice", "twice", word, word, digit, digit, "twice in a row", *rare[1:3])
    return (word, word, word, word, digit, digit, digit, digit, *rare)
