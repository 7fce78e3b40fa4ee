"""Learns to hear how far a knob is turned, on guitars and players that it has not heard.

    python -m jobs.train_knob DATASET [--minutes 12] [--steps 3000] [--seed 0]

DATASET: what ``morphsep generate`` makes of a recipe with a ladder (`drive-ladder`), with splits
``train`` and ``test``. It is read as a stranger reads it, through `datasets` and a DataLoader. A
small network hears ``wet`` alone and says ``amount``. Printed, as Markdown: its mean absolute error
on each artist's recordings of ``test``, beside that of the constant that suits ``train`` best, and
of a regression on the spectral centroid. Training ends after so many steps, or after the minutes
(at most 15 on two cores); the test is looked at once, at the end.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

BANDS, FRAME, HOP = 64, 2048, 512
LOWEST = 60.0
"""Hz."""
FRAMES = 64
"""That are heard at once, 0.7 s at 44.1 kHz."""
BATCH, RATE = 64, 4e-3

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """One row."""

    mel: Tensor
    """``[BANDS, T]``, natural logarithms of power."""
    amount: float
    centroid: float
    """Logarithm of Hz."""
    artist: str


class Clips(Dataset[Clip]):
    """The ladder's rows of a split."""

    def __init__(self, path: str, split: str, cache: str | None = None) -> None:
        """
        Raises:
            ValueError: there are none.
        """
        import datasets

        rows = datasets.load_dataset(path, split=split, cache_dir=cache)
        kinds = rows["kind"]
        self._rows = rows.select([n for n, kind in enumerate(kinds) if kind == "ladder"])
        if not len(self._rows):
            raise ValueError(f"{path} has no ladder in {split}")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Clip:
        import soundfile

        row: Mapping[str, Any] = self._rows[number]
        samples, rate = soundfile.read(io.BytesIO(row["wet"]["bytes"]), dtype="float32")
        power = _power(torch.from_numpy(samples))
        return Clip(
            mel=(filters(rate) @ power + 1e-8).log(), amount=row["amount"],
            centroid=math.log(_centroid(power, rate)), artist=row["artist"] or row["song"],
        )  # fmt: skip


def _power(samples: Tensor) -> Tensor:
    """``[FRAME // 2 + 1, T]`` of ``[T]`` or ``[T, C]``."""
    mono = samples if samples.ndim == 1 else samples.mean(dim=1)
    window = torch.hann_window(FRAME)
    return torch.stft(mono, FRAME, HOP, window=window, return_complex=True).abs() ** 2


def _centroid(power: Tensor, rate: int) -> float:
    """Hz of a whole clip, by magnitude."""
    magnitude = power.sqrt().sum(dim=1)
    hertz = torch.linspace(0, rate / 2, len(magnitude))
    return float((hertz * magnitude).sum() / magnitude.sum()) or 1.0


