"""Randomly initialised Music2Latent checkpoints in the published file format, for tests.

Full size, as the package knows no other. What training starts at zero (the last convolution of
every branch) is drawn like the rest, norms and gains are moved off 1, and both outputs are brought
to the range of a trained codec: no part of the network is without a say.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from tests.checkpoints import cache_dir

FILE = "music2latent.pt"


def checkpoint(seed: int = 0) -> Path:
    """Path of a ``music2latent.pt`` (233 MB); built once, kept outside the repository."""
    text = Path(__file__).read_text() + str(seed)
    folder = cache_dir() / f"m2l-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    path = folder / FILE
    if not path.exists():
        import torch

        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{FILE}.{os.getpid()}"
        torch.save({"gen_state_dict": build_unet(seed).state_dict()}, part)
        part.rename(path)
    return path


def build_unet(seed: int = 0) -> Any:
    """The package's UNet with random weights, float32 on the CPU, in inference mode."""
    import torch
    from music2latent.models import UNet
    from torch import nn

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = UNet().eval()
        for module in model.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
                module.reset_parameters()
            elif isinstance(module, nn.GroupNorm):
                module.weight.add_(0.1 * torch.randn_like(module.weight))
                module.bias.add_(0.1 * torch.randn_like(module.bias))
            elif type(module).__name__ == "FreqGain":
                module.scale.mul_(1 + 0.1 * torch.randn_like(module.scale))
        sound = 0.3 * torch.randn(1, 2, 1024, 16)
        noise = 80 * torch.randn(1, 2, 1024, 16)
        _scale_output(model.encoder.conv_out, model.encoder, (sound,), 0.3)
        _scale_output(model.conv_out, model, (model.encoder(sound), noise), 1.2)
    return model


def _scale_output(layer: Any, network: Any, inputs: tuple[Any, ...], level: float) -> None:
    """Bring what `layer`, the network's last, gives for `inputs` to a standard deviation."""
    seen: list[Any] = []
    handle = layer.register_forward_hook(lambda module, args, out: seen.append(out))
    network(*inputs)
    handle.remove()
    gain = level / seen[0].std()
    layer.weight.mul_(gain)
    layer.bias.mul_(gain)
