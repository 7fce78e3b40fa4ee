"""The network of the package music2latent, hosted here: our weights, our noise, our batches.

Equal to ``music2latent.EncoderDecoder`` with the same weights and the same noise, which that class
draws and which is an argument here.
"""

from __future__ import annotations

import pickle
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from morphsep.backends.music2latent.fast.speed import SIGMA, choose, transform
from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.models import full_precision

if TYPE_CHECKING:
    import torch

MAX_LANES = 2
SCALE = 0.06
"""Scale of latents inside the network; outside they are about standard normal."""


class Codec:
    """One loaded network on one device."""

    def __init__(self, network: Any, device: torch.device, half: bool) -> None:
        self.network, self.device = network, device
        self.half = half and device.type == "cuda"
        self.fits, self.lanes = 1 << 30, MAX_LANES
        """Most channels in one pass, and passes side by side on a CPU, that are believed to fit the
        memory."""

    def encode(self, audio: Signal) -> Signal:
        """``[B, 4096 n + 1536]`` -> latents ``[B, 64, n]``."""
        import torch

        from morphsep.backends.music2latent.spectra import spectra

        # always in full precision: the package's authors saw NaN in half
        with torch.inference_mode(), full_precision(self.device):
            parts = spectra(torch.from_numpy(audio).to(self.device))
            latents = self.network.encoder(parts) / SCALE
            result: Signal = latents.cpu().numpy()
        return result

    def decode(self, latents: Signal, noise: Signal) -> Signal:
        """Latents ``[B, 64, n]`` and noise ``[B, 2, 1024, 8 n]`` -> ``[B, 4096 n + 1536]``."""
        import torch

        from morphsep.backends.music2latent.spectra import waveform

        with torch.inference_mode(), full_precision(self.device):
            given = torch.from_numpy(np.ascontiguousarray(latents)).to(self.device) * SCALE
            start = torch.from_numpy(np.ascontiguousarray(noise)).to(self.device) * SIGMA
            with torch.autocast(self.device.type, torch.float16, enabled=self.half):
                parts = self.network(given, start)
            result: Signal = waveform(parts).cpu().numpy()
        return result


@lru_cache(maxsize=1)
def codec(
    path: Path,
    sha256: str,
    device: torch.device,
    half: bool = False,
    names: tuple[str, ...] | None = None,
) -> Codec:
    """The codec with these weights, loaded once in a process.

    Args:
        sha256: of the file; another file is loaded anew.
        half: decode in float16 on a GPU.
        names: of `fast.speed.TRANSFORMATIONS`; None: those expected to pay off on the device.

    Raises:
        SettingError: the package is not installed, or the file does not hold its weights.
    """
    network = load(path)
    network = transform(network, choose(names, device))
    return Codec(network.to(device), device, half)


def load(path: Path) -> Any:
    """The package's ``UNet`` with the weights of a file, on the CPU, for inference.

    Raises:
        SettingError: as `codec`.
    """
    import torch

    try:
        from music2latent.models import UNet
    except ImportError as error:
        raise SettingError(
            f"music2latent needs {error.name}: pip install 'morphsep[music2latent]'"
        ) from error
    state = {name: value.float() for name, value in _read(path).items()}
    with torch.device("meta"):
        network = UNet()
    wanted = network.state_dict()
    wrong = [
        name for name in wanted if name not in state or state[name].shape != wanted[name].shape
    ]
    if wrong:
        raise SettingError(
            f"{path} holds no weights of Music2Latent: {wrong[0]} is not in it, or of another size."
        )
    network.load_state_dict({name: state[name] for name in wanted}, assign=True)
    network.requires_grad_(False)
    return network.eval()


def _read(path: Path) -> dict[str, torch.Tensor]:
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state["gen_state_dict"]
        return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    except pickle.UnpicklingError as error:
        raise SettingError(
            f"{path} was not loaded: it asks Python to run something, which no weights need."
        ) from error
    except Exception as error:
        # torch, zipfile and safetensors each raise their own errors for a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise SettingError(f"{path} is damaged, or holds no Music2Latent ({reason}).") from error
