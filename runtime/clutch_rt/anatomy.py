"""The joints of a hand in MANO's order: their names, and which hangs from which.

0 wrist; 1-3 index; 4-6 middle; 7-9 pinky; 10-12 ring; 13-15 thumb; then the tips: 16 thumb, 17 index,
18 middle, 19 ring, 20 pinky. Note that the pinky comes before the ring finger among the joints, and after
it among the tips.
"""

from __future__ import annotations

JOINTS = 16
TIPS = 5
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
JOINT_NAMES = (
    "wrist",
    *(f"{finger}_{k}" for finger in ("index", "middle", "pinky", "ring", "thumb") for k in (1, 2, 3)),
)
TIP_NAMES = ("thumb_tip", "index_tip", "middle_tip", "ring_tip", "pinky_tip")
# The joint each tip hangs from, in tip order.
TIP_PARENTS = (15, 3, 6, 12, 9)
