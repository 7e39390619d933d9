"""A baseline's model in a folder: ``config.json`` and ``model.safetensors``, each by rename."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clutch_rt.errors import FileFormatError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from models.files import appearing
from train.checkpoint import load_weights, weights_of
from train.run import write_text


def save_model(folder: Path, model: nn.Module, config: Mapping[str, Any]) -> None:
    """Write the weights and what they need to be read again."""
    folder.mkdir(parents=True, exist_ok=True)
    with appearing(folder / "model.safetensors") as part:
        save_file(weights_of(model), part)
    write_text(folder / "config.json", json.dumps(dict(config), indent=2) + "\n")


def load_config(folder: Path) -> dict[str, Any]:
    """What ``save_model`` was given.

    Raises:
        FileFormatError: it is missing or damaged.
    """
    path = folder / "config.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise FileFormatError(f"{path} is missing; run `python -m train.baselines run=RUN` again") from error
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path} cannot be read ({error}); restore it beside its weights") from error


def load_into(folder: Path, model: nn.Module) -> None:
    """Put the weights of a folder into a model; FileFormatError where they are missing or do not fit."""
    path = folder / "model.safetensors"
    try:
        load_weights(model, load_file(path))
    except FileNotFoundError as error:
        raise FileFormatError(f"{path} is missing; train the baseline again") from error
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise FileFormatError(f"{path} does not fit its config.json: {reason}") from error
