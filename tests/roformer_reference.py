"""BS-RoFormer, MelBand-RoFormer and ``demix`` as published, written down plainly and slowly.

Everything that `morphsep.separators.roformer` does in another order stands here in the order of the
papers: norms as layers of their own, attention by softmax, positions turned pair by pair, masks of
all stems, the whole track padded and cut.
"""

from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from morphsep.dsp import Signal


def rms_norm(x: Tensor, gamma: Tensor) -> Tensor:
    return functional.normalize(x, dim=-1) * gamma.numel() ** 0.5 * gamma


def rotated(x: Tensor, freqs: Tensor) -> Tensor:
    """``[..., N, D]``: numbers 2i and 2i + 1 turned by position times freqs[i]."""
    angles = torch.arange(x.shape[-2])[:, None] * freqs
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = [
        even * angles.cos() - odd * angles.sin(),
        odd * angles.cos() + even * angles.sin(),
    ]
    return torch.stack(turned, dim=-1).flatten(-2)


class Reference:
    """A network out of the yaml's model section and a state dict."""

    def __init__(self, model: dict[str, Any], state: dict[str, Tensor]) -> None:
        self.model, self.state = model, {name: value.float() for name, value in state.items()}
        bins = model["stft_n_fft"] // 2 + 1
        if "num_bands" in model:
            filters = librosa.filters.mel(
                sr=44100, n_fft=model["stft_n_fft"], n_mels=model["num_bands"]
            )
            filters[0, 0] = filters[-1, -1] = 1
            self.members = [np.flatnonzero(row > 0) for row in filters]
        else:
            stops = np.cumsum(model["freqs_per_bands"])
            self.members = np.split(np.arange(bins), stops[:-1])
        self.stft = {
            "n_fft": model["stft_n_fft"], "hop_length": model["stft_hop_length"],
            "win_length": model["stft_win_length"],
            "window": torch.hann_window(model["stft_win_length"]),
        }  # fmt: skip

    def __call__(self, samples: Tensor) -> Tensor:
        """``[2, T]`` to all stems ``[S, 2, T]``."""
        spectrum = torch.stft(samples, **self.stft, return_complex=True)  # [2, F, K]
        tokens = self._tokens(spectrum)
        for block in range(self.model["depth"]):
            tokens = self._transformer(tokens.transpose(0, 1), f"layers.{block}.0").transpose(0, 1)
            tokens = self._transformer(tokens, f"layers.{block}.1")
        if "final_norm.gamma" in self.state:
            tokens = rms_norm(tokens, self.state["final_norm.gamma"])
        stems = []
        for stem in range(self.model["num_stems"]):
            masked = spectrum * self._mask(tokens, stem, spectrum.shape)
            masked[:, 0] = 0
            stems.append(torch.istft(masked, **self.stft, length=samples.shape[-1]))
        return torch.stack(stems)

    def _tokens(self, spectrum: Tensor) -> Tensor:
        """``[K, bands, D]``."""
        tokens = []
        for band, members in enumerate(self.members):
            name = f"band_split.to_features.{band}"
            part = torch.view_as_real(spectrum[:, members])  # [2, f, K, 2]
            part = part.permute(2, 1, 0, 3).flatten(1)
            tokens.append(self._linear(rms_norm(part, self.state[f"{name}.0.gamma"]), f"{name}.1"))
        return torch.stack(tokens, dim=1)

    def _transformer(self, x: Tensor, name: str) -> Tensor:
        layer = f"{name}.layers.0"
        x = x + self._attention(rms_norm(x, self.state[f"{layer}.0.norm.gamma"]), f"{layer}.0")
        hidden = self._linear(rms_norm(x, self.state[f"{layer}.1.net.0.gamma"]), f"{layer}.1.net.1")
        x = x + self._linear(functional.gelu(hidden), f"{layer}.1.net.4")
        gamma = self.state.get(f"{name}.norm.gamma")
        return x if gamma is None else rms_norm(x, gamma)

    def _attention(self, x: Tensor, name: str) -> Tensor:
        heads, head_dim = self.model["heads"], self.model["dim_head"]
        sequences, length, _ = x.shape
        joint = self._linear(x, f"{name}.to_qkv").view(sequences, length, 3, heads, head_dim)
        query, key, value = joint.permute(2, 0, 3, 1, 4)
        freqs = self.state[f"{name}.rotary_embed.freqs"]
        scores = rotated(query, freqs) @ rotated(key, freqs).transpose(-1, -2) / head_dim**0.5
        mixed = scores.softmax(dim=-1) @ value
        gates = self._linear(x, f"{name}.to_gates").sigmoid()
        mixed = mixed * gates.transpose(1, 2)[..., None]
        return self._linear(mixed.transpose(1, 2).flatten(2), f"{name}.to_out.0")

    def _mask(self, tokens: Tensor, stem: int, shape: torch.Size) -> Tensor:
        total, bands = torch.zeros(shape, dtype=torch.complex64), torch.zeros(shape[1])
        for band, members in enumerate(self.members):
            name = f"mask_estimators.{stem}.to_freqs.{band}.0"
            x = self._linear(tokens[:, band], f"{name}.0")
            layer = 2
            while f"{name}.{layer}.weight" in self.state:
                x = self._linear(x.tanh(), f"{name}.{layer}")
                layer += 2
            gains = functional.glu(x, dim=-1).view(len(x), len(members), 2, 2)
            total[:, members] += torch.view_as_complex(gains).permute(2, 1, 0)
            bands[members] += 1
        return total / bands[:, None]

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"))


def demix(network: Reference, said: dict[str, Any], mix: Signal) -> Signal:
    """All stems ``[S, 2, T]`` of a whole track, in MSST's order of work."""
    samples = torch.from_numpy(mix if len(mix) == 2 else np.repeat(mix, 2, axis=0))
    normalises = said["inference"].get("normalize", False)
    mono = samples.mean(0)
    mean, std = (mono.mean(), mono.std(unbiased=False)) if normalises else (0.0, 1.0)
    samples = (samples - mean) / std
    chunk, overlap = said["audio"]["chunk_size"], said["inference"]["num_overlap"]
    step, fade, length = chunk // overlap, chunk // 10, samples.shape[1]
    border = chunk - step
    is_padded = length > 2 * border > 0
    if is_padded:
        samples = functional.pad(samples, (border, border), mode="reflect")
    whole = samples.shape[1]
    total, weights = torch.zeros(said["model"]["num_stems"], 2, whole), torch.zeros(whole)
    for start in range(0, whole, step):
        part = samples[:, start : start + chunk]
        size = part.shape[1]
        mode = "reflect" if size > chunk // 2 else "constant"
        estimate = network(functional.pad(part, (0, chunk - size), mode=mode))
        window = torch.ones(chunk)
        if start > 0:
            window[:fade] = torch.linspace(0, 1, fade)
        if start == 0 or start + step < whole:
            window[-fade:] = torch.linspace(1, 0, fade)
        total[..., start : start + size] += estimate[..., :size] * window[:size]
        weights[start : start + size] += window[:size]
    stems = torch.nan_to_num(total / weights)
    if is_padded:
        stems = stems[..., border:-border]
    return np.asarray((stems * std + mean).numpy(), np.float32)
