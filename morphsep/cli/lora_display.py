"""What a person sees of a training, and how a folder of adapters is told in lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from morphsep.backends.diffusion.lora import ENDS, INDEX, TONES, Adapter
from morphsep.backends.diffusion.training import OnStep, Recipe
from morphsep.cli.bars import bars, timed


def total_steps(recipe: Recipe) -> int:
    """Of all phases."""
    adapters = len(TONES[recipe.variant]) * (recipe.steps + recipe.unconditional_steps)
    return len(ENDS) * recipe.inversion_steps + adapters


@contextmanager
def progress(recipe: Recipe, quiet: bool) -> Iterator[OnStep]:
    """A bar on stderr with the phase and its loss; nothing if `quiet` or there is no terminal."""
    with bars(quiet, *timed()) as shown:
        task = shown.add_task("loading", total=total_steps(recipe))
        ended: dict[str, int] = {}

        def on_step(phase: str, done: int, steps: int, loss: float) -> None:
            ended[phase] = done
            label = f"{phase} {done}/{steps}, loss {loss:.4f}"
            shown.update(task, completed=sum(ended.values()), description=label)

        yield on_step


def facts(adapter: Adapter) -> dict[str, Any]:
    """An adapter folder for machines: what ``adapter.json`` says."""
    index: dict[str, Any] = json.loads((adapter.folder / INDEX).read_text(encoding="utf-8"))
    return {"folder": str(adapter.folder), "fingerprint": adapter.fingerprint(), **index}


def lines(adapter: Adapter) -> list[str]:
    """An adapter folder for people."""
    told = facts(adapter)
    training: dict[str, Any] = told["training"]
    base = "@".join(filter(None, (adapter.base.weights, adapter.base.revision)))
    found = [
        f"{adapter.folder}: {adapter.variant}, of {base}",
        *(f"  {end:8} {clip['name']}" for end, clip in training.get("clips", {}).items()),
    ]
    for name, loss in training.get("loss", {}).items():
        found.append(f"  {name:22} loss {loss['before']:.4f} -> {loss['after']:.4f}")
    return found