def filters(rate: int) -> Tensor:
    """``[BANDS, FRAME // 2 + 1]``: triangles, evenly spaced in mel."""

    def mel(hertz: float) -> float:
        return 1127 * math.log1p(hertz / 700)

    ends = torch.linspace(mel(LOWEST), mel(rate / 2), BANDS + 2)
    edges = 700 * ((ends / 1127).exp() - 1)
    hertz = torch.linspace(0, rate / 2, FRAME // 2 + 1)
    up = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(up, down).clamp(min=0)


class Ear(nn.Module):
    """Hears an amount, 0 to 1, in ``[N, BANDS, T]``."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = (1, width, 2 * width, 3 * width, 4 * width)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after), nn.ReLU(),
            ]  # fmt: skip
        self.hears = nn.Sequential(*layers)
        self.says = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * sizes[-1], 1))

    def forward(self, mel: Tensor) -> Tensor:
        """``[N]``."""
        heard = self.hears(mel[:, None]).mean(dim=2)  # [N, C, T]: any pitch
        pooled = torch.cat([heard.mean(dim=2), heard.amax(dim=2)], dim=1)
        said: Tensor = self.says(pooled)[:, 0].sigmoid()
        return said


def levelled(mel: Tensor) -> Tensor:
    """Without the level of each clip."""
    return (mel - mel.mean(dim=(1, 2), keepdim=True)) / 4


def read(clips: Clips) -> list[Clip]:
    """All of them, read once."""
    return [clip for some in DataLoader(clips, batch_size=16, collate_fn=list) for clip in some]


def batches(clips: Sequence[Clip], dice: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Passages ``[N, BANDS, FRAMES]`` and amounts, without end, as other guitars and rooms would
    have them: with another balance of low and high, and bands that are missing."""
    while True:
        chosen = [clips[int(n)] for n in torch.randint(len(clips), (BATCH,), generator=dice)]
        mel = torch.stack([_passage(clip.mel, dice) for clip in chosen])
        amounts = torch.tensor([clip.amount for clip in chosen], dtype=torch.float32)
        yield _coloured(mel, dice), amounts


def _passage(mel: Tensor, dice: torch.Generator) -> Tensor:
    short = max(FRAMES - mel.shape[1], 0)
    padded = nn.functional.pad(mel, (0, short), value=float(mel.min()))
    first = int(torch.randint(padded.shape[1] - FRAMES + 1, (1,), generator=dice))
    return padded[:, first : first + FRAMES]


def _coloured(mel: Tensor, dice: torch.Generator) -> Tensor:
    """Every passage through an equaliser of its own, five points up to some 6 dB either way."""
    points = torch.randn(len(mel), 1, 5, generator=dice)
    curve = nn.functional.interpolate(points, BANDS, mode="linear", align_corners=True)
    missing = torch.randint(BANDS - 8, (len(mel), 1), generator=dice)
    there = torch.arange(BANDS)
    hidden = (there >= missing) & (there < missing + 8)
    coloured = levelled(mel + curve.transpose(1, 2))
    return coloured.masked_fill(hidden[:, :, None], 0.0)


def train(clips: Sequence[Clip], *, steps: int, minutes: float, seed: int) -> tuple[Ear, int]:
    """A network that has learned, and the steps it took."""
    torch.manual_seed(seed)
    ear, end = Ear(), time.monotonic() + 60 * minutes
    optimizer = torch.optim.AdamW(ear.parameters(), RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps + 1)
    made, done = batches(clips, torch.Generator().manual_seed(seed)), 0
    while done < steps and time.monotonic() < end:
        mel, amounts = next(made)
        loss = (ear(mel) - amounts).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        done += 1
        if done % 100 == 0:
            print(f"step {done}: {loss.item():.3f}", flush=True)
    return ear.eval(), done


def heard(ear: Ear, clips: Sequence[Clip]) -> Values:
    """What the network says of whole clips."""
    with torch.inference_mode():
        said = [float(ear(levelled(clip.mel[None]))[0]) for clip in clips]
    return np.array(said)


def guesses(ear: Ear, known: Sequence[Clip], new: Sequence[Clip]) -> dict[str, Values]:
    """What each way says of new clips, from what is known of the others."""
    amounts = np.array([clip.amount for clip in known])
    line = np.polynomial.Polynomial.fit([clip.centroid for clip in known], amounts, 1)
    centroids = np.array([clip.centroid for clip in new])
    return {
        "network": heard(ear, new),
        "spectral centroid": line(centroids).clip(0, 1),
        "constant": np.full(len(new), np.median(amounts)),
    }


def table(said: Mapping[str, Values], clips: Sequence[Clip]) -> Iterator[str]:
    """Mean absolute errors, Markdown."""
    amounts = np.array([clip.amount for clip in clips])
    artists = np.array([clip.artist for clip in clips])
    errors = {name: np.abs(values - amounts) for name, values in said.items()}
    yield "| test on | rows | " + " | ".join(errors) + " |"
    yield "|---|---|" + "---|" * len(errors)
    for artist in [*sorted(set(artists)), None]:
        among = np.ones(len(artists), bool) if artist is None else artists == artist
        found = " | ".join(f"{each[among].mean():.3f}" for each in errors.values())
        yield f"| {artist or 'all'} | {among.sum()} | {found} |"


def main() -> None:
    """Trains, and prints how far off each way is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("--minutes", type=float, default=12.0, help="end training after this")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", help="where `datasets` keeps its copy")
    chosen = parser.parse_args()
    began = time.monotonic()
    known, new = (read(Clips(chosen.dataset, name, chosen.cache)) for name in ("train", "test"))
    ear, steps = train(known, steps=chosen.steps, minutes=chosen.minutes, seed=chosen.seed)
    print("\n".join(table(guesses(ear, known, new), new)))
    minutes = (time.monotonic() - began) / 60
    print(f"\nMean absolute error of amount; {len(known)} rows, {steps} steps, {minutes:.1f} min.")


if __name__ == "__main__":
    main()
