"""Toy bundles and models for the tests of the runtime, a GPU to pretend, a cache folder of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clutch_rt
import onnxruntime
import pytest
from clutch_rt import Model, nvidia
from clutch_rt.bundle import open_bundle
from clutch_rt.device import Placement
from clutch_rt.native_library import VARIABLE
from clutch_rt.native_weights import SECTION
from clutch_rt.providers import CPU

from tests.runtime.fake_gpu import CUDA, FakeSession
from tests.runtime.toy_bundle import make_toy_bundle


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh cache folder for every test; the shipped bundle is not found by accident either."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CLUTCH_RT_CACHE", str(folder))
    monkeypatch.delenv("CLUTCH_RT_BUNDLE", raising=False)
    return folder


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy bundle in the ``step`` form; read-only."""
    return make_toy_bundle(tmp_path_factory.mktemp("toy") / "step", "step")


@pytest.fixture(scope="session")
def toy_flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy bundle in the ``flat`` form; read-only."""
    return make_toy_bundle(tmp_path_factory.mktemp("toy") / "flat", "flat")


@pytest.fixture(scope="module")
def models(toy: Path, toy_flat: Path) -> Iterator[dict[str, Model]]:
    """Models of both toy bundles, by form."""
    with clutch_rt.load(toy) as step, clutch_rt.load(toy_flat) as flat:
        yield {"step": step, "flat": flat}


@pytest.fixture(params=["step", "flat"])
def model(models: dict[str, Model], request: pytest.FixtureRequest) -> Model:
    """Each of ``models``."""
    return models[request.param]


@pytest.fixture
def told_otherwise(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """A copy of the shipped bundle, the compiled library's section of its manifest changed."""

    def changed(change: Callable[[dict[str, Any]], object]) -> Path:
        bundle = Path(shutil.copytree(open_bundle().path, tmp_path / "bundle"))
        raw = json.loads((bundle / "manifest.json").read_text())
        change(raw[SECTION])
        (bundle / "manifest.json").write_text(json.dumps(raw))
        return bundle

    return changed


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> type[FakeSession]:
    """As if onnxruntime-gpu and a driver were installed; the test says how CUDA fares."""
    fake = type("Session", (FakeSession,), {})
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", fake)
    monkeypatch.setattr(nvidia, "driver_library", object)
    return fake


@pytest.fixture
def no_library() -> Iterator[None]:
    """What the compiled library does on the CPU is done by the graphs, as on every other device."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "0")
        yield


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a device with memory of its own."""
    monkeypatch.setattr(Placement, "memory", property(lambda _: "cpu"))
