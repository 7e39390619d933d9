"""The compiled library's structures; ``runtime/native/clutch_native.h`` says what they hold."""

from __future__ import annotations

import ctypes

_int32, _int64, _float, _pointer = ctypes.c_int32, ctypes.c_int64, ctypes.c_float, ctypes.c_void_p


class Shape(ctypes.Structure):
    _fields_ = [
        *((name, _int32) for name in ("width", "heads", "head_width", "layers", "hidden", "gated")),
        *((name, _int32) for name in ("activation", "depth_hidden", "positions", "slots", "rhythm")),
        ("sizes", _pointer),
        ("epsilon", _float),
    ]


class Product(ctypes.Structure):
    _fields_ = [("numbers", _pointer), ("kind", _int32), ("scale", _pointer), ("bias", _pointer)]


class Table(ctypes.Structure):
    _fields_ = [("rows", _pointer), ("kind", _int32), ("scale", _pointer)]


class Layer(ctypes.Structure):
    _fields_ = [
        ("norm", _pointer * 3),
        *((name, Product) for name in ("qkv", "self_out", "query", "cross_out", "wi", "wo")),
    ]


class Choice(ctypes.Structure):
    _fields_ = [
        ("norm", _pointer),
        *((name, Product) for name in ("wi", "wo", "head")),
        ("embedding", Table),
    ]


class Stream(ctypes.Structure):
    _fields_ = [
        *(("rows", Table), ("heads", Table), ("choices", _pointer)),
        *((name, _int32) for name in ("most", "start")),
        ("factor", _float),
    ]


class Weights(ctypes.Structure):
    _fields_ = [
        ("stream", _pointer),
        ("start", _pointer),
        ("slots", Table),
        ("rhythm", Table),
        *((name, _pointer) for name in ("barred", "position", "length", "remaining", "bias", "norm")),
        ("layers", _pointer),
        ("choices", _pointer),
    ]


class Call(ctypes.Structure):
    _fields_ = [
        *((name, _int32) for name in ("rows", "position", "memory_length", "capacity", "top_k")),
        ("temperature", _float),
        *((name, _pointer) for name in ("codes", "rhythm", "given", "steps", "noise")),
        ("noise_rows", _int64),
        *((name, _pointer) for name in ("padding", "memory", "cache", "logits")),
        ("eom_bias", _float),
    ]


class EncoderShape(ctypes.Structure):
    _fields_ = [
        *((name, _int32) for name in ("width", "heads", "head_width", "layers", "hidden", "gated")),
        *((name, _int32) for name in ("activation", "parts", "far", "slots")),
        ("sizes", _pointer),
        *((name, _int32) for name in ("flat", "lengths", "length_hidden")),
        ("epsilon", _float),
    ]


class EncoderLayer(ctypes.Structure):
    _fields_ = [("norm", _pointer * 2), *((name, Product) for name in ("qkv", "out", "wi", "wo"))]


class Mlp(ctypes.Structure):
    _fields_ = [("first", Product), ("second", Product)]


class Plan(ctypes.Structure):
    _fields_ = [
        *(("actions", _int32), ("fields", _int32), ("sizes", _pointer)),
        *((name, _int32) for name in ("heads", "hidden", "mix_hidden")),
        *(("queries", _pointer), ("keys_values", Product), ("head", Mlp), ("labels", Table)),
        *(("action", _pointer), ("norm", _pointer), ("mix", Product * 2)),
    ]


class EncoderWeights(ctypes.Structure):
    _fields_ = [
        *(("shared", Table), ("bases", _pointer), ("slots", Table)),
        *((name, _pointer) for name in ("position", "bias", "norm", "layers")),
        *(("memory", Product), ("length", Mlp), ("plan", _pointer)),
    ]


class Prompt(ctypes.Structure):
    _fields_ = [
        *(("ids", _pointer), ("length", _int32), ("steps", _int32), ("codes", _pointer), ("noise", _pointer)),
        ("temperature", _float),
        *((name, _pointer) for name in ("memory", "lengths", "plan")),
    ]


class Conv(ctypes.Structure):
    _fields_ = [
        ("product", Product),
        *((name, _int32) for name in ("taps", "dilation", "inputs", "outputs")),
    ]


class Residual(ctypes.Structure):
    _fields_ = [("norm", _pointer), ("conv", Conv), ("mix", Conv)]


class Branch(ctypes.Structure):
    _fields_ = [
        *(("levels", _int32), ("codes", _int32), ("tables", _pointer), ("slots", _pointer)),
        *(("place", _int32), ("channels", _int32), ("first", Conv), ("last", Conv)),
        *(("norm", _pointer), ("stages", _int32)),
        *((name, _pointer) for name in ("depths", "blocks", "doublings")),
    ]


class ShiftWeights(ctypes.Structure):
    _fields_ = [
        *((name, _int32) for name in ("branches", "slots", "code_size")),
        ("epsilon", _float),
        *((name, _pointer) for name in ("parts", "scale", "offset")),
    ]


class Flesh(ctypes.Structure):
    _fields_ = [
        ("spheres", _int32),
        *((name, _pointer) for name in ("rest", "parents", "joints", "shares", "radii", "signs")),
        *((name, ctypes.c_double) for name in ("centre", "extent", "give", "least", "stride")),
        ("rounds", _int32),
    ]
