"""Do the networks say what PyTorch says? They are run on the CPU by ONNX Runtime, before an engine is built.

That shows the networks right, the rounding of their weights included. It is no run of an engine: kernels on
a GPU sum in other orders, and round the float16 products that the CPU computes in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from clutch_rt.layout import IntArray

from export.agreement import MOTION_MM, Report, largest_difference, millimetres, require
from export.driver import Draw, Driver
from export.network_builder import EnginePrecision
from export.parity import SENTENCES, Parity
from export.run_folder import Run
from models import generation

KL_NATS: Final[Mapping[EnginePrecision, float]] = {"fp16": 1e-3, "int8": 0.01, "int4": 0.1}
"""Mean divergence that the weights of each precision may cost, nats."""


class NetworkCheck(Parity):
    """The checks of a bundle that concern what an engine runs.

    Args:
        folder: holds the networks.
        run: what they were written from.
        precision: of their weights.
        draw: temperature and top-k.
        log: takes lines of progress.
    """

    def __init__(
        self, folder: Path, run: Run, precision: EnginePrecision, draw: Draw, log: Callable[[str], None]
    ) -> None:
        driver = Driver(folder, run.model.grammar, torch.get_num_threads())
        prompts = [run.prompt(text) for text in SENTENCES]
        super().__init__(driver, run.model, run.shift, "fp16", prompts, run.caption_prompt(), draw, log)
        self.limit = KL_NATS[precision]

    @torch.no_grad()
    def run(self) -> Report:
        """Check the three networks; ParityError says which disagrees, where, and by how much."""
        ids, mask = generation.pad_prompts(self.prompts)
        draw = (self.draw.temperature, self.draw.top_k)
        whole = generation.draw(self.model, ids, mask, range(len(self.prompts)), None, *draw)
        report = Report(len(whole), sum(drawn.size for drawn in whole))
        try:
            report = self._motion_step(self._text_encoder(report), whole)
            return self._frames(report, [drawn[:, -self.model.slots :] for drawn in whole])
        finally:
            self.driver.close()

    def _frames(self, report: Report, motions: Sequence[IntArray]) -> Report:
        worst, distances = 0.0, []
        for codes in motions:
            wanted = self.shift.decode(torch.from_numpy(codes)[None])[0].numpy()
            found = self.driver.shift_decode(codes)
            worst = max(worst, largest_difference(found, wanted))
            distances.append(millimetres(found, wanted))
        mean = float(np.mean(distances))
        require("shift_decoder", "all prompts", mean, MOTION_MM, "mm of mean joint distance")
        self.log(f"  shift_decoder  frames within {worst:.1e}, joints {mean:.4f} mm apart")
        return replace(report, frames=worst, decode_mm=mean)
