"""Trains an adapter folder from two clips: resumable, whole or not at all.

While it runs, ``ADAPTER.training`` holds the finished phases; it is removed when ADAPTER is
written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from morphsep.backends.diffusion.files import pinned
from morphsep.backends.diffusion.lora.adapter import (
    ENDS,
    FORMAT,
    INDEX,
    ROLES,
    TONES,
    Adapter,
    Base,
    Role,
    Tone,
    read_adapter,
)
from morphsep.backends.diffusion.mel import SAMPLE_RATE
from morphsep.backends.diffusion.model import load
from morphsep.backends.diffusion.training import card
from morphsep.backends.diffusion.training.clips import Clip, latents, read_clip
from morphsep.backends.diffusion.training.loop import Log, OnStep, complete
from morphsep.backends.diffusion.training.memory import checkpointed
from morphsep.backends.diffusion.training.phases import Trainer, conditioning
from morphsep.backends.diffusion.training.recipe import Recipe
from morphsep.backends.diffusion.training.unfinished import at_work
from morphsep.backends.diffusion.training.writing import refuse_existing, write_adapter
from morphsep.errors import SettingError
from morphsep.models import is_out_of_memory
from morphsep.storage import digest

if TYPE_CHECKING:
    import torch

    from morphsep.backends.diffusion.model import Conditioning, Model

SAVE_EVERY = 50
"""Most steps that a killed training loses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a training is run; nothing here changes its result beyond rounding."""

    device: str = "auto"
    offline: bool = False
    resume: bool = True
    """Resume an earlier, killed training; False discards it."""
    gradient_checkpointing: bool = False
    """Takes less memory and about a third more time."""
    save_every: int = SAVE_EVERY


def _no_news(phase: str, done: int, steps: int, loss: float) -> None:
    """Nobody watches."""


def train(
    source: str | Path,
    target: str | Path,
    weights: str,
    out: str | Path,
    recipe: Recipe,
    running: Running | None = None,
    on_step: OnStep = _no_news,
) -> Adapter:
    """Trains on two clips of 5 to 10 s (or excerpts of longer ones) and writes an adapter folder.

    If `out` is the result of the same training already, nothing is done.

    Raises:
        SettingError: a clip, the model or the device cannot be used; `out` is another adapter, or
            an unfinished training of another; memory does not suffice.
    """
    running = running or Running()
    output = _checked_output(out)
    ends: dict[Tone, str | Path] = {"source": source, "target": target}
    clips = {tone: read_clip(path, recipe, SAMPLE_RATE) for tone, path in ends.items()}
    # the slowest check last
    model = load(weights, running.device, running.offline)
    if recipe.half and model.device.type != "cuda":
        raise SettingError("half precision needs a CUDA device; leave --half away")
    key = _key(recipe, model, clips)
    folder = output.with_name(output.name + ".training")
    if output.exists():
        return _same(output, key, folder)
    with at_work(folder, key, running.resume), _prepared(model, running):
        known = {tone: latents(model, clip) for tone, clip in clips.items()}
        trainer = Trainer(model=model, latents=known, recipe=recipe)
        trained = _phases(trainer, folder, running, on_step)
        adapter = _write(output, base_of(weights, model), recipe, clips, trained, key)
    shutil.rmtree(folder)
    return adapter


def _checked_output(out: str | Path) -> Path:
    """The adapter's folder, which is not there yet or holds an adapter."""
    if "://" in str(out):
        raise SettingError(f"an adapter is written to a folder of this machine, not to {out}")
    output = Path(out).expanduser()
    if not (output / INDEX).exists():
        refuse_existing(output)
    return output


def _same(output: Path, key: str, folder: Path) -> Adapter:
    """The adapter that is there, if it came from this same training."""
    adapter = read_adapter(output)
    index = json.loads((output / INDEX).read_text(encoding="utf-8"))
    if index["training"].get("key") != key:
        refuse_existing(output)
    shutil.rmtree(folder, ignore_errors=True)  # a training killed at its very end leaves it
    return adapter


def base_of(weights: str, model: Model) -> Base:
    """The model's description in an adapter; for a folder, its name only."""
    if Path(weights).expanduser().is_dir():
        name, revision = Path(weights).expanduser().resolve().name, ""
    else:
        name, _, revision = pinned(weights).partition("@")
    return Base(weights=name, revision=revision, fingerprint=model.fingerprint)


def _key(recipe: Recipe, model: Model, clips: Mapping[Tone, Clip]) -> str:
    settings = json.dumps(recipe.facts(), sort_keys=True)
    return digest(FORMAT, settings, model.fingerprint, *(clips[end].fingerprint for end in ENDS))


@contextmanager
def _prepared(model: Model, running: Running) -> Iterator[None]:
    """Prepares the shared U-Net for training; reports lack of memory in one sentence."""
    try:
        with checkpointed(model.unet) if running.gradient_checkpointing else nullcontext():
            yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise SettingError(
            f"the memory of {model.device} does not hold one training step: use "
            "--gradient-checkpointing, shorter --seconds, or --half on a GPU"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trained:
    embeddings: dict[Tone, dict[str, torch.Tensor]]
    loras: dict[tuple[Tone, Role], dict[str, torch.Tensor]]
    logs: list[Log]


def _phases(trainer: Trainer, folder: Path, running: Running, on_step: OnStep) -> _Trained:
    """All phases in order; finished ones are read."""
    recipe, trained = trainer.recipe, _Trained(embeddings={}, loras={}, logs=[])
    todo = partial(complete, folder=folder, every=running.save_every, on_step=on_step)
    # both at once, and first: a missing text encoder must show now
    _, negative = trainer.model.conditionings([recipe.prompt, recipe.negative_prompt])
    for end in ENDS:
        found, log = todo(f"inversion-{end}", trainer.inversion(end))
        trained.embeddings[end] = found
        trained.logs.append(log)
    told = {end: conditioning(trainer.model, trained.embeddings[end]) for end in ENDS}
    for tone, role in product(TONES[recipe.variant], ROLES):
        examples = _examples(tone, told if role == "conditional" else dict.fromkeys(ENDS, negative))
        found, log = todo(f"{tone}-{role}", trainer.adapter(tone, role, examples))
        trained.loras[tone, role] = found
        trained.logs.append(log)
    return trained


def _examples(tone: Tone, told: Mapping[Tone, Conditioning]) -> Sequence[tuple[Tone, Conditioning]]:
    return [(end, told[end]) for end in ENDS if tone in (end, "both")]


def _write(
    output: Path, base: Base, recipe: Recipe, clips: Mapping[Tone, Clip], trained: _Trained,
    key: str,
) -> Adapter:  # fmt: skip
    facts = {
        "key": key,
        "recipe": recipe.facts(),
        "clips": {tone: card.facts(clip) for tone, clip in clips.items()},
        "loss": {log.name: {"before": log.before, "after": log.after} for log in trained.logs},
    }
    return write_adapter(
        output, variant=recipe.variant, base=base, prompt=recipe.prompt,
        negative_prompt=recipe.negative_prompt, ranks=recipe.ranks(), loras=trained.loras,
        embeddings=trained.embeddings, training=facts,
        extras=card.extras(base, recipe, clips, trained.logs),
    )  # fmt: skip
