"""The transformation ``attention``: HTDemucs' cross-domain transformer, same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor


def replace_transformer(model: Any) -> None:
    """Replace ``model.crosstransformer`` by a `Transformer` if it is of the usual kind.

    Left alone: post-norm, sparse, group-normed, or with random or learnt positions.
    """
    from demucs.transformer import CrossTransformerEncoder

    original = getattr(model, "crosstransformer", None)
    if not isinstance(original, CrossTransformerEncoder):
        return
    layers = [*original.layers, *original.layers_t]
    usual = original.emb == "sin" and original.sin_random_shift == 0
    if usual and all(_is_usual(layer) for layer in layers):
        model.crosstransformer = Transformer(original)


def _is_usual(layer: Any) -> bool:
    norms = [getattr(layer, name, None) for name in ("norm1", "norm2", "norm3")]
    attention = _attention(layer)
    return (
        layer.norm_first
        and not layer.sparse
        and all(isinstance(norm, nn.LayerNorm) for norm in norms if norm is not None)
        and (layer.norm_out is None or layer.norm_out.num_groups == 1)
        and layer.activation is functional.gelu
        and isinstance(attention, nn.MultiheadAttention)
        and attention.batch_first
        and attention.in_proj_weight is not None
        and attention.in_proj_bias is not None
    )


def _attention(layer: Any) -> Any:
    return layer.self_attn if hasattr(layer, "self_attn") else layer.cross_attn


class Transformer(nn.Module):
    """Layers over frequency tokens ``[B, F x T, C]`` and time tokens ``[B, T, C]``, which attend to
    themselves and to each other in turn.
    """

    def __init__(self, original: Any) -> None:
        super().__init__()
        self.norm_in, self.norm_in_t = original.norm_in, original.norm_in_t
        self.max_period = original.max_period
        self.weight_pos_embed = original.weight_pos_embed
        self.layers = nn.ModuleList(Layer(layer) for layer in original.layers)
        self.layers_t = nn.ModuleList(Layer(layer) for layer in original.layers_t)
        self._kept: list[tuple[tuple[object, ...], Tensor] | None] = [None, None]

    def forward(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, C, F, T]`` and ``[B, C, T]``, to the same."""
        batch, channels, freqs, frames = x.shape
        # Attention ignores order: use that of the memory.
        tokens = x.permute(0, 2, 3, 1).reshape(batch, freqs * frames, channels)
        tokens = self.norm_in(tokens) + self._spectral_positions(channels, freqs, frames, x.device)
        tokens_t = self.norm_in_t(xt.transpose(1, 2))
        tokens_t = tokens_t + self._time_positions(channels, xt.shape[-1], x.device)
        for layer, layer_t in zip(self.layers, self.layers_t, strict=True):
            if layer.crosses:
                tokens, tokens_t = layer(tokens, tokens_t), layer_t(tokens_t, tokens)
            else:
                tokens, tokens_t = layer(tokens, tokens), layer_t(tokens_t, tokens_t)
        spectral = tokens.view(batch, freqs, frames, channels).permute(0, 3, 1, 2)
        return spectral, tokens_t.transpose(1, 2)

    def _spectral_positions(
        self, channels: int, freqs: int, frames: int, device: torch.device
    ) -> Tensor:
        from demucs.transformer import create_2d_sin_embedding

        def table() -> Tensor:
            make: Any = create_2d_sin_embedding  # demucs has no types for it
            made: Tensor = make(channels, freqs, frames, "cpu", self.max_period)
            return made.permute(0, 2, 3, 1).reshape(1, freqs * frames, channels)

        return self._positions(0, (channels, freqs, frames, str(device)), table, device)

    def _time_positions(self, channels: int, frames: int, device: torch.device) -> Tensor:
        from demucs.transformer import create_sin_embedding

        def table() -> Tensor:
            made: Tensor = create_sin_embedding(frames, channels, max_period=self.max_period)
            return made.transpose(0, 1)

        return self._positions(1, (channels, frames, str(device)), table, device)

    def _positions(
        self,
        branch: int,
        key: tuple[object, ...],
        table: Callable[[], Tensor],
        device: torch.device,
    ) -> Tensor:
        # Segments may run in threads: what is returned is never looked up twice.
        kept = self._kept[branch]
        if kept is None or kept[0] != key:
            kept = key, (self.weight_pos_embed * table()).to(device)
            self._kept[branch] = kept
        return kept[1]


