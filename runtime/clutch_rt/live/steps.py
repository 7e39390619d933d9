"""What a live stream is made of, 8 frames at a time: sentences, the rest after them, and the seams between.

A *source* is an endless iterator of ``Laid`` steps. A sentence's source gives the frames that ``generate``
gives and then rests; a turn from one source to another asks the old one where the hands would have been, and
lets the gap between the two close smoothly.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np

from clutch_rt.engine import Decoder, Engine
from clutch_rt.frames import clean_frames
from clutch_rt.layout import FRAMES_PER_STEP, HAND_SIZE, Float32Array, IntArray
from clutch_rt.live.blend import Blend, going_on, join
from clutch_rt.live.rest import Rest
from clutch_rt.options import Request
from clutch_rt.text import Prompt

# Steps of the old motion that a new one is told as its own beginning.
PRIME: Final = 2
# Frames from the seam on by which the speeds of two motions are compared.
_KNOWN: Final = 4
# Coming to rest takes longer than turning to something new.
_EASE: Final = 1.5
_SHORTEST_EASE: Final = 30.0


@dataclass(frozen=True)
class Said:
    """A sentence ready to be made.

    Attributes:
        text: as the caller said it.
        prompt: its ids.
        request: length, seed, temperature and top-k.
    """

    text: str
    prompt: Prompt
    request: Request


@dataclass(frozen=True)
class Laid:
    """A step of the stream.

    Attributes:
        frames: ``(8, 2, 99)`` float32, orthonormal.
        text: the sentence they belong to; None where the hands rest.
        codes: ``(4,)``, None where no model made the whole step.
        decoder: the SHIFT decoder as it stands after the step, None like ``codes``.
        end: frames of the step up to the end of a sentence of asked length; None where none ends here.
    """

    frames: Float32Array
    text: str | None = None
    codes: IntArray | None = None
    decoder: Decoder | None = None
    end: int | None = None


def resting(rest: Rest, first: int) -> Iterator[Laid]:
    """The rest from frame ``first`` of the stream on, for ever."""
    while True:
        yield Laid(rest.frames(first, FRAMES_PER_STEP))
        first += FRAMES_PER_STEP


def speaking(
    engine: Engine, said: Said, rest: Rest, first: int, cancel: threading.Event, past: Sequence[Laid] = ()
) -> Iterator[Laid]:
    """A sentence from frame ``first`` of the stream on, and for ever the rest after it.

    Args:
        engine: of the model.
        said: the sentence.
        rest: what follows.
        first: number of the first frame.
        cancel: looked at before every engine call.
        past: the steps just before, which the motion goes on from where a model made them.

    Raises:
        Cancelled: ``cancel`` was set. Other ClutchErrors of the engine.
    """
    before, decoder = _prime(engine, past)
    seen = past[-1].frames if past else np.empty((0, 2, HAND_SIZE), np.float32)
    part = seen[:0]
    left = said.request.frames
    for step in engine.motion(said.prompt.ids, said.request, cancel, before, decoder):
        made = clean_frames(step.frames)
        seen = np.concatenate([seen, made])[-2:]
        first += len(made)
        left = None if left is None else left - len(made)
        if len(made) == FRAMES_PER_STEP:
            yield Laid(made, said.text, step.codes, decoder.copy(), FRAMES_PER_STEP if left == 0 else None)
        else:
            part = made
    blend = eased(join(going_on(seen), rest.frames(first, 2)))
    age = -len(part) % FRAMES_PER_STEP
    if age:
        filled = np.concatenate([part, blend.apply(rest.frames(first, age))])
        yield Laid(filled, said.text, end=len(part))
    yield from _blended(blend, resting(rest, first + age), age)


def turned(old: Laid, source: Iterator[Laid], ease: bool = False) -> Iterator[Laid]:
    """The source, made to go on from the step ``old`` that would have been laid in place of its first.

    Args:
        old: where the hands would have been.
        source: what they do from there on.
        ease: at the pace of hands that come to rest.
    """
    first = next(source)
    blend = join(old.frames[:_KNOWN], first.frames[:_KNOWN])
    return _blended(eased(blend) if ease else blend, chain([first], source))


def eased(blend: Blend) -> Blend:
    """The same blend at the pace of hands that come to rest."""
    return replace(blend, frames=max(_SHORTEST_EASE, _EASE * blend.frames))


def _blended(blend: Blend, source: Iterator[Laid], age: int = 0) -> Iterator[Laid]:
    """A source whose first frame lies ``age`` frames after the seam."""
    while age < blend.frames:
        laid = next(source)
        yield replace(laid, frames=blend.apply(laid.frames, age))
        age += FRAMES_PER_STEP
    yield from source


def _prime(engine: Engine, past: Sequence[Laid]) -> tuple[IntArray | None, Decoder]:
    """Codes ``(k, 4)`` of the last steps, as far as a model made them, and the decoder that made the last."""
    codes: list[IntArray] = []
    for step in reversed(past[-PRIME:]):
        if step.codes is None:
            break
        codes.insert(0, step.codes)
    if not codes or past[-1].decoder is None:
        return None, engine.decoder()
    return np.stack(codes), past[-1].decoder.copy()
