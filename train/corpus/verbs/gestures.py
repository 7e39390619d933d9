"""Gestures: what a hand says with its own shape."""

from __future__ import annotations

from .spec import Track, Verb, Wave

ONE = (("right", 0.5), ("left", 0.38), ("both", 0.12))
QUICK = (32, 20, 12)
MEDIUM = (40, 24, 16)
ONCE = (64, 40, 24)

# Reach out, stay, come back.
OUT_AND_BACK = ((0.0, 0.0), (0.4, 1.0), (0.65, 1.0), (1.0, 0.0))
# Fingers of a fist straighten one after the other.
_COUNTED = ("index", "middle", "ring", "pinky", "thumb")
_RAISE = ((0.0, 0.0), (0.5, 1.0), (1.0, 1.0))

VERBS = (
    Verb(
        "reach",
        Track(
            (0.14, -0.31, -0.32),
            (5, 5, 40),
            ("relaxed", "flat", "mitten", "ball"),
            (
                Wave("aim", 1.0, OUT_AND_BACK),
                Wave("morph", 0.8, ((0.1, 0.0), (0.45, 1.0), (0.7, 1.0), (1.0, 0.0)), scales=False),
            ),
            other="spread",
        ),
        ONE,
        ONCE,
        aims=(
            ("forward", (0.0, 0.04, -0.20, 0, 0, 0)),
            ("left", (-0.22, 0.03, -0.08, 30, 0, 0)),
            ("right", (0.18, 0.03, -0.08, -30, 0, 0)),
            ("up", (0.0, 0.26, -0.08, 0, 40, 0)),
            ("down", (0.0, -0.14, -0.08, 0, -35, 0)),
        ),
    ),
    Verb(
        "point",
        Track(
            (0.13, -0.25, -0.34),
            (5, 8, 15),
            ("point",),
            (Wave("aim", 1.0, ((0.0, 0.0), (0.3, 1.0), (0.75, 1.0), (1.0, 0.0))),),
        ),
        (("right", 0.57), ("left", 0.43)),
        ONCE,
        aims=(
            ("forward", (0.0, 0.03, -0.14, 0, 4, 0)),
            ("left", (-0.14, 0.03, -0.05, 50, 4, 0)),
            ("right", (0.12, 0.03, -0.04, -50, 4, 0)),
            ("up", (0.0, 0.13, -0.05, 0, 62, 0)),
            ("down", (0.0, -0.13, -0.06, 0, -46, 0)),
        ),
    ),
    Verb(
        "wave",
        Track(
            (0.20, -0.12, -0.34),
            (0, 72, 0),
            ("spread", "flat", "relaxed"),
            (Wave("dev", 24, "sin"), Wave("x", -0.045, "sin")),
        ),
        ONE,
        QUICK,
        (1, 6),
    ),
    Verb(
        "beckon",
        Track(
            (0.14, -0.22, -0.40),
            (10, 25, 165),
            ("flat", "relaxed", "point"),
            (Wave("morph", 1.0, "bump", scales=False), Wave("bend", -18, "bump")),
            other="power",
        ),
        ONE,
        QUICK,
        (1, 6),
    ),
    Verb(
        "count",
        Track(
            (0.14, -0.16, -0.36),
            (5, 60, 10),
            ("fist",),
            (
                *(
                    Wave(
                        finger,
                        -84.0 if finger != "thumb" else -60.0,
                        _RAISE,
                        -float(i),
                        once=True,
                        scales=False,
                    )
                    for i, finger in enumerate(_COUNTED)
                ),
                Wave("y", -0.03, "bump", scales=False),
                Wave("pitch", -10, "bump", scales=False),
            ),
        ),
        (("right", 0.57), ("left", 0.43)),
        QUICK,
        (1, 5),
        amplitudes=False,
    ),
    Verb(
        "thumbs_up",
        Track(
            (0.14, -0.20, -0.38),
            (12, 10, 82),
            ("thumb",),
            (
                Wave("morph", 1.0, ((0.0, 1.0), (0.35, 0.0), (1.0, 0.0)), scales=False),
                Wave("y", 0.06, ((0.0, -1.0), (0.35, 0.3), (0.6, 0.0), (1.0, 0.0))),
                Wave("pitch", 12, ((0.0, -1.0), (0.35, 0.3), (0.6, 0.0), (1.0, 0.0))),
            ),
            other="fist",
        ),
        ONE,
        ONCE,
        amplitudes=False,
    ),
    Verb(
        "open",
        Track(
            (0.14, -0.24, -0.36),
            (10, 30, 120),
            ("spread",),
            (Wave("morph", 1.0, ((0.1, 1.0), (0.6, 0.0), (1.0, 0.0)), scales=False),),
            other="fist",
        ),
        ONE,
        ONCE,
        amplitudes=False,
    ),
    Verb(
        "close",
        Track(
            (0.14, -0.24, -0.36),
            (10, 30, 120),
            ("fist",),
            (Wave("morph", 1.0, ((0.1, 1.0), (0.6, 0.0), (1.0, 0.0)), scales=False),),
            other="spread",
        ),
        ONE,
        ONCE,
        amplitudes=False,
    ),
    Verb(
        "tap",
        Track(
            (0.12, -0.32, -0.38),
            (8, 6, 10),
            ("point", "keys"),
            (
                Wave("pitch", -14, "strike"),
                Wave("index", 16, "strike", scales=False),
                Wave("y", -0.025, "strike"),
            ),
        ),
        ONE,
        QUICK,
        (1, 6),
    ),
    Verb(
        "scroll",
        Track(
            (0.13, -0.21, -0.40),
            (6, 32, 10),
            ("point", "flat", "relaxed"),
            (
                Wave("aim", 1.0, ((0.0, -0.5), (0.45, 0.5), (0.55, 0.5), (1.0, -0.5))),
                Wave("z", 0.04, ((0.0, 0.0), (0.45, 0.0), (0.75, 1.0), (1.0, 0.0))),
            ),
        ),
        (("right", 0.57), ("left", 0.43)),
        MEDIUM,
        (1, 6),
        aims=(
            ("down", (0.0, -0.15, 0.0, 0, -30, 0)),
            ("up", (0.0, 0.15, 0.0, 0, 30, 0)),
            ("left", (-0.16, 0.0, 0.0, 30, 0, 0)),
            ("right", (0.16, 0.0, 0.0, -30, 0, 0)),
        ),
    ),
    Verb(
        "rest",
        Track(
            (0.11, -0.45, -0.25),
            (20, -12, 8),
            ("relaxed", "flat", "mitten"),
            (Wave("y", 0.004, "sin", whole=True, scales=False),),
        ),
        (("both", 1.0),),
        (72, 64, 48),
        amplitudes=False,
        timed=False,
    ),
)
