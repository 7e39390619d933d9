"""Taking hold of things and moving them."""

from __future__ import annotations

from .gestures import MEDIUM, ONCE, ONE, QUICK
from .spec import Track, Verb, Wave

STROKE = (56, 36, 20)
GRASPS = ("power", "precision", "lateral", "hook", "tripod", "ball")
HELD = ("power", "grip", "lateral", "hook")

VERBS = (
    Verb(
        "grasp",
        Track(
            (0.12, -0.30, -0.40),
            (10, 0, 60),
            GRASPS,
            (
                Wave("morph", 1.0, ((0.1, 1.0), (0.55, 0.0), (1.0, 0.0)), scales=False),
                Wave("z", 0.08, ((0.0, 1.0), (0.4, 0.0), (1.0, 0.0))),
            ),
            other="spread",
        ),
        ONE,
        ONCE,
        amplitudes=False,
    ),
    Verb(
        "pinch",
        Track(
            (0.12, -0.20, -0.36),
            (15, 30, 50),
            ("precision",),
            (Wave("morph", 1.0, ((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)), scales=False),),
            other="splitpinch",
        ),
        ONE,
        MEDIUM,
        (1, 6),
        amplitudes=False,
    ),
    Verb(
        "squeeze",
        Track(
            (0.12, -0.28, -0.38),
            (15, 10, 105),
            ("ball", "power", "mitten"),
            (
                Wave("morph", 1.0, ((0.0, 0.0), (0.4, 1.0), (0.6, 1.0), (1.0, 0.0)), scales=False),
                Wave("pitch", 6, "bump"),
            ),
            other="grip",
        ),
        ONE,
        MEDIUM,
        (1, 6),
        amplitudes=False,
    ),
    Verb(
        "twist",
        Track(
            (0.12, -0.26, -0.42),
            (5, 8, 70),
            ("ball", "power", "lateral", "precision"),
            (Wave("roll", 50, "sin"),),
        ),
        ONE,
        MEDIUM,
        (1, 6),
    ),
    Verb(
        "shake",
        Track(
            (0.14, -0.20, -0.36),
            (12, 28, 82),
            ("power", "grip", "ball", "lateral"),
            (Wave("y", 0.06, "sin"), Wave("pitch", 9, "sin", 0.08)),
        ),
        ONE,
        QUICK,
        (1, 6),
    ),
    Verb(
        "pull",
        Track(
            (0.13, -0.28, -0.44),
            (5, 0, 80),
            HELD,
            (
                Wave("aim", 1.0, ((0.0, 0.0), (0.45, 1.0), (0.55, 1.0), (1.0, 0.0))),
                Wave(
                    "morph", 0.8, ((0.0, 0.0), (0.5, 0.0), (0.7, 1.0), (0.85, 1.0), (1.0, 0.0)), scales=False
                ),
            ),
            other="mitten",
        ),
        (("right", 0.42), ("left", 0.33), ("both", 0.25)),
        STROKE,
        (1, 4),
        aims=(
            ("back", (0.0, -0.01, 0.18, 0, 0, 0)),
            ("down", (0.0, -0.16, 0.04, 0, -15, 0)),
            ("left", (-0.17, 0.0, 0.05, 10, 0, 0)),
            ("right", (0.17, 0.0, 0.05, -10, 0, 0)),
        ),
    ),
    Verb(
        "push",
        Track(
            (0.13, -0.25, -0.28),
            (0, 25, 0),
            ("flat", "spread", "mitten"),
            (
                Wave("aim", 1.0, ((0.0, 0.0), (0.45, 1.0), (0.55, 1.0), (1.0, 0.0))),
                Wave("bend", 42, ((0.0, 1.0), (1.0, 1.0)), scales=False),
            ),
        ),
        (("right", 0.42), ("left", 0.33), ("both", 0.25)),
        STROKE,
        (1, 4),
        aims=(
            ("forward", (0.0, 0.02, -0.19, 0, 0, 0)),
            ("down", (0.0, -0.16, -0.04, 0, -25, 0)),
            ("left", (-0.17, 0.0, -0.08, 30, 0, 0)),
            ("right", (0.17, 0.0, -0.08, -30, 0, 0)),
        ),
    ),
    Verb(
        "lift",
        Track(
            (0.14, -0.40, -0.38),
            (18, 5, 125),
            ("mitten", "ball", "hook", "power"),
            (
                Wave("y", 0.24, ((0.12, 0.0), (0.7, 1.0), (1.0, 1.0))),
                Wave("pitch", 14, ((0.12, 0.0), (0.7, 1.0), (1.0, 1.0))),
            ),
        ),
        (("right", 0.25), ("left", 0.2), ("both", 0.55)),
        ONCE,
    ),
    Verb(
        "pick_up",
        Track(
            (0.12, -0.28, -0.38),
            (10, -14, 25),
            GRASPS,
            (
                Wave("y", 0.14, ((0.0, 0.0), (0.3, -1.0), (0.5, -1.0), (0.9, 0.5), (1.0, 0.5))),
                Wave("z", -0.05, ((0.0, 0.0), (0.3, 1.0), (0.5, 1.0), (0.9, 0.0), (1.0, 0.0))),
                Wave("morph", 1.0, ((0.0, 0.4), (0.25, 1.0), (0.48, 0.0), (1.0, 0.0)), scales=False),
            ),
            other="spread",
        ),
        ONE,
        (72, 48, 28),
    ),
    Verb(
        "put_down",
        Track(
            (0.12, -0.28, -0.38),
            (10, -10, 45),
            GRASPS,
            (
                Wave("y", 0.14, ((0.0, 0.5), (0.4, -0.9), (0.65, -0.9), (1.0, 0.1))),
                Wave("z", -0.06, ((0.0, 0.0), (0.4, 1.0), (0.65, 1.0), (1.0, -0.4))),
                Wave("morph", 1.0, ((0.42, 0.0), (0.65, 1.0), (1.0, 0.8)), scales=False),
            ),
            other="spread",
        ),
        ONE,
        (72, 48, 28),
    ),
    Verb(
        "throw",
        Track(
            (0.19, -0.16, -0.30),
            (0, 40, 20),
            ("ball", "power", "precision"),
            (
                Wave("aim", 1.0, ((0.0, 0.0), (0.32, -0.3), (0.64, 1.0), (0.72, 1.0), (1.0, 0.0))),
                Wave("bend", 26, ((0.0, 0.0), (0.32, 1.0), (0.64, -0.6), (0.72, -0.6), (1.0, 0.0))),
                Wave(
                    "morph", 1.0, ((0.0, 0.0), (0.45, 0.0), (0.6, 1.0), (0.75, 1.0), (1.0, 0.0)), scales=False
                ),
            ),
            other="spread",
        ),
        (("right", 0.5), ("left", 0.4), ("both", 0.1)),
        (56, 36, 24),
        (1, 4),
        aims=(
            ("forward", (-0.04, -0.05, -0.21, 5, -32, 0)),
            ("up", (-0.02, 0.12, -0.10, 0, 20, 0)),
            ("left", (-0.20, -0.04, -0.12, 45, -30, 0)),
            ("right", (0.10, -0.04, -0.14, -35, -30, 0)),
        ),
    ),
    Verb(
        "catch",
        Track(
            (0.12, -0.20, -0.34),
            (8, 30, 60),
            ("ball", "power", "mitten"),
            (
                Wave("z", -0.14, ((0.0, 0.3), (0.35, 1.0), (0.48, 1.0), (0.8, 0.0), (1.0, 0.0))),
                Wave("y", 0.10, ((0.0, 0.0), (0.35, 1.0), (0.48, 0.9), (0.8, -0.4), (1.0, -0.4))),
                Wave("morph", 1.0, ((0.38, 1.0), (0.52, 0.0), (1.0, 0.0)), scales=False),
            ),
            other="spread",
        ),
        (("right", 0.3), ("left", 0.25), ("both", 0.45)),
        ONCE,
    ),
)
