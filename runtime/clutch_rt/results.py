"""What a model hands back besides motions: chunks of a stream, and what it is."""

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
class Info:
    """What a loaded model is and where it runs.

    Attributes:
        name, form, precision, licence, training_data: as the bundle's manifest says.
        path: folder of the bundle. bytes: size of its files.
        device: ``cpu``, ``cuda``, ...; provider: ONNX Runtime's name for it. threads: per session.
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
