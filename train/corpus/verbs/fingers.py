"""Signs and games of the fingers: what one hand does with nothing in it."""

from __future__ import annotations

from train.corpus.curves import Keys

from .gestures import MEDIUM, ONCE, ONE, QUICK
from .spec import Track, Verb, Wave

UPRIGHT = (5.0, 66.0, 0.0)  # fingers up, the palm away from the one who shows it
# Away from the shape at first, then into it, and it stays.
FORMS: Keys = ((0.0, 1.0), (0.4, 0.0), (1.0, 0.0))
# From the shape to the other one and back.
TO_AND_FRO: Keys = ((0.0, 0.0), (0.4, 1.0), (0.6, 1.0), (1.0, 0.0))
# Let go suddenly, come back slowly.
RELEASE: Keys = ((0.0, 0.0), (0.42, 0.0), (0.6, 1.0), (0.7, 1.0), (1.0, 0.0))

# Curl of the finger, flexion and opposition of the thumb at which their tips meet, in degrees.
_MEETING = {
    "index": (47.4, 19.5, -2.7),
    "middle": (48.5, 26.2, 1.8),
    "ring": (47.7, 31.9, 5.0),
    "pinky": (44.7, 44.3, 10.5),
}


def _sign(name: str, shape: str, turn: tuple[float, float, float], start: str, lift: float) -> Verb:
    """A sign made once and shown: the hand comes up (or down) into its shape."""
    track = Track(
        (0.14, -0.18, -0.36),
        turn,
        (shape,),
        (Wave("morph", 1.0, FORMS, scales=False), Wave("y", lift, ((0.0, -1.0), (0.45, 0.0), (1.0, 0.0)))),
        other=start,
    )
    return Verb(name, track, ONE, ONCE, amplitudes=False)


def _one_after_the_other() -> tuple[Wave, ...]:
    """The thumb touches the four tips in turn, a quarter of the cycle each."""
    waves, thumb, oppose = [], [(0.0, 0.0)], [(0.0, 0.0)]
    for i, (finger, (curl, flex, turn)) in enumerate(_MEETING.items()):
        a = i / 4.0
        waves.append(
            Wave(
                finger,
                curl,
                ((a, 0.0), (a + 0.09, 1.0), (a + 0.14, 1.0), (a + 0.24, 0.0), (1.0, 0.0)),
                scales=False,
            )
        )
        for keys, value in ((thumb, flex), (oppose, turn)):
            keys += [(a + 0.09, value), (a + 0.14, value)]
    waves += [
        Wave("thumb", 1.0, (*thumb, (1.0, 0.0)), scales=False),
        Wave("oppose", 1.0, (*oppose, (1.0, 0.0)), scales=False),
    ]
    return tuple(waves)


def _touch(name: str, shape: str) -> Verb:
    """The thumb meets one finger, opens and meets it again."""
    track = Track(
        (0.14, -0.19, -0.36),
        (8, 52, 125),
        (shape,),
        (Wave("morph", 1.0, ((0.0, 1.0), (0.45, 0.0), (0.6, 0.0), (1.0, 1.0)), scales=False),),
        other="ready",
    )
    return Verb(name, track, ONE, MEDIUM, (1, 6), amplitudes=False)


VERBS = (
    _sign("peace", "peace", UPRIGHT, "fist", 0.05),
    _sign("okay", "okay", (5, 58, 18), "spread", 0.04),
    _sign("horns", "horns", UPRIGHT, "fist", 0.05),
    _sign("cross_fingers", "crossed", UPRIGHT, "peace", 0.03),
    _sign("thumbs_down", "thumb", (12, -4, -78), "fist", -0.08),
    Verb(
        "call_me",
        Track(
            (0.17, -0.10, -0.24),
            (40, 28, 88),
            ("callme",),
            (
                Wave("morph", 1.0, ((0.0, 1.0), (0.3, 0.0), (1.0, 0.0)), scales=False),
                Wave(
                    "roll", 16, ((0.3, 0.0), (0.42, 1.0), (0.56, -1.0), (0.7, 1.0), (0.84, -1.0), (1.0, 0.0))
                ),
            ),
            other="fist",
        ),
        (("right", 0.57), ("left", 0.43)),
        (72, 48, 28),
        amplitudes=False,
    ),
    Verb(
        "stop",
        Track(
            (0.14, -0.13, -0.44),
            (0, 68, 0),
            ("flat", "spread", "palm"),
            (
                Wave("y", 0.15, ((0.0, -1.0), (0.4, 0.0), (1.0, 0.0))),
                Wave("z", 0.12, ((0.0, 1.0), (0.4, 0.0), (1.0, 0.0))),
                Wave("bend", 14, ((0.0, -1.0), (0.4, 1.0), (1.0, 1.0)), scales=False),
            ),
        ),
        (("right", 0.45), ("left", 0.35), ("both", 0.2)),
        ONCE,
    ),
    Verb(
        "wag",
        Track(
            (0.16, -0.15, -0.36),
            (2, 68, 5),
            ("point",),
            (Wave("dev", 26, "sin"), Wave("x", -0.02, "sin")),
        ),
        ONE,
        QUICK,
        (1, 6),
    ),
    Verb(
        "snap",
        Track(
            (0.16, -0.17, -0.36),
            (15, 40, 75),
            ("snap",),
            (
                Wave("morph", 1.0, RELEASE, scales=False),
                Wave("pitch", -10, RELEASE),
                Wave("y", 0.012, "bump"),
            ),
            other="snapped",
        ),
        ONE,
        QUICK,
        (1, 6),
        amplitudes=False,
    ),
    Verb(
        "flick",
        Track(
            (0.12, -0.31, -0.42),
            (4, 2, 24),
            ("flick",),
            (Wave("morph", 1.0, RELEASE, scales=False), Wave("dev", -8, RELEASE), Wave("bend", 8, RELEASE)),
            other="flicked",
        ),
        ONE,
        MEDIUM,
        (1, 6),
        amplitudes=False,
    ),
    Verb(
        "spread_fingers",
        Track(
            (0.14, -0.20, -0.38),
            (5, 48, 0),
            ("closed",),
            (Wave("morph", 1.0, TO_AND_FRO, scales=False),),
            other="wide",
        ),
        ONE,
        MEDIUM,
        (1, 6),
        amplitudes=False,
    ),
    Verb(
        "touch_fingers",
        Track((0.14, -0.19, -0.36), (8, 52, 125), ("ready",), _one_after_the_other()),
        ONE,
        (72, 48, 28),
        (1, 4),
        amplitudes=False,
    ),
    _touch("touch_middle", "touchmiddle"),
    _touch("touch_ring", "touchring"),
    _touch("touch_little", "touchlittle"),
    Verb(
        "tickle",
        Track(
            (0.13, -0.27, -0.43),
            (8, 20, 165),
            ("claw", "keys", "relaxed"),
            (
                Wave("index", 30, "bump", 0.0, scales=False),
                Wave("middle", 30, "bump", 0.75, scales=False),
                Wave("ring", 30, "bump", 0.5, scales=False),
                Wave("pinky", 30, "bump", 0.25, scales=False),
                Wave("x", 0.02, "sin"),
            ),
        ),
        ONE,
        QUICK,
        (2, 7),
        counted=False,
    ),
)
