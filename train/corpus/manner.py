"""How a person does whatever is done: what all verbs have in common, and so no verb of the table says.

A verb says what one would draw of it; people add the same things to all they do:

- a posture of their own, the same in both hands and throughout a clip. What fingers have in common varies
  more than what one has to itself (synergies: Santello, Flanders and Soechting 1998). Digits that meet, and
  fingers that are folded into the palm, keep to what the verb says: a pinch closes whoever pinches.
- fingers that follow the wrist: tendons that cross it bend them as it is bent back (tenodesis), and a hand
  that turns quickly leaves its loose fingers a little behind.
- reaching and shaping that overlap: the hand speeds up faster than it slows down, its fingers take shape
  while it is on its way (Jeannerod 1984), one shortly after the other.
- a hand that idles and yet takes part, by a few percent of what the other does (motor overflow) and by the
  trunk, which comes along with a reach.

Apart from the posture, nothing here is random: it follows from the movement itself, and so costs those who
learn the motion little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from clutch_rt.flesh import sphere_centres
from clutch_rt.layout import FPS
from numpy.typing import NDArray

from .anatomy import ANGLES, STATE, THUMB, WRIST, joint_angles, joint_rotations
from .curves import min_jerk

FloatArray = NDArray[np.float64]

BEND, PITCH, ROLL = 6, 4, 5  # of a state
KNUCKLES: Final = slice(WRIST + 1, WRIST + 16, 4)
MIDDLES: Final = slice(WRIST + 2, WRIST + 16, 4)

# Degrees by which people hold their forearms and wrists differently: yaw, pitch, roll, bend, deviation.
_TURN: Final = np.array([4.0, 6.0, 6.0, 4.0, 3.0])
TOGETHER: Final = 0.4  # part of a person's posture that is left where two hands have to find each other
_OWN: Final = 0.6  # of the pose noise is each angle's own
_USUAL_NOISE: Final = 2.5  # degrees of pose noise that the ways below are told for
_FEWEST: Final = 0.25  # of a person's posture that digits keep which meet
_FAN: Final = np.array([1.0, 0.0, 0.7, 1.3])  # how far each finger leaves the middle one
# What free fingers have on average, degrees: a little fanned out, and last joints that follow the middle ones
# by less than they do in a grasp.
_FANNED: Final = 3.0
_STRAIGHT: Final = -5.0


def _ways() -> FloatArray:
    """What hands of people differ by, `(7, 21)` degrees at one standard deviation."""
    ways = np.zeros((7, ANGLES))
    knuckles, middles, lasts = (ways[:, k:16:4] for k in (1, 2, 3))
    knuckles[0] = middles[0] = 4.5 * np.array([0.8, 0.95, 1.1, 1.2])  # more or less closed
    ways[0, THUMB] = (0.0, 0.0, 0.0, 2.0, 2.5)
    knuckles[1], middles[1] = 8.0, -8.0  # bent at the knuckles or at the middle joints
    ways[2, 0:16:4] = 4.5 * _FAN  # fanned out or together
    knuckles[3] = 4.0 * np.array([-1.0, -0.3, 0.5, 1.2])  # the little finger's side more bent, or less
    lasts[4] = 5.0  # last joints bent or straight
    ways[5, THUMB] = (5.0, 3.0, 3.0, 0.0, 0.0)  # the thumb's root
    ways[6, THUMB] = (0.0, 0.0, 0.0, 5.0, 5.0)  # and the thumb itself
    return ways


def _usual() -> FloatArray:
    """What free fingers have on average beyond what the table says, `(21,)` degrees."""
    usual = np.zeros(ANGLES)
    usual[0:16:4] = _FANNED * _FAN
    usual[3:16:4] = _STRAIGHT
    return usual


_WAYS: Final = _ways()
_USUAL: Final = _usual()


@dataclass(frozen=True)
class Manner:
    """A person's posture, in right-hand form, added to whatever a verb asks for.

    Attributes:
        turn: `(5,)` radians.
        fingers: `(21,)` radians.
        noise: degrees by which an angle differs for itself from action to action.
    """

    turn: FloatArray
    fingers: FloatArray
    noise: float

    def posture(self, free: FloatArray, share: float = 1.0) -> FloatArray:
        """What a hand's state gains, `(29,)`: of the fingers `free` `(21,)`, of the turn `share`, 0 to 1."""
        return np.concatenate([np.zeros(3), self.turn * share, self.fingers * free])


