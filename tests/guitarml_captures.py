"""Small captures in the format of GuitarML's tools, their weights drawn at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def definition(knob: bool = True, cells: int = 5, seed: int = 0) -> dict[str, Any]:
    """A file's content: the more the knob is turned up, the more it distorts."""
    rng, inputs = np.random.default_rng(seed), 2 if knob else 1
    shapes = {
        "rec.weight_ih_l0": (4 * cells, inputs),
        "rec.weight_hh_l0": (4 * cells, cells),
        "rec.bias_ih_l0": (4 * cells,),
        "rec.bias_hh_l0": (4 * cells,),
        "lin.weight": (1, cells),
        "lin.bias": (1,),
    }
    tensors = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    tensors["rec.weight_ih_l0"][:, 0] *= 6  # what a guitar's level drives into its bends
    return {
        "model_data": {
            "model": "SimpleRNN", "unit_type": "LSTM", "num_layers": 1, "input_size": inputs,
            "hidden_size": cells, "output_size": 1, "skip": 1, "bias_fl": True,
        },
        "state_dict": {name: tensor.tolist() for name, tensor in tensors.items()},
    }  # fmt: skip


def write_capture(path: Path, **about: Any) -> Path:
    """A capture as a file; `about`: see `definition`."""
    path.write_text(json.dumps(definition(**about)), encoding="utf-8")
    return path
