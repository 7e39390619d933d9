"""Tools, instruments and handicraft."""

from __future__ import annotations

from .gestures import MEDIUM, ONCE, QUICK
from .kitchen import BROAD, TOOL, WIDE
from .spec import Track, Verb, Wave

BOTH = (("both", 1.0),)
_PRESS = ((0.0, 0.0), (0.16, 1.0), (0.34, 0.0), (1.0, 0.0))


def _fingers(size: float, shifts: tuple[float, float, float, float]) -> tuple[Wave, ...]:
    names = ("index", "middle", "ring", "pinky")
    return tuple(Wave(n, size, _PRESS, s, scales=False) for n, s in zip(names, shifts, strict=True))


VERBS = (
    Verb(
        "type",
        Track(
            (0.115, -0.36, -0.33),
            (6, 6, 4),
            ("keys", "claw", "relaxed"),
            (*_fingers(20, (0.0, 0.5, 0.25, 0.75)), Wave("y", -0.008, "sin", scales=False)),
        ),
        BOTH,
        QUICK,
        (3, 8),
        alternate=0.5,
        counted=False,
        amplitudes=False,
    ),
    Verb(
        "play_piano",
        Track(
            (0.17, -0.34, -0.36),
            (0, 8, 0),
            ("keys", "spread", "relaxed"),
            (
                *_fingers(26, (0.8, 0.6, 0.4, 0.2)),
                Wave("thumb", 24, _PRESS, 0.0, scales=False),
                Wave("x", 0.06, "sin", -0.25),
                Wave("roll", 12, "sin", -0.25),
                Wave("y", 0.012, "sin", rate=2.0),
            ),
        ),
        BOTH,
        WIDE,
        (2, 5),
        alternate=0.5,
        counted=False,
    ),
    Verb(
        "clap",
        Track(
            (0.024, -0.26, -0.34),
            (2, 46, 90),
            ("palm", "cupped", "fan"),
            (Wave("x", 0.13, ((0.0, 1.0), (0.45, 0.0), (0.55, 0.0), (1.0, 1.0))),),
        ),
        BOTH,
        QUICK,
        (1, 6),
    ),
    Verb(
        "drum",
        Track(
            (0.14, -0.30, -0.34),
            (22, 6, 30),
            ("grip", "lateral", "power"),
            (Wave("y", 0.08, "strike"), Wave("pitch", 22, "strike"), Wave("bend", 16, "strike")),
        ),
        BOTH,
        QUICK,
        (1, 6),
        alternate=0.5,
        counted=False,
    ),
    Verb(
        "saw",
        Track(
            (0.11, -0.31, -0.34),
            (2, -6, 82),
            ("grip", "power"),
            (Wave("z", 0.11, "sin"), Wave("y", 0.015, "sin")),
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=Track((0.15, -0.38, -0.40), (30, 0, 5), ("mitten", "flat", "power")),
    ),
    Verb(
        "hammer",
        Track(
            (0.13, -0.32, -0.34),
            (8, -6, 80),
            ("grip", "power"),
            (
                Wave("y", 0.14, "strike"),
                Wave("pitch", 50, "strike"),
                Wave("dev", 16, "strike"),
                Wave("z", 0.05, "strike"),
            ),
        ),
        TOOL,
        BROAD,
        (1, 6),
        support=Track((0.12, -0.38, -0.42), (35, -6, 30), ("precision", "tripod")),
        support_share=0.6,
    ),
    Verb(
        "screw",
        Track(
            (0.10, -0.28, -0.40),
            (10, -26, 45),
            ("tripod", "precision", "lateral", "power"),
            (
                Wave("aim", 1.0, ((0.0, -0.5), (0.55, 0.5), (0.65, 0.5), (1.0, -0.5))),
                Wave(
                    "morph",
                    0.7,
                    ((0.0, 0.0), (0.55, 0.0), (0.72, 1.0), (0.88, 1.0), (1.0, 0.0)),
                    scales=False,
                ),
                Wave("y", -0.03, ((0.0, -0.5), (1.0, 0.5)), whole=True, scales=False),
            ),
            other="splitpinch",
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=Track((0.11, -0.38, -0.40), (35, 5, 80), ("power", "ball")),
        support_share=0.4,
        aims=(("clockwise", (0, 0, 0, 0, 0, 72)), ("anticlockwise", (0, 0, 0, 0, 0, -72))),
    ),
    Verb(
        "write",
        Track(
            (0.12, -0.37, -0.34),
            (20, 4, 42),
            ("tripod", "precision", "lateral"),
            (
                Wave("z", 0.024, "sin"),
                Wave("x", 0.018, "cos"),
                Wave("aim", 1.0, ((0.0, -0.5), (1.0, 0.5)), whole=True, scales=False),
                Wave("index", 7, "sin", scales=False),
            ),
        ),
        TOOL,
        QUICK,
        (2, 7),
        counted=False,
        support=Track((0.15, -0.40, -0.36), (35, 0, 4), ("flat", "mitten", "relaxed")),
        support_share=0.6,
        aims=(("right", (0.11, 0, 0, 0, 0, 0)), ("left", (-0.11, 0, 0, 0, 0, 0))),
        steered=False,
    ),
    Verb(
        "zip",
        Track(
            (0.07, -0.21, -0.34),
            (38, -10, 70),
            ("lateral", "precision", "tripod"),
            (Wave("aim", 1.0, ((0.08, -0.5), (0.8, 0.5), (1.0, 0.5))),),
        ),
        TOOL,
        ONCE,
        support=Track((0.11, -0.43, -0.34), (38, -5, 40), ("lateral", "precision")),
        push="y",
        aims=(("up", (0.0, 0.21, 0.02, 0, 20, 0)), ("down", (0.0, -0.21, -0.02, 0, -20, 0))),
    ),
    Verb(
        "deal",
        Track(
            (0.095, -0.245, -0.36),
            (38, 0, 50),
            ("precision", "lateral", "tripod"),
            (
                Wave("x", 0.10, ((0.0, 0.0), (0.4, 1.0), (0.55, 1.0), (1.0, 0.0))),
                Wave("z", -0.10, ((0.0, 0.0), (0.4, 1.0), (0.55, 1.0), (1.0, 0.0))),
                Wave("yaw", -45, ((0.0, 0.0), (0.4, 1.0), (0.55, 1.0), (1.0, 0.0))),
                Wave("morph", 1.0, ((0.25, 0.0), (0.42, 1.0), (0.6, 1.0), (0.95, 0.0)), scales=False),
            ),
            other="splitpinch",
        ),
        TOOL,
        MEDIUM,
        (1, 6),
        support=Track((0.125, -0.34, -0.35), (35, 12, 130), ("lateral", "power")),
    ),
    Verb(
        "strum",
        Track(
            (0.09, -0.36, -0.30),
            (42, 0, 55),
            ("lateral", "relaxed", "tripod"),
            (Wave("y", 0.075, "sin", 0.25), Wave("roll", 22, "sin", 0.25), Wave("dev", -12, "sin", 0.25)),
        ),
        TOOL,
        QUICK,
        (1, 6),
        support=Track(
            (0.27, -0.22, -0.36),
            (15, 40, 160),
            ("claw", "power"),
            (Wave("curl", 10, "bump", whole=True, scales=False),),
        ),
    ),
    Verb(
        "knit",
        Track(
            (0.13, -0.30, -0.34),
            (46, 8, 45),
            ("lateral", "precision", "tripod"),
            (
                Wave("y", 0.03, "sin"),
                Wave("z", -0.025, "cos"),
                Wave("dev", 16, "cos"),
                Wave("roll", 20, "sin"),
            ),
        ),
        BOTH,
        MEDIUM,
        (2, 7),
        alternate=0.5,
        counted=False,
    ),
    Verb(
        "steer",
        Track(
            (0.17, -0.28, -0.38),
            (15, 30, 35),
            ("grip", "power", "hook"),
            (Wave("y", 0.10, "sin"), Wave("x", -0.03, "bump", rate=2.0), Wave("dev", 20, "sin")),
        ),
        BOTH,
        (64, 40, 24),
        (1, 4),
        alternate=0.5,
        counted=False,
    ),
)
