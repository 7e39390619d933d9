"""The sizes of a bundle's T5, as the section of its manifest for the compiled library tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clutch_rt.errors import BundleError
from clutch_rt.fields import Fields
from clutch_rt.native_weights import MOST

ACTIVATIONS: Final = ("relu", "gelu_new")  # CLUTCH_RELU, CLUTCH_GELU_TANH

_NAMES: Final = ("width", "heads", "head_width", "layers", "hidden", "positions")


@dataclass(frozen=True)
class Sizes:
    """The sizes of both stacks, and of the motion step.

    ``layers`` are the decoder's, ``factor`` is that of the hidden state before the head of the ``flat`` form.
    """

    width: int
    heads: int
    head_width: int
    layers: int
    hidden: int
    gated: bool
    activation: str
    depth_hidden: int
    positions: int
    epsilon: float
    factor: float

    @property
    def inner(self) -> int:
        """Numbers of all heads together."""
        return self.heads * self.head_width

    @property
    def activation_code(self) -> int:
        """Of the activation, in the library."""
        return ACTIVATIONS.index(self.activation)

    @property
    def joined(self) -> int:
        """Columns of the first matrix between two norms: gate and value side by side, where there is one."""
        return self.hidden * (2 if self.gated else 1)


def sizes_of(fields: Fields) -> Sizes:
    """Those that the section ``fields`` tells; BundleError where they are of no network."""
    child = fields.child("network")
    sizes = {name: child.at_least(name, 1) for name in _NAMES} | {
        "depth_hidden": child.at_least("depth_hidden", 0)
    }
    factor = child.get("factor", float)
    activation, epsilon = child.get("activation", str), child.get("epsilon", float)
    if activation not in ACTIVATIONS:
        raise BundleError(
            f"{fields.where}: native.network.activation is {activation!r}; one of {', '.join(ACTIVATIONS)} "
            "was wanted; export the bundle again"
        )
    if max(sizes.values()) > MOST or not 0.0 < epsilon < 1.0 or not 0.0 < factor <= 1.0:
        raise BundleError(f"{fields.where}: native.network is of no network; export the bundle again")
    return Sizes(
        **sizes, gated=child.get("gated", bool), activation=activation, epsilon=epsilon, factor=factor
    )


def whole_numbers(fields: Fields, name: str, least: int, count: int | None = None) -> Sequence[int]:
    """A list of whole numbers of at least ``least``, ``count`` of them or any; else BundleError."""
    found = fields.get(name, list)
    whole = all(type(n) is int and least <= n <= MOST for n in found)
    if not whole or (len(found) != count if count is not None else not found):
        raise BundleError(f"{fields.where}: {fields.prefix}{name} is {found}; export the bundle again")
    return found
