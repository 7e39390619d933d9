"""What a model hands back besides motions: chunks of streams, and what it is."""

from __future__ import annotations

from dataclasses import dataclass

from clutch_rt.joints import JointPoses
from clutch_rt.layout import FPS, Float32Array
from clutch_rt.motion import Motion


@dataclass(frozen=True)
class Chunk:
    """Frames of a motion, as soon as they are made.

    Attributes:
        frames: ``(n, 2, 99)`` float32, read-only, 30 fps, ``openxr`` space; the same as ``generate`` gives.
        index: number of the first frame within the motion.
        total: frames of the whole motion; None where the model has not yet decided.
    """

    frames: Float32Array
    index: int
    total: int | None

    @property
    def time(self) -> float:
        """Seconds from the start of the motion to the first frame."""
        return self.index / FPS

    def joints(self, layout: str = "openxr") -> JointPoses:
        """Joint poses, positions ``(n, 2, J, 3)`` metres; layouts as in ``Motion.joints``."""
        return Motion(self.frames).joints(layout)


@dataclass(frozen=True)
class Played:
    """Frames of a live stream, to be shown now.

    Attributes:
        frames: ``(n, 2, 99)`` float32, read-only, ``openxr`` space, left hand then right.
        index: number of the first frame, counted at the stream's fps.
        time: seconds from the start of the stream to the first frame.
        late: how many of them, at the end, stand in for frames that were not decoded in time; they do not
            count in ``index`` and ``time``.
        text: the sentence that the last frame belongs to; None where the hands rest.
    """

    frames: Float32Array
    index: int
    time: float
    late: int
    text: str | None

    def joints(self, layout: str = "openxr") -> JointPoses:
        """Joint poses, positions ``(n, 2, J, 3)`` metres; layouts as in ``Motion.joints``."""
        return Motion(self.frames).joints(layout)


@dataclass(frozen=True)
class LiveStats:
    """How a live stream is doing.

    Attributes:
        frames: poses handed out in time.
        late: poses handed out in place of frames that were late.
        stalls: how often decoding fell behind, for one frame or for many.
        sentences: said so far, the opening one included.
        lead: frames of 1/30 s that lie ready now.
    """

    frames: int
    late: int
    stalls: int
    sentences: int
    lead: int


@dataclass(frozen=True)
class Info:
    """What a loaded model is and where it runs.

    Attributes:
        name, form, precision, licence, training_data: as the bundle's manifest says.
        path: folder of the bundle. bytes: size of its files.
        device: ``cpu``, ``cuda``, ...; provider: ONNX Runtime's name for it. threads: per session.
        kernels: of the compiled library, such as ``AVX512-VNNI``, that make the steps; or ``none`` and why.
        passed_over: why ``device="auto"`` took nothing better, a reason for each device.
        max_seconds: the longest motion. max_prompt_tokens: the longest prompt.
        temperature, top_k: how a motion is drawn unless the caller says.
        metrics: measured at export, as the manifest says.
    """

    name: str
    path: str
    form: str
    precision: str
    bytes: int
    device: str
    provider: str
    threads: int
    max_seconds: float
    max_prompt_tokens: int
    temperature: float
    top_k: int
    licence: str
    training_data: str
    metrics: dict[str, object]
    passed_over: tuple[str, ...] = ()
    kernels: str = "none"
