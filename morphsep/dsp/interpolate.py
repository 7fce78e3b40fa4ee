"""Interpolation between two points of a latent space: linear, spherical, by statistics. Pure.

Latents are ``[..., D, N]``: D numbers for each of N frames. An amount is one number or ``[N]``.
"""

from __future__ import annotations

import numpy as np

from morphsep.dsp.signal import Signal

PARALLEL = 0.9995
"""Above this |cosine| of the angle the arc is as good as straight, and its formula would divide by
almost zero. The threshold in SoundMorpher's and DiffMorpher's code."""


def lerp(source: Signal, target: Signal, amount: Signal | float) -> Signal:
    """``(1 - a) source + a target``: exactly the source at 0, the target at 1."""
    a = np.asarray(amount, np.float32)
    mixed: Signal = (1 - a) * source + a * target
    return mixed


def slerp(source: Signal, target: Signal, amount: Signal | float, angle: Signal | float) -> Signal:
    """Spherical interpolation: exactly the source at amount 0, the target at 1.

    ``sin((1 - a) w) / sin(w) source + sin(a w) / sin(w) target`` for the angle w between the two
    *directions*. The vectors keep their lengths: unit vectors, as in "Guitar Tone Morphing by
    Diffusion-based Model" (arXiv 2510.07908, eqs. 1-4), would lose the loudness; the code that it
    builds on (SoundMorpher, arXiv 2410.02144; DiffMorpher, CVPR 2024) does as here. After Shoemake,
    "Animating rotation with quaternion curves", SIGGRAPH 1985. Where the two are parallel, this is
    `lerp`.

    Args:
        angle: in rad, one number or ``[N]``; see `angle_between` and `angles_between`.
    """
    left, right = arc(amount, angle)
    mixed: Signal = left * source + right * target
    return mixed


def arc(amount: Signal | float, angle: Signal | float) -> tuple[Signal, Signal]:
    """The weights of the source and of the target in `slerp`."""
    a, w = (np.asarray(each, np.float64) for each in (amount, angle))
    straight = np.abs(np.cos(w)) > PARALLEL
    sine = np.where(straight, 1.0, np.sin(w))
    left = np.where(straight, 1 - a, np.sin((1 - a) * w) / sine)
    right = np.where(straight, a, np.sin(a * w) / sine)
    return left.astype(np.float32), right.astype(np.float32)


def angle_between(source: Signal, target: Signal) -> float:
    """The one angle in rad between two sets of latents, each taken as a single vector."""
    a, b = (np.asarray(each, np.float64).ravel() for each in (source, target))
    lengths = float(np.sqrt(np.vdot(a, a) * np.vdot(b, b)))
    return float(np.arccos(np.clip(np.vdot(a, b) / lengths, -1, 1))) if lengths else 0.0


def angles_between(source: Signal, target: Signal) -> Signal:
    """The angle in rad between the latents of each frame: ``[..., D, N]`` -> ``[..., 1, N]``."""
    a, b = (np.asarray(each, np.float64) for each in (source, target))
    lengths = np.sqrt((a * a).sum(-2, keepdims=True) * (b * b).sum(-2, keepdims=True))
    cosine = (a * b).sum(-2, keepdims=True) / np.where(lengths == 0, 1.0, lengths)
    angles: Signal = np.arccos(np.clip(np.where(lengths == 0, 1.0, cosine), -1, 1))
    return angles


def adain(latents: Signal, mean: Signal, std: Signal, new_mean: Signal, new_std: Signal) -> Signal:
    """``(x - mean) / std * new_std + new_mean``: gives each latent channel new statistics.

    Adaptive instance normalisation, Huang and Belongie, ICCV 2017; eq. 5 of arXiv 2510.07908. A
    channel that does not vary is only shifted.

    Args:
        latents: ``[..., D, N]``.
        mean: their mean, ``[D, 1]`` or ``[D, N]`` like the other three; of the whole track, not of
            these frames alone, or the level would pump.
        std: their standard deviation.
    """
    varies = std > 0
    scale = np.where(varies, new_std / np.where(varies, std, 1), 1)
    moved: Signal = (scale * (latents - mean) + new_mean).astype(np.float32)
    return moved