class Layer(nn.Module):
    """One pre-norm layer: attention to itself or to the other branch, then feed-forward."""

    def __init__(self, original: Any) -> None:
        super().__init__()
        attention = _attention(original)
        self.crosses = not hasattr(original, "self_attn")
        self.num_heads = attention.num_heads
        self.norm_query = original.norm1
        self.norm_other = original.norm2 if self.crosses else original.norm1
        self.norm_forward = original.norm3 if self.crosses else original.norm2
        self.in_weight, self.in_bias = attention.in_proj_weight, attention.in_proj_bias
        self.out = _scaled(attention.out_proj, original.gamma_1)
        self.linear1 = original.linear1
        self.linear2 = _scaled(original.linear2, original.gamma_2)
        self.norm_out = original.norm_out

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """``[B, N, C]`` and what it attends to, ``[B, M, C]``; neither is overwritten."""
        x = _plus_linear(x, self._attend(x, other), self.out)
        hidden = functional.gelu(self.linear1(self.norm_forward(x)))
        x = _plus_linear(x, hidden, self.linear2)
        return x if self.norm_out is None else _normalised(x, self.norm_out)

    def _attend(self, x: Tensor, other: Tensor) -> Tensor:
        channels = x.shape[-1]
        if self.crosses:
            query = self._project(self.norm_query(x), 0, channels)
            joint = self._project(self.norm_other(other), channels, 3 * channels)
        else:
            joint = self._project(self.norm_query(x), 0, 3 * channels)
            query, joint = joint[:, :, :channels], joint[:, :, channels:]
        key, value = joint[:, :, :channels], joint[:, :, channels:]
        mixed = functional.scaled_dot_product_attention(
            self._heads(query), self._heads(key), self._heads(value)
        )
        return mixed.transpose(1, 2).reshape(x.shape)

    def _project(self, x: Tensor, start: int, stop: int) -> Tensor:
        return functional.linear(x, self.in_weight[start:stop], self.in_bias[start:stop])

    def _heads(self, x: Tensor) -> Tensor:
        batch, tokens, channels = x.shape
        return x.view(batch, tokens, self.num_heads, channels // self.num_heads).transpose(1, 2)


def _scaled(linear: Any, scale: Any) -> nn.Linear:
    """``scale(linear(x))`` as one linear layer."""
    factors = getattr(scale, "scale", None)
    if factors is None:
        assert isinstance(linear, nn.Linear)
        return linear
    result = nn.Linear(linear.in_features, linear.out_features, device="meta")
    for name, value in (
        ("weight", factors[:, None] * linear.weight),
        ("bias", factors * linear.bias),
    ):
        setattr(result, name, nn.Parameter(value, requires_grad=False))
    return result


def _plus_linear(x: Tensor, hidden: Tensor, linear: nn.Linear) -> Tensor:
    """``x + linear(hidden)``; the sum is part of the product."""
    if hidden.dtype != linear.weight.dtype:  # autocast does not reach products in place
        return x + functional.linear(hidden, linear.weight, linear.bias)
    total = x + linear.bias
    total.view(-1, x.shape[-1]).addmm_(hidden.view(-1, hidden.shape[-1]), linear.weight.t())
    return total


def _normalised(x: Tensor, norm: Any) -> Tensor:
    """``GroupNorm(1)`` over tokens and channels of ``[B, N, C]``; a fresh `x` is overwritten."""
    mean = x.mean(dim=(1, 2), keepdim=True)
    variance = x.sub_(mean).square().mean(dim=(1, 2), keepdim=True)
    return x.mul_(torch.rsqrt(variance + norm.eps) * norm.weight).add_(norm.bias)
