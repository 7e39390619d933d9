"""Toy bundles for the tests of the runtime, and a cache folder that is not the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

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
