"""Which verb of the corpus has the hands that a narration speaks of: two small tables, verb and noun.

A narrator opens a drawer, the corpus pulls it and says so; its own ``open`` and ``close`` are gestures of the
bare hand. So where the thing decides, ``BY_NOUN`` is asked before ``CORPUS_VERB``. Both only say what comes
nearest: a verb in neither, or one whose thing is handled as nothing in the corpus is, has none.
"""

from __future__ import annotations

from typing import Final

# Narration verbs (before any particle) and the corpus verb whose hands they most resemble.
CORPUS_VERB: Final[dict[str, str]] = {
    **dict.fromkeys(("take", "pick", "pick-up", "get", "collect", "retrieve"), "pick_up"),
    **dict.fromkeys(("grab", "hold", "grasp", "catch-hold"), "grasp"),
    **dict.fromkeys(
        ("put", "place", "set", "put-down", "set-down", "return", "drop", "position", "add"), "put_down"
    ),
    **dict.fromkeys(("throw", "toss", "discard"), "throw"),
    **dict.fromkeys(("pull", "pull-out", "remove", "take-out", "take-off", "draw", "uncover"), "pull"),
    **dict.fromkeys(("push", "press-down", "insert", "slide"), "push"),
    **dict.fromkeys(("lift", "raise", "carry"), "lift"),
    **dict.fromkeys(("pour", "empty", "drain", "tip", "fill", "tip-out"), "pour"),
    **dict.fromkeys(("stir", "mix", "blend"), "stir"),
    **dict.fromkeys(("sprinkle", "season", "salt", "scatter"), "sprinkle"),
    **dict.fromkeys(("knead", "squash", "flatten"), "knead"),
    "roll-out": "roll_out",
    **dict.fromkeys(("cut", "slice", "chop", "dice", "carve", "trim"), "cut"),
    **dict.fromkeys(("peel", "scrape"), "peel"),
    **dict.fromkeys(("wipe", "clean", "dry", "polish"), "wipe"),
    **dict.fromkeys(("rub", "scrub", "lather", "massage"), "rub"),
    **dict.fromkeys(("wash", "rinse", "soap"), "wash"),
    **dict.fromkeys(("fold", "wrap"), "fold"),
    **dict.fromkeys(("shake", "shake-off"), "shake"),
    **dict.fromkeys(("squeeze",), "squeeze"),
    **dict.fromkeys(("twist", "rotate", "unscrew", "increase", "decrease"), "twist"),
    **dict.fromkeys(("press", "tap", "switch-on", "switch-off", "turn-on", "turn-off", "start"), "tap"),
    **dict.fromkeys(("pinch", "pick-off"), "pinch"),
    **dict.fromkeys(("drink", "sip", "taste"), "drink"),
    **dict.fromkeys(("write", "mark"), "write"),
    **dict.fromkeys(("touch", "reach", "feel"), "reach"),
    **dict.fromkeys(("whisk", "beat", "whip"), "whisk"),
    **dict.fromkeys(("grate", "shred"), "grate"),
    **dict.fromkeys(("spread", "smear", "butter"), "spread"),
    **dict.fromkeys(("sweep", "mop"), "sweep"),
    **dict.fromkeys(("tear", "rip", "tear-off"), "tear"),
    **dict.fromkeys(("flip", "flip-over"), "flip"),
    **dict.fromkeys(("eat", "chew"), "eat"),
    **dict.fromkeys(("sew", "stitch", "mend"), "sew"),
    **dict.fromkeys(("dig", "shovel"), "dig"),
    **dict.fromkeys(("pat", "slap"), "pat"),
    **dict.fromkeys(("pet", "stroke"), "pet"),
    **dict.fromkeys(("paint", "brush"), "paint"),
    **dict.fromkeys(("spray", "squirt"), "spray"),
    **dict.fromkeys(("climb", "climb-up"), "climb"),
    **dict.fromkeys(("wind", "crank", "grind"), "crank"),
    **dict.fromkeys(("knock", "rap"), "knock"),
    **dict.fromkeys(("punch", "box"), "punch"),
    **{verb: verb for verb in ("wring", "iron", "row", "flick", "snap", "shrug", "tickle", "stop")},
    **{verb: verb for verb in ("saw", "hammer", "zip", "type", "point", "wave", "clap", "scroll", "screw")},
}

