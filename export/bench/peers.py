"""The peers, each as its own documentation says to run it. Runs in the environment given by ``--peers``.

All decode greedily, without beams, exactly as many tokens as asked: the end is forbidden before and the
length is cut behind. That is less work than ours, which draws from the distribution.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROMPT = (*range(3, 18), 1)
TOKENS_PER_STEP = 4


def _generate(model: Any, tensor: Any, steps: int) -> list[float]:
    count = TOKENS_PER_STEP * steps
    ids = tensor([PROMPT])
    out = model.generate(
        input_ids=ids,
        attention_mask=tensor([[1] * len(PROMPT)]),
        min_new_tokens=count,
        max_new_tokens=count,
        num_beams=1,
        do_sample=False,
        use_cache=True,
    )
    if out.shape[1] != count + 1:
        raise RuntimeError(f"{out.shape[1] - 1} tokens came out, {count} were asked")
    return []


class Transformers:
    """``T5ForConditionalGeneration.generate``, PyTorch eager, float32."""

    def __init__(self, folder: str, threads: int) -> None:
        import torch
        from transformers import T5ForConditionalGeneration

        torch.set_num_threads(threads)
        self._torch = torch
        self._model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("transformers", "torch")}

    def run(self, steps: int) -> list[float]:
        with self._torch.inference_mode():
            return _generate(self._model, self._torch.tensor, steps)


class Optimum:
    """``optimum-onnx`` over ONNX Runtime, with the decoder that takes a past as a graph of its own."""

    def __init__(self, folder: str, threads: int) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as clutch_rt.ort, which is not at hand there
        import onnxruntime
        import torch
        from optimum.onnxruntime import ORTModelForSeq2SeqLM

        torch.set_num_threads(1)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._torch = torch
        self._model = ORTModelForSeq2SeqLM.from_pretrained(
            folder, use_merged=False, session_options=options, provider="CPUExecutionProvider"
        )

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("optimum-onnx", "onnxruntime", "transformers")}

    def run(self, steps: int) -> list[float]:
        return _generate(self._model, self._torch.tensor, steps)


class CTranslate2:
    """``ctranslate2.Translator``, greedy."""

    def __init__(self, folder: str, threads: int, compute: str) -> None:
        import ctranslate2

        self._translator = ctranslate2.Translator(
            folder, device="cpu", compute_type=compute, inter_threads=1, intra_threads=threads
        )
        self._prompt = [*(f"t{i}" for i in PROMPT[:-1]), "</s>"]

    def versions(self) -> dict[str, str]:
        return {"ctranslate2": version("ctranslate2")}

    def run(self, steps: int) -> list[float]:
        count = TOKENS_PER_STEP * steps
        (result,) = self._translator.translate_batch(
            [self._prompt], beam_size=1, min_decoding_length=count, max_decoding_length=count
        )
        if len(result.hypotheses[0]) != count:
            raise RuntimeError(f"{len(result.hypotheses[0])} tokens came out, {count} were asked")
        return []


class Convert:
    """Writes what the peers load, by their own converters."""

    def versions(self) -> dict[str, str]:
        return {}

    def ctranslate2(self, checkpoint: str, out: str, compute: str) -> None:
        from ctranslate2.converters import TransformersConverter

        TransformersConverter(checkpoint).convert(out, quantization=compute, force=True)

    def optimum(self, checkpoint: str, out: str) -> None:
        from optimum.onnxruntime import ORTModelForSeq2SeqLM

        model = ORTModelForSeq2SeqLM.from_pretrained(checkpoint, export=True, use_merged=False)
        model.save_pretrained(out)

    def optimum_int8(self, exported: str, out: str) -> None:
        """Dynamic quantisation as optimum sets it up for this processor."""
        import shutil

        from optimum.onnxruntime import ORTQuantizer
        from optimum.onnxruntime.configuration import AutoQuantizationConfig

        processor = Path("/proc/cpuinfo")
        vnni = processor.exists() and "avx512_vnni" in processor.read_text()
        settings = AutoQuantizationConfig.avx512_vnni if vnni else AutoQuantizationConfig.avx2
        names = ("encoder_model", "decoder_model", "decoder_with_past_model")
        for name in names:
            quantizer = ORTQuantizer.from_pretrained(exported, file_name=f"{name}.onnx")
            config = settings(is_static=False, per_channel=False)
            quantizer.quantize(save_dir=out, quantization_config=config, file_suffix="")
        for path in Path(exported).iterdir():
            if path.suffix == ".json" and not (Path(out) / path.name).exists():
                shutil.copy(path, out)
