"""The kitchen and the household: food, water, cloth."""

from __future__ import annotations

from .gestures import MEDIUM, ONE, QUICK
from .spec import Track, Verb, Wave

BROAD = (44, 28, 16)
WIDE = (52, 32, 20)
TILT = (80, 48, 28)
TOOL = (("right", 0.57), ("left", 0.43))

HOLD_BOWL = Track((0.14, -0.38, -0.37), (35, 0, 75), ("ball", "power", "mitten"))
# There in the first part of the cycle, back in the second.
THERE_AND_BACK = ((0.0, 0.0), (0.45, 1.0), (0.55, 1.0), (1.0, 0.0))

VERBS = (
    Verb(
        "pour",
        Track(
            (0.10, -0.18, -0.38),
            (20, 8, 85),
            ("power", "grip", "lateral", "hook"),
            (
                Wave("roll", -92, ((0.0, 0.0), (0.35, 1.0), (0.65, 1.0), (1.0, 0.0)), scales=False),
                Wave("y", 0.05, ((0.0, 0.0), (0.35, 1.0), (0.65, 1.0), (1.0, 0.0))),
                Wave("x", -0.03, ((0.0, 0.0), (0.35, 1.0), (0.65, 1.0), (1.0, 0.0))),
            ),
        ),
        TOOL,
        TILT,
        (1, 3),
        support=Track((0.09, -0.37, -0.38), (30, 5, 80), ("power", "ball")),
        support_share=0.5,
    ),
    Verb(
        "drink",
        Track(
            (0.13, -0.30, -0.36),
            (20, 5, 85),
            ("power", "ball", "lateral"),
            (
                Wave("y", 0.17, ((0.0, 0.0), (0.35, 1.0), (0.7, 1.0), (1.0, 0.0)), scales=False),
                Wave("z", 0.15, ((0.0, 0.0), (0.35, 1.0), (0.7, 1.0), (1.0, 0.0)), scales=False),
                Wave("yaw", 40, ((0.0, 0.0), (0.35, 1.0), (0.7, 1.0), (1.0, 0.0)), scales=False),
                Wave("pitch", 25, ((0.0, 0.0), (0.3, 0.4), (0.5, 1.4), (0.62, 1.4), (0.8, 0.4), (1.0, 0.0))),
                Wave("roll", -20, ((0.0, 0.0), (0.3, 0.0), (0.5, 1.4), (0.62, 1.4), (0.8, 0.0), (1.0, 0.0))),
            ),
        ),
        TOOL,
        TILT,
        (1, 3),
        amplitudes=False,
    ),
    Verb(
        "stir",
        Track(
            (0.10, -0.22, -0.39),
            (15, -18, 50),
            ("tripod", "lateral", "power", "precision"),
            (
                Wave("z", -0.05, "cos"),
                Wave("aim", 1.0, "sin"),
                Wave("dev", 8, "sin"),
            ),
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=HOLD_BOWL,
        support_share=0.5,
        aims=(("clockwise", (0.05, 0, 0, 0, 0, 0)), ("anticlockwise", (-0.05, 0, 0, 0, 0, 0))),
    ),
    Verb(
        "sprinkle",
        Track(
            (0.10, -0.22, -0.38),
            (10, -10, 0),
            ("purse",),
            (
                Wave("bend", -26, ((0.0, 1.0), (1.0, 1.0)), scales=False),
                Wave("x", 0.035, "sin"),
                Wave("index", 9, "sin", scales=False),
                Wave("middle", 9, "sin", 0.25, scales=False),
                Wave("thumb", 9, "cos", scales=False),
            ),
        ),
        ONE,
        QUICK,
        (1, 6),
        counted=False,
    ),
    Verb(
        "knead",
        Track(
            (0.105, -0.34, -0.32),
            (12, -4, 10),
            ("mitten", "power", "fist", "flat"),
            (
                Wave("z", -0.09, "bump"),
                Wave("y", -0.05, "sin", 0.12),
                Wave("bend", 30, "bump", -0.1),
                Wave("morph", 0.6, "bump", 0.5, scales=False),
            ),
            other="grip",
        ),
        (("both", 1.0),),
        WIDE,
        (1, 6),
    ),
    Verb(
        "roll_out",
        Track(
            (0.14, -0.36, -0.30),
            (6, 6, 0),
            ("mitten", "flat", "power"),
            (Wave("z", -0.14, THERE_AND_BACK),),
        ),
        (("both", 1.0),),
        WIDE,
        (1, 6),
    ),
    Verb(
        "cut",
        Track(
            (0.09, -0.27, -0.38),
            (15, -14, 60),
            ("grip", "power", "lateral"),
            (
                Wave("y", -0.055, "strike"),
                Wave("pitch", -14, "strike"),
                Wave("z", -0.03, "sin"),
            ),
        ),
        TOOL,
        QUICK,
        (1, 6),
        support=Track(
            (0.13, -0.36, -0.38),
            (48, -10, 8),
            ("claw", "mitten"),
            (Wave("x", 0.03, ((0.0, -0.5), (1.0, 0.5)), whole=True, scales=False),),
        ),
    ),
    Verb(
        "peel",
        Track(
            (0.12, -0.22, -0.36),
            (36, -8, 62),
            ("lateral", "precision", "tripod"),
            (
                Wave("y", -0.09, ((0.0, 0.0), (0.55, 1.0), (1.0, 0.0))),
                Wave("z", 0.05, ((0.0, -0.4), (0.55, 1.0), (1.0, -0.4))),
                Wave("x", 0.05, ((0.0, 0.0), (0.55, 0.2), (0.78, 1.0), (1.0, 0.0))),
                Wave("dev", -18, ((0.0, 0.0), (0.55, 1.0), (1.0, 0.0))),
            ),
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=Track(
            (0.12, -0.34, -0.40),
            (32, 10, 140),
            ("ball", "power"),
            (Wave("roll", 25, ((0.0, -0.5), (1.0, 0.5)), whole=True, scales=False),),
        ),
    ),
    Verb(
        "wipe",
        Track(
            (0.17, -0.37, -0.37),
            (16, 4, 0),
            ("flat", "mitten", "spread", "power"),
            (Wave("x", -0.11, "sin"), Wave("yaw", 14, "sin"), Wave("z", -0.025, "sin", rate=2.0)),
        ),
        TOOL,
        BROAD,
        (1, 6),
    ),
    Verb(
        "rub",
        Track(
            (0.030, -0.26, -0.34),
            (2, 34, 90),
            ("palm", "cupped", "fan"),
            (Wave("z", -0.045, "sin"), Wave("y", 0.02, "sin")),
        ),
        (("both", 1.0),),
        QUICK,
        (1, 6),
        alternate=0.5,
    ),
    Verb(
        "wash",
        Track(
            (0.030, -0.36, -0.34),
            (4, 0, 90),
            ("palm", "cupped", "fan"),
            (
                Wave("z", -0.045, "cos"),
                Wave("y", -0.045, "sin"),
                Wave("roll", 38, "sin"),
                Wave("curl", 12, "sin", 0.2, scales=False),
            ),
        ),
        (("both", 1.0),),
        MEDIUM,
        (1, 6),
        alternate=0.5,
        counted=False,
    ),
    Verb(
        "fold",
        Track(
            (0.15, -0.37, -0.38),
            (20, 4, 15),
            ("precision", "lateral", "mitten"),
            (
                Wave("z", -0.09, ((0.0, 1.0), (0.55, -0.6), (0.65, -0.6), (1.0, 1.0))),
                Wave("y", 0.11, ((0.0, 0.0), (0.28, 1.0), (0.55, 0.0), (0.65, 0.0), (0.82, 0.3), (1.0, 0.0))),
                Wave("roll", 70, ((0.0, 0.0), (0.5, 1.0), (0.65, 1.0), (1.0, 0.0)), scales=False),
            ),
        ),
        (("both", 1.0),),
        (72, 44, 28),
        (1, 4),
    ),
)
