"""Chores and crafts: more of the kitchen, the laundry, the garden and the workshop."""

from __future__ import annotations

from .gestures import MEDIUM, QUICK
from .handling import STROKE
from .kitchen import BROAD, THERE_AND_BACK, TOOL, WIDE
from .spec import Track, Verb, Wave
from .tools import BOTH

_APART = ((0.0, 0.0), (0.15, 0.0), (0.6, 1.0), (0.75, 1.0), (1.0, 0.0))
_FLIP = ((0.0, 0.0), (0.3, -0.35), (0.55, 1.0), (1.0, 0.0))

VERBS = (
    Verb(
        "grate",
        Track(
            (0.09, -0.29, -0.38),
            (16, -34, 8),
            ("ball", "power", "precision"),
            (Wave("y", -0.075, "sin"), Wave("z", -0.035, "sin"), Wave("pitch", -6, "sin")),
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=Track((0.10, -0.16, -0.42), (45, -18, 60), ("power", "hook")),
    ),
    Verb(
        "whisk",
        Track(
            (0.10, -0.22, -0.38),
            (24, -30, 70),
            ("grip", "lateral", "tripod"),
            (
                Wave("z", -0.03, "cos"),
                Wave("y", 0.035, "sin"),
                Wave("roll", 26, "sin"),
                Wave("dev", 12, "cos"),
            ),
        ),
        TOOL,
        QUICK,
        (2, 8),
        counted=False,
        support=Track((0.13, -0.36, -0.36), (38, 14, 60), ("ball", "power", "mitten")),
    ),
    Verb(
        "spread",
        Track(
            (0.10, -0.25, -0.36),
            (52, -4, 45),
            ("lateral", "precision", "grip"),
            (Wave("x", -0.06, "sin"), Wave("roll", 40, "cos"), Wave("z", 0.02, "cos")),
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=Track((0.10, -0.35, -0.40), (28, 8, 155), ("mitten", "ball", "flat")),
    ),
    Verb(
        "wring",
        Track(
            (0.075, -0.27, -0.36),
            (14, 6, 14),
            ("grip", "power"),
            (Wave("bend", 30, "sin"), Wave("y", 0.02, "sin"), Wave("dev", 10, "cos")),
        ),
        BOTH,
        MEDIUM,
        (1, 6),
        alternate=0.5,
    ),
    Verb(
        "tear",
        Track(
            (0.055, -0.24, -0.36),
            (36, 8, 50),
            ("lateral", "precision"),
            (Wave("z", 0.08, _APART), Wave("x", 0.07, _APART), Wave("roll", 25, _APART)),
        ),
        BOTH,
        STROKE,
        (1, 4),
        second=Track(
            (0.055, -0.24, -0.36),
            (36, 8, 50),
            ("lateral", "precision"),
            (Wave("z", -0.10, _APART), Wave("x", 0.05, _APART), Wave("roll", -20, _APART)),
        ),
    ),
    Verb(
        "iron",
        Track(
            (0.16, -0.37, -0.32),
            (8, 0, 6),
            ("grip", "power"),
            (
                Wave("z", -0.13, THERE_AND_BACK),
                Wave("x", -0.10, ((0.0, -0.5), (1.0, 0.5)), whole=True),
            ),
        ),
        TOOL,
        WIDE,
        (1, 6),
        support=Track((0.17, -0.38, -0.42), (30, 2, 0), ("flat", "spread")),
        support_share=0.6,
    ),
    Verb(
        "spray",
        Track(
            (0.13, -0.20, -0.42),
            (6, 6, 82),
            ("trigger",),
            (
                Wave("index", 44, "bump", scales=False),
                Wave("middle", 30, "bump", scales=False),
                Wave("yaw", 22, ((0.0, -0.5), (1.0, 0.5)), whole=True),
            ),
        ),
        TOOL,
        QUICK,
        (1, 6),
    ),
    Verb(
        "flip",
        Track(
            (0.13, -0.33, -0.36),
            (12, -4, 55),
            ("grip", "power"),
            (
                Wave("y", 0.11, _FLIP),
                Wave("z", -0.07, ((0.0, 0.0), (0.4, 1.0), (0.7, 0.0), (1.0, 0.0))),
                Wave("pitch", 30, _FLIP),
            ),
        ),
        TOOL,
        STROKE,
        (1, 5),
    ),
    Verb(
        "sweep",
        Track(
            (0.08, -0.38, -0.40),
            (4, -22, 78),
            ("grip", "power"),
            (Wave("x", 0.13, "sin"), Wave("yaw", -16, "sin"), Wave("y", 0.02, "bump", rate=2.0)),
        ),
        BOTH,
        BROAD,
        (1, 6),
        second=Track(
            (0.06, -0.20, -0.34),
            (30, 12, 78),
            ("grip", "power"),
            (Wave("x", -0.05, "sin"), Wave("yaw", 8, "sin")),
        ),
    ),
    Verb(
        "dig",
        Track(
            (0.10, -0.36, -0.40),
            (20, -10, 120),
            ("grip", "power"),
            (
                Wave("y", 0.12, ((0.0, 0.0), (0.3, -0.8), (0.68, 1.0), (1.0, 0.0))),
                Wave("z", -0.09, ((0.0, 0.0), (0.3, 1.0), (0.6, 0.4), (0.8, 1.0), (1.0, 0.0))),
                Wave("x", 0.10, ((0.0, 0.0), (0.5, 0.0), (0.78, 1.0), (1.0, 0.0))),
                Wave("pitch", 30, ((0.0, 0.0), (0.3, -0.7), (0.68, 1.0), (1.0, 0.0))),
            ),
        ),
        BOTH,
        (72, 44, 28),
        (1, 4),
        second=Track(
            (0.07, -0.22, -0.28),
            (24, -24, 20),
            ("grip", "power"),
            (
                Wave("y", 0.07, ((0.0, 0.0), (0.3, -1.0), (0.6, 0.0), (0.8, 0.3), (1.0, 0.0))),
                Wave("z", -0.05, ((0.0, 0.0), (0.3, 1.0), (0.68, -0.4), (1.0, 0.0))),
                Wave("x", -0.04, ((0.0, 0.0), (0.5, 0.0), (0.78, 1.0), (1.0, 0.0))),
            ),
        ),
    ),
    Verb(
        "sew",
        Track(
            (0.10, -0.24, -0.36),
            (40, -18, 40),
            ("precision", "tripod"),
            (
                Wave("y", 0.12, ((0.0, 0.0), (0.25, -0.4), (0.36, -0.4), (0.7, 1.0), (1.0, 0.0))),
                Wave("x", 0.09, ((0.0, 0.0), (0.36, 0.0), (0.72, 1.0), (1.0, 0.0))),
                Wave("roll", 55, ((0.0, 0.0), (0.3, 1.0), (0.7, 0.4), (1.0, 0.0)), scales=False),
                Wave("pitch", 26, ((0.0, 0.0), (0.36, 0.0), (0.72, 1.0), (1.0, 0.0))),
            ),
        ),
        TOOL,
        (64, 40, 24),
        (1, 5),
        support=Track((0.09, -0.34, -0.39), (36, 4, 50), ("precision", "lateral")),
    ),
    Verb(
        "paint",
        Track(
            (0.15, -0.16, -0.47),
            (4, 34, 24),
            ("tripod", "lateral", "grip"),
            (
                Wave("y", 0.12, "sin"),
                Wave("bend", -26, "cos"),
                Wave("x", -0.14, ((0.0, -0.5), (1.0, 0.5)), whole=True, scales=False),
            ),
        ),
        TOOL,
        BROAD,
        (1, 6),
    ),
    Verb(
        "bow",
        Track(
            (0.21, -0.21, -0.34),
            (48, 4, 12),
            ("tripod", "precision", "lateral"),
            (
                Wave("x", 0.11, "sin"),
                Wave("y", -0.04, "sin"),
                Wave("dev", 14, "cos"),
                Wave("z", -0.02, "sin"),
            ),
        ),
        TOOL,
        WIDE,
        (1, 6),
        support=Track(
            (0.20, -0.10, -0.36),
            (8, 44, 168),
            ("claw", "power"),
            (
                Wave("index", 16, "bump", whole=True, rate=1.0, scales=False),
                Wave("ring", 16, "sin", whole=True, scales=False),
            ),
        ),
    ),
    Verb(
        "crank",
        Track(
            (0.12, -0.27, -0.38),
            (10, 4, 60),
            ("power", "grip", "ball"),
            (Wave("z", 0.075, "cos"), Wave("y", 0.075, "sin"), Wave("pitch", 8, "cos")),
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=Track((0.13, -0.33, -0.38), (30, 4, 70), ("power", "ball")),
        support_share=0.4,
    ),
)
