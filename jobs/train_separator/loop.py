"""The training loop: resumable, with a log in lines of JSON.

The loss of one item is the logarithm of the error's energy over the mix's, so that an item without
guitar counts as much as any other, plus a part for the magnitudes' square roots, which hears the
quiet high partials that energy alone does not.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.distributed
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from jobs.train_separator.mixes import (
    FRAME,
    HOP,
    RATE,
    SECTOID,
    SONGS,
    Recorded,
    Songs,
    drawn,
    excerpts,
    held_out,
    tilt,
    voicing,
)
from jobs.train_separator.parts import Rng
from morphsep.dsp import Signal, si_sdr
from morphsep.separators.embedded.network import BandNetwork

FLOOR = 1e-3
"""Errors 30 dB below the mix count as none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of one training."""

    seed: int = 1
    frames: int = 172
    batch: int = 4
    rate: float = 2e-3
    steps: int = 20_000
    minutes: float = 80.0
    """The learning rate falls to zero after these steps or minutes, whichever ends first."""
    channels: int = 48
    detail: float = 0.5
    """Weight of the magnitudes' part of the loss."""
    recorded: float = 0.0
    """Share of guitars from sectoid's two songs instead of rendered ones."""
    begun: str = ""
    """Folder of the training whose weights this one starts from."""
    average: float = 0.995
    """Decay of the moving average of the weights."""
    validate_every: int = 150


def spectrum(samples: Tensor) -> Tensor:
    """``[B, 2, F, K]`` of ``[B, 2, T]``, scaled so that a rate's own frame length drops out."""
    batch, channels, length = samples.shape
    window = torch.hann_window(FRAME)
    bins = torch.stft(
        samples.reshape(-1, length), FRAME, HOP, window=window, center=False, return_complex=True
    )
    return bins.reshape(batch, channels, *bins.shape[1:]) * (SCALE / float(window.sum()))


SCALE = 30.0
"""Brings the bins of a mix of unit standard deviation near 1."""


def loss(estimate: Tensor, guitar: Tensor, mix: Tensor, detail: float) -> Tensor:
    """Mean over the batch."""
    error = (estimate - guitar).abs().square().sum(dim=(1, 2, 3))
    energy = mix.abs().square().sum(dim=(1, 2, 3)) + 1e-3
    kept = torch.log10((error + FLOOR * energy) / energy)
    fine = (_root(estimate) - _root(guitar)).abs().mean(dim=(1, 2, 3))
    return (kept + detail * fine).mean()


def _root(bins: Tensor) -> Tensor:
    return (bins.real**2 + bins.imag**2 + 1e-6) ** 0.25


def batch(
    songs: Songs, recorded: Recorded, config: Config, step: int, rank: int
) -> tuple[Tensor, Tensor]:
    """Spectra of (guitar, mix), ``[B, 2, F, K]``: a function of the seed, the step, the rank and
    the songs there are.
    """
    rng = np.random.default_rng([config.seed, step, rank])
    count, length = songs.refresh(), (config.frames - 1) * HOP + FRAME
    guitars, backings, kinds = zip(
        *(drawn(songs, count, length, rng, recorded) for _ in range(config.batch)), strict=True
    )
    # a recorded guitar has the low end that `voicing` gives to rendered ones
    guitar = _coloured(guitars, [tilt if is_recorded else voicing for is_recorded in kinds], rng)
    return guitar, guitar + _coloured(backings, [tilt] * config.batch, rng)


def _coloured(
    items: Sequence[Signal], colours: Sequence[Callable[[int, Rng], Signal]], rng: Rng
) -> Tensor:
    """Spectra of the items, every one through a filter of its own, at the level that it had."""
    bins = spectrum(torch.from_numpy(np.stack(items)))
    curves = np.stack([colour(bins.shape[2], rng) for colour in colours])
    heard = bins * torch.from_numpy(curves)[:, None, :, None]
    before, after = (x.abs().square().sum(dim=(1, 2, 3), keepdim=True) for x in (bins, heard))
    return heard * (before / (after + 1e-6)).sqrt()


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
        heard = [unpacked / SONGS / name / "guitar.ogg" for name in SECTOID]
        self.recorded = Recorded.read(heard if config.recorded else [], config.recorded)
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


def validation_mixes(unpacked: Path, songs: Path) -> list[tuple[Signal, Signal]]:
    """Muldjord's guitars over backings of fonts and kits that training never hears."""
    folders = sorted((unpacked / SONGS / "muldjord").glob("*/guitar.ogg"))
    guitars = [window for path in folders for window in excerpts(path, 6.0, RATE, 8)]
    return held_out(guitars, Songs(songs / "validation"), seed=7)


def validate(
    model: BandNetwork, mixes: list[tuple[Signal, Signal]]
) -> tuple[list[float], list[float]]:
    """SI-SDR improvement over each mix, and dB of each backing alone that is left, both in dB."""
    model.eval()
    gains, leaks = [], []
    with torch.inference_mode():
        for index, (guitar, backing) in enumerate(mixes):
            mix = guitar + backing
            gains.append(si_sdr(_through(model, mix), guitar) - si_sdr(mix, guitar))
            if index % 3 == 0:
                leak = _through(model, backing)
                leaks.append(10 * math.log10(float(np.mean(leak**2) / np.mean(backing**2)) + 1e-12))
    return gains, leaks


def _through(model: BandNetwork, mix: Signal) -> Signal:
    """``[2, T]`` of ``[2, T]``, by centred frames."""
    std = float(mix.mean(axis=0).std()) + 1e-6
    length = mix.shape[1]
    window = torch.hann_window(FRAME)
    bins = torch.stft(
        torch.from_numpy(mix / np.float32(std)),
        FRAME,
        HOP,
        window=window,
        center=True,
        return_complex=True,
    )
    scale = SCALE / float(window.sum())
    even = bins[..., : bins.shape[-1] // 2 * 2]
    kept = model(even[None] * scale)[0] / scale
    kept = torch.nn.functional.pad(kept, (0, bins.shape[-1] - kept.shape[-1]))
    out = torch.istft(kept, FRAME, HOP, window=window, center=True, length=length)
    return np.asarray(out.numpy() * np.float32(std))
