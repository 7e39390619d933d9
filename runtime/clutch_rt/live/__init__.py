"""Hands that go on for as long as they are looked at: a generator for game loops, over ``Model.live``.

``player`` is what the caller holds; ``decoding`` the thread behind it; ``steps`` what it lays down, with
``rest`` and ``blend``; ``screen`` what is shown when a frame is late.
"""

from __future__ import annotations

from clutch_rt.live.player import Live

__all__ = ["Live"]
