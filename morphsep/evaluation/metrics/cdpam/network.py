"""CDPAM's network, for inference only, built from the names and shapes of its checkpoint.

Architecture: Manocha, Jin, Zhang, Finkelstein, "CDPAM: contrastive learning for perceptual audio
similarity" (ICASSP 2021, arXiv 2102.05109), in the sizes of the package ``cdpam`` 0.0.6: 16
convolutions of 15 taps, each with a batch normalisation and a leaky ReLU (slope 0.1), the rate
halved after every fourth; the mean over time; the first half of the channels, normalised to length
1. Then four dense layers, a leaky ReLU (0.01) after each but the last; the distance of two sounds
is the sum over all four layers of the weighted absolute differences.

Two things are computed in another way, to the same result: batch normalisations are folded into the
convolutions, and convolutions before a halving compute only the half that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

HALVED_EVERY = 4
"""Convolutions from one halving of the rate to the next."""
SLOPE = 0.1
EPSILON = 1e-5
"""Under the root of a batch normalisation, torch's default."""

State = Mapping[str, Tensor]


class Network(nn.Module):
    """Sounds ``[N, T]`` at 22.05 kHz, full scale 32768 -> ``[N, E]``, whose L1 distances are CDPAM.

    Raises KeyError or RuntimeError if the checkpoint is laid out in another way.
    """

    def __init__(self, state: State) -> None:
        super().__init__()
        count = sum(name.startswith("base_encoder.encoder.") for name in state) // 2
        self.convolutions = nn.ModuleList(_folded(state, index) for index in range(count))
        self.layers = nn.ModuleList(_dense(state, f"model_dist.convs.{i}.0") for i in range(4))
        self.weights = nn.ParameterList(state[f"model_dist.chan_w.{i}"] for i in range(4))
        self.requires_grad_(False)

    def forward(self, sounds: Tensor) -> Tensor:
        """See the class."""
        acoustics = self._acoustics(sounds)
        outputs = []
        for index, (layer, weight) in enumerate(zip(self.layers, self.weights, strict=True)):
            acoustics = layer(acoustics)
            if index + 1 < len(self.layers):
                acoustics = nn.functional.leaky_relu(acoustics)
            # |w a - w b| = |w| |a - b|: what is weighted once need not be weighted for each pair
            outputs.append(acoustics * weight)
        return torch.cat(outputs, dim=1)

    def _acoustics(self, sounds: Tensor) -> Tensor:
        hidden = sounds[:, None]
        for convolution in self.convolutions:
            hidden = nn.functional.leaky_relu_(convolution(hidden), SLOPE)
        means = hidden.mean(dim=2)
        return nn.functional.normalize(means[:, : means.shape[1] // 2], dim=1)


def _folded(state: State, index: int) -> nn.Module:
    """A convolution with its batch normalisation, and the halving where there is one."""
    weight, bias = (state[f"base_encoder.encoder.{index}.{name}"] for name in ("weight", "bias"))
    normalisation = f"base_encoder.ebatch.{index}."
    scale = state[normalisation + "weight"] / torch.sqrt(
        state[normalisation + "running_var"] + EPSILON
    )
    shift = state[normalisation + "bias"] - scale * state[normalisation + "running_mean"]
    stride = 2 if (index + 1) % HALVED_EVERY == 0 else 1
    out, into, taps = weight.shape
    with torch.device("meta"):
        convolution = nn.Conv1d(into, out, taps, stride=stride, padding=taps // 2)
    return _filled(convolution, weight * scale[:, None, None], bias * scale + shift)


def _dense(state: State, name: str) -> nn.Module:
    weight = state[name + ".weight"]
    with torch.device("meta"):
        layer = nn.Linear(weight.shape[1], weight.shape[0])
    return _filled(layer, weight, state[name + ".bias"])


def _filled(module: nn.Module, weight: Tensor, bias: Tensor) -> nn.Module:
    module.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    return module
