"""The other side: the code of Music-Source-Separation-Training (MSST, MIT), where it is installed.

    pip install --no-deps msst beartype rotary-embedding-torch ml-collections

(It asks for an older torch than ours, which it does not need.)
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from morphsep.dsp import Signal


def is_installed() -> bool:
    """Whether its code can be used."""
    names = ("msst", "beartype", "rotary_embedding_torch", "ml_collections")
    return all(find_spec(name) is not None for name in names)


def load(
    folder: Path,
    *,
    active: list[int] | None = None,
    keep: int = 0,
    device: str = "cpu",
    half: bool = False,
) -> Callable[[Signal], Signal]:
    """What turns a mix ``[2, T]`` into a stem ``[2, T]`` by ``demix``.

    Args:
        folder: ``model.ckpt`` and ``config.yaml``, as ``tests.roformer_checkpoints`` writes them.
        active: indices of the stems that are computed; None: all, as its own program does.
        keep: index of the stem that is returned.
        half: half precision, which is what its own program does on a GPU.
    """
    import torch
    import yaml

    said = yaml.load((folder / "config.yaml").read_text(), yaml.FullLoader)  # as it does itself
    config = import_module("ml_collections").ConfigDict(said)
    config.training.use_amp = half
    model = network(folder, said).to(device)
    demix = import_module("msst.utils.model_utils").demix
    if active is not None and len(said["training"]["instruments"]) > 2:
        whole = model.forward
        model.forward = lambda samples: whole(samples, active_stem_ids=active)
        config.training.instruments = [said["training"]["instruments"][i] for i in active]
        keep = active.index(keep)

    def separate(mix: Signal) -> Signal:
        stems = demix(config, model, mix, torch.device(device), "roformer")
        return np.asarray(list(stems.values())[keep], np.float32)

    return separate


def network(folder: Path, said: dict[str, Any]) -> Any:
    """Its network with the folder's weights."""
    import torch

    kind = "mel_band_roformer" if "num_bands" in said["model"] else "bs_roformer"
    module = import_module(f"msst.models.bs_roformer.{kind}")
    klass = module.MelBandRoformer if "num_bands" in said["model"] else module.BSRoformer
    model = klass(**said["model"])
    model.load_state_dict(torch.load(folder / "model.ckpt"))
    return model.eval()
