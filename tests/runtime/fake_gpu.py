"""An ONNX Runtime with CUDA in it, for machines without: it starts, and takes work, as a test says."""

from __future__ import annotations

from typing import Any

from clutch_rt.providers import CPU

CUDA = "CUDAExecutionProvider"


class Node:
    """A node of a graph, by its kind."""

    def __init__(self, op_type: str) -> None:
        self.op_type = op_type


class Part:
    """A part of a graph and where ONNX Runtime put it."""

    def __init__(self, ep_name: str, *kinds: str) -> None:
        self.ep_name = ep_name
        self._nodes = [Node(kind) for kind in kinds]

    def get_nodes(self) -> list[Node]:
        return self._nodes


class FakeSession:
    """A session of it.

    Attributes:
        starts: whether CUDA starts; it is left out in silence if not, as ONNX Runtime does.
        raises: what it raises instead.
        parts: of the graph, where CUDA starts.
    """

    starts = True
    raises: type[Exception] | None = None
    parts: tuple[Part, ...] = (Part(CUDA, "MatMul"),)

    def __init__(
        self,
        path: str,
        options: Any,
        providers: list[str],
        provider_options: list[dict[str, str]],
        enable_fallback: int,
    ) -> None:
        assert enable_fallback == 0
        assert len(provider_options) == len(providers)
        if CUDA in providers:
            assert provider_options[0] == {"use_tf32": "0"}
            assert options.get_session_config_entry("session.record_ep_graph_assignment_info") == "1"
            if self.raises:
                raise self.raises("CUDA failure 35: driver version is insufficient\nsecond line")
        self.providers = [p for p in providers if p == CPU or self.starts]

    def get_providers(self) -> list[str]:
        return self.providers

    def get_provider_graph_assignment_info(self) -> tuple[Part, ...]:
        return self.parts if CUDA in self.providers else (Part(CPU, "MatMul"),)
