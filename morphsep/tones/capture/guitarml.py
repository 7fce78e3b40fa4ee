"""Reads the captures of GuitarML's tools (Proteus, NeuralPi), with a knob or without.

Such a file is JSON: ``model_data`` says what the network is, ``state_dict`` has its weights by
torch's names. The only layout that is played is one LSTM layer with a dense layer behind it, whose
second input, where it has one, is a knob from 0 to 1. Rate: 44.1 kHz unless the file says another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.tones.capture.lstm import Lstm

LAYOUT: Mapping[str, tuple[object, ...]] = {
    "model": ("SimpleRNN",),
    "unit_type": ("LSTM",),
    "num_layers": (1,),
    "input_size": (1, 2),
    "output_size": (1,),
    "skip": (0, 1),
    "bias_fl": (True, False),
}
"""What ``model_data`` may say."""
RATES = ("sample_rate", "samplerate")
"""Names under which some trainers say the rate."""
MOST_CELLS = 1024


def read_guitarml(path: str) -> Lstm:
    """The network in a file.

    Raises:
        SettingError: no such file, not JSON, or not of the layout that is played.
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{path} is damaged or not an amp capture: it is not JSON") from error
    try:
        return _network(found)
    except _NotPlayableError as error:
        raise SettingError(f"{path} is not a playable amp capture: {error}") from error


class _NotPlayableError(Exception):
    """Why a file's content cannot be played."""


def _network(found: object) -> Lstm:
    model, tensors = _parts(found)
    for name, allowed in LAYOUT.items():
        if not any(type(model.get(name)) is type(each) and model[name] == each for each in allowed):
            known = " or ".join(map(repr, allowed))
            raise _NotPlayableError(f"its {name} is {model.get(name)!r}; {known} is played")
    cells = model.get("hidden_size")
    if type(cells) is not int or not 1 <= cells <= MOST_CELLS:
        raise _NotPlayableError(f"its hidden_size is {cells!r}")
    if unknown := sorted(model.keys() - LAYOUT.keys() - {"hidden_size", *RATES}):
        raise _NotPlayableError(f"its model_data has {', '.join(unknown)}, which is not known")
    shapes = _shapes(int(model["input_size"]), cells, bool(model["bias_fl"]))
    weights = _weights(tensors, shapes)
    return Lstm(
        into=_turned(weights["rec.weight_ih_l0"]),
        recurrent=_turned(weights["rec.weight_hh_l0"]),
        bias=weights["rec.bias_ih_l0"] + weights["rec.bias_hh_l0"],
        dense=weights["lin.weight"][0],
        dense_bias=float(weights["lin.bias"][0]) if "lin.bias" in weights else 0.0,
        skip=model["skip"] == 1,
        rate=_rate(model),
    )


def _parts(found: object) -> tuple[dict[str, Any], dict[str, Any]]:
    if isinstance(found, dict):
        parts = found.get("model_data"), found.get("state_dict")
        if all(isinstance(part, dict) for part in parts):
            return cast(tuple[dict[str, Any], dict[str, Any]], parts)
        if "layers" in found:
            raise _NotPlayableError("it is laid out for RTNeural (AIDA-X); GuitarML's are played")
        if "architecture" in found:
            raise _NotPlayableError("it is one of Neural Amp Modeler; its name has to end in .nam")
    raise _NotPlayableError("it lacks 'model_data' or 'state_dict', as GuitarML writes them")


def _shapes(inputs: int, cells: int, has_bias: bool) -> dict[str, tuple[int, ...]]:
    gates = 4 * cells
    shapes: dict[str, tuple[int, ...]] = {
        "rec.weight_ih_l0": (gates, inputs),
        "rec.weight_hh_l0": (gates, cells),
        "rec.bias_ih_l0": (gates,),
        "rec.bias_hh_l0": (gates,),
        "lin.weight": (1, cells),
    }
    return shapes | ({"lin.bias": (1,)} if has_bias else {})


def _weights(
    tensors: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Signal]:
    if differing := sorted(tensors.keys() ^ shapes.keys()):
        what = ", ".join(differing)
        raise _NotPlayableError(f"its weights are not those of its layout: {what} too many or few")
    weights = {name: _tensor(name, tensors[name]) for name in shapes}
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise _NotPlayableError(f"{name} has the shape {weights[name].shape}, not {shape}")
    return weights


def _tensor(name: str, values: object) -> Signal:
    try:
        numbers = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise _NotPlayableError(f"{name} is no array of numbers") from error
    if numbers.dtype.kind not in "if":
        raise _NotPlayableError(f"{name} is no array of numbers")
    with np.errstate(over="ignore"):  # what is too large for 32 bits becomes infinite
        tensor = numbers.astype(np.float32)
    if not np.isfinite(tensor).all():
        raise _NotPlayableError(f"{name} has values that are no numbers")
    return tensor


def _turned(weights: Signal) -> Signal:
    return np.ascontiguousarray(weights.T)


def _rate(model: Mapping[str, Any]) -> int:
    for name in RATES:
        rate = model.get(name, MODEL_RATE)
        is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not is_number or not math.isfinite(rate) or rate != int(rate):
            raise _NotPlayableError(f"its {name} is {rate!r}")
        if not 8_000 <= rate <= 384_000:
            raise _NotPlayableError(f"its {name} is {rate!r}")
        if name in model:
            return int(rate)
    return MODEL_RATE
