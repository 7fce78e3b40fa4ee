"""Documentation of an adapter folder: the card, the loss of every step, and its curves."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from morphsep.backends.diffusion.lora.adapter import Base, Role, Tone
from morphsep.backends.diffusion.training.clips import Clip
from morphsep.backends.diffusion.training.loop import Log
from morphsep.backends.diffusion.training.recipe import Recipe
from morphsep.errors import SettingError

SMOOTH = 25
"""Steps over which the drawn curve is averaged: a single step's loss depends mostly on its
timestep."""


def extras(
    base: Base, recipe: Recipe, clips: Mapping[Tone, Clip], logs: Sequence[Log]
) -> dict[str, bytes]:
    """The files by name. Without matplotlib there is no picture, and the card says so."""
    files = {"loss.jsonl": _lines(logs).encode()}
    try:
        files["loss.png"] = picture(logs)
    except SettingError as error:
        files["README.md"] = card(base, recipe, clips, logs, f"No loss curve: {error}.").encode()
    else:
        files["README.md"] = card(base, recipe, clips, logs, "![loss](loss.png)").encode()
    return files


def facts(clip: Clip) -> dict[str, Any]:
    """A clip as in ``adapter.json``."""
    return {
        "name": clip.name, "sha256": clip.fingerprint, "starts": list(clip.starts),
        "seconds": clip.seconds,
    }  # fmt: skip


def card(
    base: Base, recipe: Recipe, clips: Mapping[Tone, Clip], logs: Sequence[Log], curve: str
) -> str:
    """The model card, in Markdown."""
    model = base.weights + (f", revision `{base.revision}`" if base.revision else ", a folder")
    ranks = recipe.ranks()
    data = [
        f"| {tone} | {clip.name} | `{clip.fingerprint}` "
        f"| {len(clip.starts)} x {clip.seconds:.2f} s |"
        for tone, clip in clips.items()
    ]
    phases = [
        f"| {log.name} | {_rank(log.name, ranks)} | {len(log.losses)} "
        f"| {_rate(log.name, recipe):g} | {log.before:.4f} | {log.after:.4f} |"
        for log in logs
    ]
    lines = [
        f"# A {recipe.variant} LoRA adapter for morphing one guitar tone into another", "",
        "Made by `morphsep lora train`; used by `morphsep morph --backend diffusion "
        f"--lora {recipe.variant} --adapter FOLDER` on these two tones.", "",
        f"- Base model: {model}", f"- Fingerprint of its weights: `{base.fingerprint}`",
        f'- Prompt at the start: "{recipe.prompt}"; negative prompt: "{recipe.negative_prompt}"',
        f"- Seed: {recipe.seed}; precision: {'bfloat16' if recipe.half else 'float32'}", "",
        "## Data", "", "| end | file | sha256 | excerpts |", "|---|---|---|---|", *data, "",
        "## Training", "",
        "Mean squared error of the predicted noise. Before and after: on one fixed batch of "
        "noise and timesteps.", "",
        "| phase | rank | steps | learning rate | loss before | loss after |",
        "|---|---|---|---|---|---|", *phases, "", curve, "",
        "An adapter derives from the base model and from the clips: the licences of both apply.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _rank(phase: str, ranks: Mapping[Role, int]) -> str:
    return next((str(rank) for role, rank in ranks.items() if phase.endswith(f"-{role}")), "-")


def _rate(phase: str, recipe: Recipe) -> float:
    return recipe.inversion_rate if phase.startswith("inversion-") else recipe.rate


def _lines(logs: Sequence[Log]) -> str:
    rows = [
        {"phase": log.name, "step": step, "loss": loss}
        for log in logs
        for step, loss in enumerate(log.losses)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def picture(logs: Sequence[Log]) -> bytes:
    """A PNG: a panel for each phase, each step's loss as a dot, and their moving average.

    Raises:
        SettingError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingError("pictures need matplotlib: pip install 'morphsep[pictures]'") from error
    figure = Figure(figsize=(9, 2.2 * len(logs)), layout="constrained", dpi=100)
    rows = figure.subplots(len(logs), 1, squeeze=False)[:, 0]
    for axes, log in zip(rows, logs, strict=True):
        axes.plot(log.losses, ".", markersize=2, color="#b0b0b0")
        if len(log.losses) > SMOOTH:
            mean = np.convolve(log.losses, np.full(SMOOTH, 1 / SMOOTH), "valid")
            axes.plot(np.arange(len(mean)) + SMOOTH // 2, mean, color="#b63679")
        axes.set_title(
            f"{log.name}: {log.before:.4f} -> {log.after:.4f} on the fixed batch",
            loc="left", fontsize=10,
        )  # fmt: skip
        axes.set_ylabel("loss")
    rows[-1].set_xlabel("step")
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
