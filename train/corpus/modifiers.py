"""How fast, how large, which way, how often: the words of the modifiers. No phrase has two meanings."""

from __future__ import annotations

from .inflect import NUMBERS
from .wordings import many

SPEED = {
    "slow": many(
        "slowly | slowly | slowly | slowly | slowly | very slowly | at a slow pace | in slow motion | in "
        "slow motion | unhurriedly | in no hurry | slowly and carefully | at a leisurely pace | at low "
        "speed | calmly | lazily | carefully | without hurry | without rushing | at half speed | in a "
        "relaxed way | slow | really slowly | slowly and steadily | in a slow manner | at a slow speed | "
        "slow and steady | at a low pace | leisurely | sluggishly | patiently | with slow movements | "
        "without haste | at a snail's pace | taking your time | in slow mo | at a gentle pace | gradually | "
        "cautiously | tiredly | sleepily"
    ),
    "normal": many(
        "at a normal pace | at a steady pace | at normal speed | at a regular speed | at an even pace | "
        "neither fast nor slow | at a moderate pace | at medium speed | at the usual speed"
    ),
    "fast": many(
        "quickly | quickly | quickly | quickly | fast | fast | fast | rapidly | rapidly | at a fast pace | "
        "in a hurry | very fast | very quickly | at high speed | swiftly | hastily | frantically | at top "
        "speed | at full speed | in a rush | hurriedly | briskly | as fast as possible | speedily | quick "
        "| really fast | really quickly | at a quick pace | at a rapid pace | with fast movements | with "
        "quick movements | at double speed | in a fast manner | at a fast speed | super fast | rushing | "
        "in haste | as quickly as you can | at lightning speed | in fast motion | without wasting time | "
        "impatiently | nervously"
    ),
}
AMPLITUDE = {
    "small": many(
        "with small movements | with small movements | gently | gently | a little | slightly | lightly | "
        "with a small motion | delicately | softly | with short movements | only a little | a bit | just a "
        "little | a tiny bit | with tiny movements | with small motions | in small motions | with little "
        "movements | subtly | barely | with a slight movement | with small gestures | making small "
        "movements | tenderly"
    ),
    "large": many(
        "with big movements | with big movements | with large movements | vigorously | vigorously | with a "
        "big motion | with wide movements | forcefully | energetically | powerfully | with full force | with "
        "a large motion | strongly | with a lot of force | with great force | widely | with a wide motion | "
        "with big motions | in big motions | with huge movements | with sweeping movements | with big "
        "gestures | making big movements | with exaggerated movements | with all your strength | "
        "angrily"
    ),
}
# Words that would qualify an adverb after them.
DEGREES = frozenset(
    many("a little | slightly | a bit | only a little | just a little | a tiny bit | barely | slow | quick")
)
# One word that may stand before the verb.
EARLY = frozenset(
    many(
        "slowly | very slowly | quickly | very quickly | rapidly | unhurriedly | swiftly | hastily | "
        "calmly | "
        "lazily | carefully | frantically | hurriedly | briskly | gently | lightly | delicately | softly | "
        "vigorously | forcefully | energetically | leisurely | patiently | gradually | speedily | subtly | "
        "strongly | powerfully | "
        "cautiously | tiredly | impatiently | nervously | tenderly | angrily"
    )
)
DIRECTION = {
    "forward": many(
        "forward | forward | forwards | to the front | straight ahead | ahead | away | away from the body | "
        "away from me | in front | towards the front | outwards"
    ),
    "back": many(
        "back | back | towards the body | backwards | closer to the body | backward | towards me | towards "
        "me | toward the body | towards you | to the back | inwards | closer"
    ),
    # The bare word comes last: it is not said beside the name of a hand.
    "left": many(
        "to the left | to the left | leftwards | leftward | towards the left | toward the left | to the left "
        "side | to my left | over to the left | left"
    ),
    "right": many(
        "to the right | to the right | rightwards | rightward | towards the right | toward the right | to "
        "the right side | to my right | over to the right | right"
    ),
    "up": many("up | up | upwards | upward | up high | towards the ceiling | to the top"),
    "down": many(
        "down | down | downwards | downward | towards the floor | towards the ground | to the bottom"
    ),
    "clockwise": many(
        "clockwise | clockwise | clockwise | in a clockwise direction | clock-wise | in clockwise circles | "
        "in the clockwise direction"
    ),
    "anticlockwise": many(
        "anticlockwise | anticlockwise | counterclockwise | counterclockwise | in an anticlockwise "
        "direction | in a counterclockwise direction | counter-clockwise | anti-clockwise | counter "
        "clockwise | in anticlockwise circles"
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
REPEATED = many(
    "repeatedly | again and again | over and over | several times | many times | a few times | multiple "
    "times | continuously | constantly | non-stop | without stopping | on and on | over and over again | "
    "in a loop | time and again"
)
# Verbs of one stroke, which one does "in one go".
STROKES = frozenset(("pull", "push", "pour", "drink", "fold"))


def count_phrases(verb: str, count: int) -> tuple[str, ...]:
    """Ways to say how often, in words or digits."""
    if count == 1:
        stroke = ("in one go",) if verb in STROKES else ()
        single = ("one time", "a single time", "1 time", "just once", "only once", "just one time", "1x")
        return ("once", "once", "once", *single, *stroke)
    word, digit = f"{NUMBERS[count]} times", f"{count} times"
    rows = (f"{word} in a row", f"{digit} in a row", f"{word} over")
    rare = (*rows, f"exactly {word}", f"{count}x", f"x{count}", f"a total of {word}", f"for {digit}")
    often = (word, word, word, word, digit, digit, digit, digit)
    if count == 2:
        twice = ("twice", "twice in a row", "a couple of times", "just twice")
        return (*("twice",) * 5, *twice, *often, *rare)
    return (*often, *(("thrice", "thrice") if count == 3 else ()), *rare)
