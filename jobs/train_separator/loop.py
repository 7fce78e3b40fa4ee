"""The training loop: resumable, with a log in lines of JSON."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.distributed
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from jobs.train_separator.batches import batch
from jobs.train_separator.config import Config
from jobs.train_separator.loss import loss
from jobs.train_separator.mixes import SECTOID, SONGS, Recorded, Songs
from jobs.train_separator.validation import validate, validation_mixes
from morphsep.separators.embedded.network import BandNetwork


def progress(step: int, elapsed: float, steps: int, minutes: float) -> float:
    """Part of a schedule that is done after `elapsed` seconds; from 1 on it has ended."""
    return max(step / steps, elapsed / (60 * minutes))


class Training:
    """State of one training in `folder`: of its only process, or of one rank (see `start`)."""

    def __init__(
        self, unpacked: Path, songs: Path, folder: Path, config: Config, rank: int = 0
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.folder, self.rank = config, folder, rank
        self.songs = Songs(songs / "train")
        guitars = [unpacked / SONGS / name / "guitar.ogg" for name in SECTOID]
        self.recorded = Recorded.read(guitars if config.recorded else [], config.recorded)
        self.model = BandNetwork(config.channels)
        self.average = copy.deepcopy(self.model).eval()
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.rate, weight_decay=1e-2
        )
        self.step, self.elapsed = 0, 0.0
        self.checks = validation_mixes(unpacked, songs)
        if (folder / "state.pt").exists():
            self._resume()
        elif config.begun:
            self._begin_with(Path(config.begun))

    def run(self) -> None:
        """Train to the end of the schedule, saving at every validation."""
        begin, losses = time.monotonic() - self.elapsed, list[float]()
        while self.progress < 1:
            losses.append(self._one(time.monotonic() - begin))
            self.step += 1
            if self.step % self.config.validate_every == 0 or self.progress >= 1:
                if self.rank == 0:
                    self._check(float(np.mean(losses)))
                losses.clear()

    @property
    def progress(self) -> float:
        """Part of the schedule that is done, 0 to 1."""
        return progress(self.step, self.elapsed, self.config.steps, self.config.minutes)

    def _one(self, elapsed: float) -> float:
        guitar, mix = batch(self.songs, self.recorded, self.config, self.step, self.rank)
        warm = min(1.0, (self.step + 1) / 100)
        for group in self.optimiser.param_groups:
            group["lr"] = (
                self.config.rate * warm * 0.5 * (1 + math.cos(math.pi * min(1, self.progress)))
            )
        self.model.train()
        value = loss(self.model(mix), guitar, mix, self.config.detail)
        self.optimiser.zero_grad()
        torch.autograd.backward(value)
        self._share(elapsed)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self._follow()
        return float(value.detach())

    def _share(self, elapsed: float) -> None:
        """Average the gradients of all ranks; the clock is rank 0's."""
        self.elapsed = elapsed
        if not torch.distributed.is_initialized():
            return
        gradients = [cast(Tensor, p.grad) for p in self.model.parameters()]
        clock = torch.tensor([elapsed if self.rank == 0 else 0.0])
        flat = torch.cat([clock, torch.nn.utils.parameters_to_vector(gradients)])
        torch.distributed.all_reduce(flat)
        self.elapsed = float(flat[0])
        mean = flat[1:] / torch.distributed.get_world_size()
        torch.nn.utils.vector_to_parameters(mean, gradients)

    def _follow(self) -> None:
        keep = min(self.config.average, self.step / (self.step + 20))
        with torch.no_grad():
            for mine, other in zip(
                self.average.state_dict().values(), self.model.state_dict().values(), strict=True
            ):
                if mine.dtype.is_floating_point:
                    mine.lerp_(other, 1 - keep)
                else:
                    mine.copy_(other)

    def _check(self, train_loss: float) -> None:
        gains, leaks = validate(self.average, self.checks)
        low, median, high = (float(q) for q in np.percentile(gains, [25, 50, 75]))
        row = {
            "step": self.step, "minutes": self.elapsed / 60, "songs": self.songs.refresh(),
            "loss": train_loss, "median": median, "q25": low, "q75": high,
            "leakage": float(np.median(leaks)),
        }  # fmt: skip
        row = {key: round(value, 3) for key, value in row.items()}
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)
        _save(self._state(), self.folder / "state.pt")

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(), "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step, "elapsed": self.elapsed,
        }  # fmt: skip

    def _begin_with(self, folder: Path) -> None:
        """Start from another training's last weights, and nothing else of its state."""
        state = torch.load(folder / "state.pt", weights_only=True)["average"]
        self.model.load_state_dict(state)
        self.average.load_state_dict(state)

    def _resume(self) -> None:
        state = torch.load(self.folder / "state.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed = state["step"], state["elapsed"]


def start(unpacked: Path, songs: Path, folder: Path, config: Config, ranks: int) -> None:
    """Train with `ranks` processes of one thread each, which share every step's gradients. On busy
    cores this is faster than one process with as many threads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(
        json.dumps(asdict(config) | {"ranks": ranks}, indent=1) + "\n"
    )
    meeting = folder / f"meeting-{os.getpid()}"
    try:
        begin: Any = spawn
        begin(_rank, (ranks, meeting, unpacked, songs, folder, config), ranks)
    finally:
        meeting.unlink(missing_ok=True)


def _rank(
    rank: int, ranks: int, meeting: Path, unpacked: Path, songs: Path, folder: Path, config: Config
) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=meeting.resolve().as_uri(), rank=rank, world_size=ranks
    )
    Training(unpacked, songs, folder, config, rank).run()
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _save(state: dict[str, Any], path: Path) -> None:
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)
