"""An export holds the compiled step against the graph, and refuses one that draws other codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clutch_rt.bundle import open_bundle
from clutch_rt.native_library import Library, library
from clutch_rt.native_step import NativeStep, refusal

from export.agreement import ParityError
from export.onnx import export_bundle
from tests.tiny_bundle import tiny_bundle, tiny_run

needs_library = pytest.mark.skipif(not isinstance(library(), Library), reason="no compiled step runs here")


@pytest.mark.parametrize("form", ["step", "flat"])
def test_a_bundle_tells_where_its_weights_lie(form: str) -> None:
    told = {p: refusal(open_bundle(tiny_bundle(form, p))) for p in ("fp32", "fp16", "int8", "int4")}  # type: ignore[arg-type]
    assert told.pop("int4") == "it takes bundles in fp32, fp16 and int8"
    assert set(told.values()) == {None}


@needs_library
def test_an_export_says_how_far_both_draw_alike(tmp_path: Path) -> None:
    said: list[str] = []
    export_bundle(tiny_run("step"), tmp_path / "bundle", "int8", log=said.append)
    assert sum("codes of the graph's" in line for line in said) == 1


@needs_library
def test_a_step_that_draws_other_codes_makes_no_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, lost = NativeStep._all, np.zeros(4096, np.float32)

    def wrong(self: NativeStep) -> object:
        """With zeros in the place of what a motion begins with."""
        told = right(self)
        told.start = lost.ctypes.data
        return told

    monkeypatch.setattr(NativeStep, "_all", wrong)
    with pytest.raises(ParityError, match="the compiled step draws other codes"):
        export_bundle(tiny_run("step"), tmp_path / "bundle", "int8")
    assert not (tmp_path / "bundle").exists()
