"""Randomly initialised Demucs checkpoints in the published file formats, for tests.

Loud enough to be worth comparing: the outputs are of the order of the input, and the transformer,
whose layer scales start at 1e-4, has a say.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

Kind = Literal["safetensors", "th", "yaml+th"]

SIX_SOURCES = ("drums", "bass", "other", "vocals", "guitar", "piano")
FULL: dict[str, Any] = {
    "segment": Fraction(39, 5),
    "channels": 48,
    "bottom_channels": 0,
    "t_layers": 5,
}
"""The arguments of the published htdemucs_6s: 26.9 M parameters."""

SMALL: dict[str, Any] = {
    "segment": Fraction(39, 40),
    "channels": 8,
    "bottom_channels": 0,
    "t_layers": 2,
    "t_heads": 2,
    "nfft": 2048,
}
"""Few channels, an eighth of the segment: 0.1 s each on one core."""

SIGNATURES = {True: "5c90dfd2", False: "0a11c0de"}


def cache_dir() -> Path:
    """Where built checkpoints are kept between runs; never committed.

    Not in `.cache`: that is emptied whenever the documentation's site is built.
    """
    own = os.environ.get("MORPHSEP_TEST_CACHE")
    return Path(own) if own else Path(__file__).resolve().parent / ".checkpoints"


def build_htdemucs(
    full: bool = False, sources: tuple[str, ...] = SIX_SOURCES, seed: int = 0
) -> Any:
    """A random HTDemucs with half precision weights, float32 on the CPU."""
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = HTDemucs(list(sources), samplerate=44100, **(FULL if full else SMALL))
        noise = torch.randn(1, 2, int(44100 * model.segment))
    model.eval()
    with torch.inference_mode():
        for name, parameter in model.named_parameters():
            if name.endswith((".scale", "gamma_1.scale", "gamma_2.scale")):
                parameter.fill_(0.5)
        _scale_output(model, model(noise))
        model.load_state_dict({k: v.half() for k, v in model.state_dict().items()})
    return model


def _scale_output(model: Any, output: Any) -> None:
    """Bring each source of `output` [1, S, C, T] to 0.3, by the last layers of both branches."""
    gains = 0.3 / output.std(dim=(0, 2, 3))
    for layer in (model.decoder[-1].conv_tr, model.tdecoder[-1].conv_tr):
        each = gains.repeat_interleave(layer.out_channels // len(gains))
        layer.weight.mul_(each.reshape(1, -1, *[1] * (layer.weight.ndim - 2)))
        layer.bias.mul_(each)


def package(model: Any) -> dict[str, Any]:
    """What ``demucs.states.serialize_model`` puts into a ``.th``."""
    args, kwargs = model._init_args_kwargs
    state = {key: value.half() for key, value in model.state_dict().items()}
    training = {"dset": {"channels": 2}, "optim": {"lr": 3e-4}, "label": None}
    return {
        "klass": type(model),
        "args": args,
        "kwargs": kwargs,
        "state": state,
        "training_args": training,
    }


def write_th(folder: Path, signature: str, content: object) -> Path:
    """``<signature>-<sha256[:8]>.th``, as ``demucs.states.save_with_checksum`` names it."""
    import torch

    part = folder / f"{signature}.part"
    torch.save(content, part)
    digest = hashlib.sha256(part.read_bytes()).hexdigest()[:8]
    return part.rename(folder / f"{signature}-{digest}.th")


def write_safetensors(folder: Path, signature: str, model: Any) -> Path:
    """``<signature>.safetensors`` with class and arguments as JSON, as on the hub."""
    from safetensors.torch import save_file

    content = package(model)
    metadata = {
        "klass": f"{content['klass'].__module__}.{content['klass'].__qualname__}",
        "args": json.dumps(content["args"]),
        "kwargs": json.dumps(content["kwargs"], default=_fraction),
    }
    path = folder / f"{signature}.safetensors"
    tensors = {key: value.contiguous() for key, value in content["state"].items()}
    save_file(tensors, path, metadata=metadata)
    return path


def _fraction(value: Fraction) -> dict[str, Any]:
    return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}


def write_htdemucs(
    folder: Path,
    kind: Kind = "safetensors",
    full: bool = False,
    sources: tuple[str, ...] = SIX_SOURCES,
    seed: int = 0,
) -> Path:
    """Put a random model into `folder` and return it; built once, then copied from the cache.

    ``safetensors`` and ``yaml+th`` are a bag of one with its ``.yaml``; ``th`` is a lone file.
    """
    text = repr((kind, sorted((FULL if full else SMALL).items()), sources, seed))
    kept = (
        cache_dir() / hashlib.sha256((Path(__file__).read_text() + text).encode()).hexdigest()[:16]
    )
    if not kept.exists():
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        part.mkdir(parents=True, exist_ok=True)
        _write(part, kind, full, sources, seed)
        try:
            part.rename(kept)
        except OSError:  # another process was faster
            shutil.rmtree(part)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return folder


def _write(folder: Path, kind: Kind, full: bool, sources: tuple[str, ...], seed: int) -> None:
    model, signature = build_htdemucs(full, sources, seed), SIGNATURES[full]
    if kind == "safetensors":
        write_safetensors(folder, signature, model)
    else:
        write_th(folder, signature, package(model))
    if kind != "th":
        name = "htdemucs_6s" if full else "small"
        (folder / f"{name}.yaml").write_text(f"models: ['{signature}']\n")
