"""CDPAM of sounds: each encoded once, distances from the encodings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from morphsep import models
from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.evaluation.metrics.floats import Floats
from morphsep.evaluation.metrics.rates import mono_at

if TYPE_CHECKING:
    from morphsep.evaluation.metrics.cdpam.network import Network

RATE = 22_050
FULL_SCALE = 32_768

Encoding = Floats
"""Of a sound, ``[340]``: the L1 distance of two is their CDPAM."""


@dataclass(frozen=True, slots=True, eq=False)
class Cdpam:
    """The network with its weights; `load_cdpam` makes one."""

    network: Network

    def encode(self, sound: Signal, sample_rate: int) -> Encoding:
        """The encoding of ``[C, T]``: mono at 22.05 kHz, as whole numbers of 16 bits' full scale,
        as the package reads a file. Costs some 80 billion multiplications a second of sound (about
        2 s on one core); memory grows with the length (20 MB a second)."""
        import torch

        mono = np.round(mono_at(sound, sample_rate, RATE) * FULL_SCALE)
        with torch.inference_mode():
            encoding = self.network(torch.from_numpy(mono[None]).float())[0]
        return np.asarray(encoding.numpy(), np.float64)


def load_cdpam() -> Cdpam:
    """CDPAM with the published weights, which are converted at the first use where the package
    ``cdpam`` is installed (``morphsep models fetch cdpam``).

    Raises:
        SettingError: they are not here, and the sentence says how to get them; or they are damaged.
    """
    from safetensors.torch import load_file

    from morphsep.evaluation.metrics.cdpam.network import Network

    (path,) = models.resolve(models.CDPAM).files
    try:
        return Cdpam(Network(load_file(path)).eval())
    except (KeyError, RuntimeError, ValueError) as error:
        raise SettingError(f"{path} holds no weights of CDPAM: {error}.") from error


def cdpam_digest() -> str:
    """sha256 (hex) of CDPAM's weights.

    Raises:
        SettingError: they are not here.
    """
    (path,) = models.resolve(models.CDPAM).files
    return models.sha256_of(path)


def cdpam_distance(a: Encoding, b: Encoding) -> float:
    """CDPAM of two encoded sounds: 0 for the same, no upper bound, no unit; symmetric. Learned from
    just noticeable differences of speech; not blind to gain.

    Manocha, Jin, Zhang, Finkelstein, "CDPAM: contrastive learning for perceptual audio similarity"
    (ICASSP 2021, arXiv 2102.05109).
    """
    return float(np.abs(a - b).sum())


def cdpam_steps(encodings: Sequence[Encoding]) -> list[float]:
    """CDPAM of each sound of a sequence to the next, ``[N - 1]``: SoundMorpher's reading (arXiv
    2410.02144), for `smoothness`, `intermediateness` and `directness`."""
    return [cdpam_distance(a, b) for a, b in pairwise(encodings)]


def cdpam_to_target(encodings: Sequence[Encoding]) -> list[float]:
    """CDPAM of each sound of a sequence to its last, ``[N]``: the reading in the words of the paper
    (arXiv 2510.07908), "perceived as similar to the target"."""
    return [cdpam_distance(each, encodings[-1]) for each in encodings]