def draw_manner(seed: int, pose_noise: float) -> Manner:
    """The manner of the person `seed` stands for; without pose noise, fingers are as the table has them."""
    rng = np.random.default_rng([seed, 0x3A22])
    turn = np.radians(_TURN) * rng.normal(size=5).clip(-2.0, 2.0)
    ways = _USUAL + rng.normal(size=len(_WAYS)).clip(-2.0, 2.0) @ _WAYS
    return Manner(turn, np.radians(ways) * (pose_noise / _USUAL_NOISE), _OWN * pose_noise)


def usual_manner() -> Manner:
    """The manner that people have on average."""
    return Manner(np.zeros(5), np.radians(_USUAL), 0.0)


def freedom(postures: FloatArray) -> FloatArray:
    """How free the fingers are of what they do, `(21,)`: 1, and less for those that meet or are folded.

    Args:
        postures: `(N, 21)` radians, those that a movement passes through.
    """
    joints = joint_rotations(joint_angles(postures))
    points = sphere_centres(np.broadcast_to(np.eye(3), (len(postures), 3, 3)), joints, np.zeros((1, 3)))
    # By finger: what the thumb's tip may meet (the two outer joints and the tip, in MANO's order).
    outer = points[:, [[2, 3, 17], [5, 6, 18], [11, 12, 19], [8, 9, 20]]]
    gap = np.linalg.norm(outer - points[:, None, None, 16], axis=-1).min(axis=(0, 2))
    bent = postures[:, 2:16:4].max(axis=0)
    apart = min_jerk((gap - 0.018) / 0.03)
    loose = np.minimum(apart, min_jerk((np.radians(95.0) - bent) / np.radians(45.0)))
    free = np.append(np.repeat(loose, 4), np.full(5, apart.min()))
    return _FEWEST + (1.0 - _FEWEST) * free


_TENDON: Final = 0.25  # of the wrist's bend goes on into loose fingers
_BEHIND: Final = 0.025  # seconds by which loose fingers stay behind a turning hand
_PASSIVE: Final = np.array([0.8, 1.0, 1.1, 1.2])  # by finger, index to little


def follow(state: FloatArray, free: FloatArray) -> None:
    """Let the fingers of a hand's `state` `(T, 29)` follow its wrist; `free` as of `freedom`."""
    turning = np.gradient(state[:, BEND]) + np.gradient(state[:, PITCH]) * np.cos(state[:, ROLL])
    bent = _TENDON * state[:, BEND] + _BEHIND * FPS * turning
    by_finger = bent[:, None] * _PASSIVE
    state[:, KNUCKLES] += 0.65 * free[1:16:4] * by_finger
    state[:, MIDDLES] += 0.35 * free[2:16:4] * by_finger


_TRUNK: Final = 0.05  # of a reach is done by the trunk, which takes the other hand along
_OVERFLOW: Final = 0.06  # of what one hand does shows in the other


def take_part(rest: FloatArray, busy: FloatArray, start: FloatArray) -> FloatArray:
    """An idle hand beside a busy one, `(T, 29)`.

    Args:
        rest: `(29,)` the idle hand.
        busy: `(T, 29)` the other.
        start: `(29,)` where the other hand's movements start from.
    """
    moved = rest + _OVERFLOW * (busy - start)
    moved[:, :3] += _TRUNK * (start[:3] - rest[:3])
    return moved


# When place, turn and the five digits begin and end to change on the way from one action to the next, as
# parts of the way; the fingers are ready before the hand arrives.
_BEGINS: Final = np.array([0.0, 0.0, 0.04, 0.07, 0.10, 0.13, 0.03])
_ENDS: Final = np.array([1.0, 0.97, 0.84, 0.88, 0.92, 0.95, 0.9])
_GROUP: Final = np.repeat(np.arange(7), (3, 5, 4, 4, 4, 4, 5))
_EARLY: Final = 0.88  # a power of time: the hand is fastest at 45 % of its way, not at half


def way(time: FloatArray, begin: float, end: float) -> FloatArray:
    """How far each number of a state has changed on a way from `begin` to `end`, `(T, 29)` from 0 to 1."""
    part = np.clip((time - begin) / (end - begin), 0.0, 1.0)[:, None] ** _EARLY
    return np.asarray(min_jerk((part - _BEGINS) / (_ENDS - _BEGINS))[:, _GROUP])


assert len(_GROUP) == STATE
