"""Arms and fists at large, and a few things of every day: knocking, patting, eating, rowing."""

from __future__ import annotations

from .gestures import ONCE, ONE, OUT_AND_BACK, QUICK
from .handling import STROKE
from .kitchen import TILT, TOOL, WIDE
from .spec import Track, Verb, Wave
from .tools import BOTH

# Apart, then together, and so they stay.
_MEET = ((0.0, 1.0), (0.4, 0.0), (1.0, 0.0))

VERBS = (
    Verb(
        "shrug",
        Track(
            (0.18, -0.33, -0.32),
            (-18, 18, 150),
            ("flat", "relaxed", "spread"),
            (
                Wave("y", 0.09, OUT_AND_BACK),
                Wave("x", 0.07, OUT_AND_BACK),
                Wave("roll", 22, OUT_AND_BACK, scales=False),
                Wave("yaw", -14, OUT_AND_BACK),
            ),
        ),
        BOTH,
        ONCE,
    ),
    Verb(
        "pray",
        Track(
            (0.024, -0.25, -0.30),
            (2, 62, 90),
            ("palm", "cupped"),
            (
                Wave("x", 0.10, _MEET),
                Wave("pitch", -14, ((0.45, 0.0), (0.7, 1.0), (0.85, 1.0), (1.0, 0.0))),
                Wave("z", -0.03, ((0.45, 0.0), (0.7, 1.0), (0.85, 1.0), (1.0, 0.0))),
            ),
        ),
        BOTH,
        (80, 56, 36),
    ),
    Verb(
        "steeple",
        Track(
            (0.062, -0.30, -0.34),
            (26, 42, 90),
            ("tent",),
            (
                Wave("x", 0.08, _MEET),
                Wave("morph", 1.0, _MEET, scales=False),
            ),
            other="relaxed",
        ),
        BOTH,
        (80, 56, 36),
    ),
    Verb(
        "stack_hands",
        Track(
            (0.05, -0.33, -0.31),
            (44, 2, 0),
            ("flat", "mitten", "relaxed"),
            (Wave("x", 0.10, _MEET), Wave("y", 0.07, ((0.0, 1.0), (0.3, 1.0), (0.5, 0.0), (1.0, 0.0)))),
        ),
        BOTH,
        (80, 56, 36),
        amplitudes=False,
        second=Track((0.05, -0.35, -0.32), (46, 0, 0), ("flat", "relaxed"), (Wave("x", 0.08, _MEET),)),
        push="y",
    ),
    Verb(
        "knock",
        Track(
            (0.13, -0.17, -0.40),
            (4, 40, 35),
            ("fist", "grip"),
            (Wave("bend", 34, "strike"), Wave("z", 0.05, "strike"), Wave("pitch", 12, "strike")),
        ),
        TOOL,
        QUICK,
        (1, 6),
    ),
    Verb(
        "punch",
        Track(
            (0.15, -0.24, -0.24),
            (6, 14, 30),
            ("fist",),
            (
                Wave("aim", 1.0, ((0.0, 0.0), (0.24, -0.12), (0.58, 1.0), (0.66, 1.0), (1.0, 0.0))),
                Wave(
                    "roll",
                    -30,
                    ((0.0, 0.0), (0.24, -0.4), (0.58, 1.0), (0.66, 1.0), (1.0, 0.0)),
                    scales=False,
                ),
            ),
        ),
        (("right", 0.57), ("left", 0.43)),
        STROKE,
        (1, 4),
        aims=(
            ("forward", (-0.06, 0.05, -0.28, 6, 0, 0)),
            ("up", (-0.02, 0.22, -0.12, 0, 48, 0)),
            ("left", (-0.24, 0.03, -0.14, 50, 0, 0)),
            ("right", (0.16, 0.03, -0.16, -30, 0, 0)),
        ),
    ),
    Verb(
        "pat",
        Track(
            (0.14, -0.32, -0.42),
            (6, 4, 0),
            ("flat", "mitten", "relaxed"),
            (Wave("y", 0.055, "strike"), Wave("pitch", 16, "strike")),
        ),
        ONE,
        QUICK,
        (1, 6),
    ),
    Verb(
        "pet",
        Track(
            (0.14, -0.31, -0.38),
            (12, 0, 0),
            ("mitten", "relaxed", "flat"),
            (
                Wave("z", 0.09, ((0.0, -1.0), (0.6, 1.0), (1.0, -1.0))),
                Wave("y", 0.07, ((0.0, 0.0), (0.55, 0.0), (0.8, 1.0), (1.0, 0.0))),
                Wave("bend", 22, ((0.0, 0.4), (0.5, -0.2), (0.65, -1.0), (0.85, 0.6), (1.0, 0.4))),
            ),
        ),
        ONE,
        WIDE,
        (1, 6),
    ),
    Verb(
        "eat",
        Track(
            (0.15, -0.35, -0.38),
            (16, -16, 35),
            ("tripod", "lateral", "precision"),
            (
                Wave("y", 0.23, ((0.0, 0.2), (0.18, 0.0), (0.5, 1.0), (0.66, 1.0), (1.0, 0.2)), scales=False),
                Wave(
                    "z", 0.20, ((0.0, 0.0), (0.18, -0.2), (0.5, 1.0), (0.66, 1.0), (1.0, 0.0)), scales=False
                ),
                Wave("yaw", 50, ((0.0, 0.0), (0.2, 0.0), (0.5, 1.0), (0.66, 1.0), (1.0, 0.0)), scales=False),
                Wave(
                    "pitch", 40, ((0.0, 0.0), (0.2, 0.0), (0.5, 1.0), (0.66, 1.0), (1.0, 0.0)), scales=False
                ),
                Wave(
                    "roll", 45, ((0.0, 0.0), (0.14, -0.4), (0.3, 0.8), (0.66, 1.0), (1.0, 0.0)), scales=False
                ),
            ),
        ),
        TOOL,
        TILT,
        (1, 3),
        amplitudes=False,
    ),
    Verb(
        "brush_teeth",
        Track(
            (0.14, -0.13, -0.20),
            (74, 14, 40),
            ("lateral", "grip", "tripod"),
            (Wave("x", 0.035, "sin"), Wave("yaw", 8, "sin"), Wave("y", 0.015, "sin", whole=True)),
        ),
        TOOL,
        QUICK,
        (3, 8),
        counted=False,
    ),
    Verb(
        "climb",
        Track(
            (0.15, -0.19, -0.44),
            (2, 44, 4),
            ("power", "grip", "hook"),
            (
                Wave("y", -0.15, "cos"),
                Wave("z", 0.07, ((0.0, 0.0), (0.25, 1.0), (0.5, 0.0), (1.0, 0.0))),
                Wave(
                    "morph", 0.8, ((0.0, 0.0), (0.2, 1.0), (0.36, 1.0), (0.5, 0.0), (1.0, 0.0)), scales=False
                ),
            ),
            other="mitten",
        ),
        BOTH,
        (64, 40, 24),
        (1, 5),
        alternate=0.5,
        counted=False,
    ),
    Verb(
        "row",
        Track(
            (0.11, -0.32, -0.34),
            (2, 4, 2),
            ("grip", "power", "hook"),
            (Wave("z", -0.13, "cos"), Wave("y", 0.065, "sin"), Wave("bend", 16, "sin")),
        ),
        BOTH,
        (64, 40, 24),
        (1, 5),
    ),
    Verb(
        "turn_page",
        Track(
            (0.07, -0.30, -0.38),
            (20, 2, 40),
            ("precision", "lateral", "flat"),
            (
                Wave("aim", 1.0, ((0.0, -0.5), (0.6, 0.5), (0.7, 0.5), (1.0, -0.5))),
                Wave("y", 0.10, ((0.0, 0.0), (0.32, 1.0), (0.6, 0.0), (0.84, 0.5), (1.0, 0.0))),
            ),
        ),
        TOOL,
        (72, 44, 28),
        (1, 5),
        aims=(("left", (-0.24, 0.0, 0.0, 30, 0, -70)), ("right", (0.24, 0.0, 0.0, -30, 0, 70))),
    ),
)