_HAND: Final = ("hand", "fist", "palm", "finger")
_HINGED: Final = (
    "door",
    "drawer",
    "fridge",
    "freezer",
    "cupboard",
    "cabinet",
    "oven",
    "microwave",
    "dishwasher",
    "washing machine",
    "wardrobe",
    "window",
)
_SCREWED: Final = ("bottle", "jar", "flask", "thermos", "tube", "cap", "top", "lid")
_WATER: Final = ("tap", "water", "shower")
_DIALS: Final = (
    "heat",
    "volume",
    "temperature",
    "flame",
    "gas",
    "dial",
    "knob",
    "thermostat",
    "timer",
    "angle",
    "blade",
    "valve",
)
_TURNED: Final = ("knob", "lid", "key", "dial", "cap", "tap", "jar", "valve", "switch")
_PAGES: Final = ("page", "pages")
_DOUGH: Final = ("dough", "clay", "pastry", "tortilla")
_LIQUIDS: Final = ("oil", "water", "milk", "vinegar", "juice", "soup", "sauce", "wine")
_POWDERS: Final = ("salt", "pepper", "spice", "sugar", "flour", "cheese", "cumin", "chilli", "powder")

_OPENING: Final = dict.fromkeys(_HAND, "open") | dict.fromkeys(_HINGED, "pull")
_CLOSING: Final = dict.fromkeys(_HAND, "close") | dict.fromkeys(_HINGED, "push")
_SCREWING: Final = dict.fromkeys((*_SCREWED, "tap"), "twist")

# Narration verb -> noun -> corpus verb. Other nouns take what CORPUS_VERB says, if it has the verb at all.
BY_NOUN: Final[dict[str, dict[str, str]]] = {
    **dict.fromkeys(("open", "uncap"), _OPENING | _SCREWING),
    **dict.fromkeys(("close", "shut"), _CLOSING | _SCREWING),
    **dict.fromkeys(("turn-on", "turn-off"), dict.fromkeys(_WATER, "twist")),
    "adjust": dict.fromkeys(_DIALS, "twist"),
    "set": {"timer": "twist"},
    "remove": dict.fromkeys(("skin", "peel"), "peel"),
    "add": dict.fromkeys(_LIQUIDS, "pour") | dict.fromkeys(_POWDERS, "sprinkle"),
    "roll": dict.fromkeys(_DOUGH, "roll_out"),
    "screw": dict.fromkeys(_SCREWED, "twist"),
    "turn": dict.fromkeys(_TURNED, "twist") | dict.fromkeys(_PAGES, "turn_page"),
    "brush": {"teeth": "brush_teeth"},
    "play": {"piano": "play_piano", "violin": "bow", "guitar": "strum"},
    "cross": {"finger": "cross_fingers"},
    "spread": {"finger": "spread_fingers"},
}


def corpus_verb(verb: str, noun: str = "") -> str | None:
    """The corpus verb nearest to a narration verb such as ``put-into`` with its noun, or None.

    The whole verb is looked up first, with the noun and then without, then what stands before its particle.
    A noun is written ``door`` or, its head first, ``door:microwave``.
    """
    head, _, kind = noun.partition(":")
    for said in dict.fromkeys((verb, verb.split("-")[0])):
        things = BY_NOUN.get(said, {})
        found = things.get(f"{kind} {head}") or things.get(head) or CORPUS_VERB.get(said)
        if found:
            return found
    return None
