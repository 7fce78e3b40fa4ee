"""music2latent against the package's own EncoderDecoder, and the gain of each transformation.

    python -m jobs.bench.music2latent speed [--seconds 2] [--threads 1] [--repeats 3]
    python -m jobs.bench.music2latent steps [...]
    python -m jobs.bench.music2latent seams [--seconds 3]

Same full-size checkpoint, sound and noise, both sides in turn, best of several. Without
``--weights`` the weights are random, so the sound means nothing. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from morphsep.backends import Passage
from morphsep.backends.music2latent.fast.speed import choose, transform
from morphsep.backends.music2latent.model import Codec, load
from morphsep.backends.music2latent.music2latent import Music2Latent
from morphsep.backends.music2latent.passage import whole_frames
from morphsep.backends.music2latent.spectra import LATENT_HOP
from morphsep.dsp import (
    MODEL_RATE,
    Grid,
    SeamScore,
    Signal,
    Span,
    gaussian,
    samples,
    stitch,
)
from morphsep.tones import get_tone

SHAPE = 2, 1024, 8
"""Noise of a latent frame."""

Work = Callable[[], Signal]


def pluck(seconds: float) -> Signal:
    """Two channels ``[2, T]`` of decaying harmonic notes, four a second."""
    time_axis = np.arange(samples(seconds)) / MODEL_RATE
    decay = np.exp(-6 * (time_axis % 0.25))
    left, right = (
        sum(np.sin(2 * np.pi * f * k * time_axis) / k for k in range(1, 12)) for f in (147, 147.5)
    )
    sound: Signal = (0.1 * decay * np.stack((left, right))).astype(np.float32)
    return sound


def best(sides: Mapping[str, Work], repeats: int) -> dict[str, tuple[float, float, Signal]]:
    """(wall s, CPU s, result) of each side: the least of each, sides in turn."""
    found: dict[str, tuple[float, float, Signal]] = {}
    for _ in range(repeats):
        for name, work in sides.items():
            wall, cpu = time.perf_counter(), time.process_time()
            result = work()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            before = found.get(name, (wall, cpu, result))
            found[name] = min(wall, before[0]), min(cpu, before[1]), result
    return found


def error(got: Signal, expected: Signal) -> float:
    """Largest difference, relative to the largest value."""
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def table(title: str, found: dict[str, tuple[float, float, Signal]], seconds: float) -> None:
    """One row a side, against the first."""
    (wall, cpu, expected), *_ = found.values()
    print(f"\n| {title} | wall s | CPU s | times real time (CPU) | wall x | CPU x | error |")
    print("|---|---|---|---|---|---|---|")
    for name, (w, c, result) in found.items():
        print(
            f"| {name} | {w:.2f} | {c:.2f} | {seconds / c:.3f} | {wall / w:.2f} | {cpu / c:.2f} "
            f"| {error(result, expected):.1e} |"
        )


def packages(path: Path, device: Any, noise: Signal) -> Any:
    """The package's codec, without downloads and with the given noise."""
    import music2latent.inference as package
    import torch

    package.download_model = lambda: None
    codec, drawn = package.EncoderDecoder(str(path), device=device), torch.randn
    one, given = noise[:1].shape, list(noise)

    def randn(*size: Any, **more: Any) -> Any:
        if size != (one,):
            return drawn(*size, **more)
        given.append(given.pop(0))
        return torch.from_numpy(given[-1][None])

    torch.randn = randn
    return codec


def speed(path: Path, seconds: float, repeats: int) -> None:
    """Print the tables of times."""
    import torch

    device = _device()
    sound = whole_frames(pluck(seconds))
    own = Music2Latent(weights=str(path))
    codec = own._codec()
    latents = codec.encode(sound)
    frames = range(latents.shape[2])
    noise = np.stack([np.concatenate(list(gaussian(0, c, frames, SHAPE)), -1) for c in (0, 1)])
    theirs = packages(path, device, noise)
    length = sound.shape[1] / MODEL_RATE
    ours = own._run
    nowhere = Passage(
        stem=sound, start=0, amount=sound[0], level=0.0,
        source_tone=get_tone("as-recorded"), target_tone=get_tone("as-recorded"),
    )  # fmt: skip
    print(f"{length:.1f} s of stereo on {device}, {torch.get_num_threads()} threads")
    encoding = {
        "EncoderDecoder": lambda: theirs.encode(sound.copy()).cpu().numpy(),
        "ours": lambda: ours(codec.encode, [(sound,)], nowhere)[0],
    }
    table("encode", best(encoding, repeats), length)
    decoding = {
        "EncoderDecoder": lambda: theirs.decode(latents).cpu().numpy(),
        "ours": lambda: ours(codec.decode, [(latents, noise)], nowhere)[0],
    }
    table("decode", best(decoding, repeats), length)
    if device.type == "cuda":
        halves = {"float32": codec, "float16": replace(own, precision="half")._codec()}
        decoders = {name: partial(each.decode, latents, noise) for name, each in halves.items()}
        table("decode", best(decoders, repeats), length)


def steps(path: Path, seconds: float, repeats: int) -> None:
    """Print the gain of each transformation alone, and the loss without it."""
    device = _device()
    frames = range(round(seconds * MODEL_RATE / LATENT_HOP))
    sound = whole_frames(pluck(seconds))[:1]
    latents = np.random.default_rng(0).standard_normal((1, 64, len(frames))).astype(np.float32)
    noise = np.concatenate(list(gaussian(0, 0, frames, SHAPE)), -1)[None]
    used = choose(None, device)
    chosen: dict[str, tuple[str, ...]] = {"none": (), "all": used}
    chosen |= {f"{name} alone": (name,) for name in used}
    chosen |= {f"all but {name}": tuple(n for n in used if n != name) for name in used}
    encoding: dict[str, Work] = {}
    decoding: dict[str, Work] = {}
    for name, names in chosen.items():
        codec = Codec(transform(load(path), names).to(device), device, False)
        encoding[name] = partial(codec.encode, sound)
        decoding[name] = partial(codec.decode, latents, noise)
    table("encode one channel", best(encoding, repeats), sound.shape[1] / MODEL_RATE)
    table("decode one channel", best(decoding, repeats), seconds)


def _device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seams(path: Path, seconds: float) -> None:
    """Compare the seams of one passage with noise drawn for each chunk and with the song's
    noise."""
    sound = pluck(seconds)
    grid = Grid(samples(1.0), samples(0.25))
    source, target = get_tone("as-recorded"), get_tone("distortion")
    backend = Music2Latent(weights=str(path))
    before, after = backend.context(source, target)

    def read(start: int, length: int) -> Signal:
        padded = np.pad(sound, ((0, 0), (before, after + length)))
        return padded[:, start + before : start + before + length]

    def render(index: int, factor: int) -> Signal:
        span = grid.span(index, sound.shape[1])
        start, length = span.start - before, span.num_samples + before + after
        passage = Passage(
            stem=read(start, length), start=start, amount=np.full(length, 0.5, np.float32),
            source_tone=source, target_tone=target, level=-20.0,
        )  # fmt: skip
        (morphed,) = replace(backend, seed=factor * (index + 1)).morph([passage])
        return morphed[:, before : before + span.num_samples]

    print("\n| noise | correlation of both sides | step dB | flux dB |\n|---|---|---|---|")
    whole = Span(0, sound.shape[1])
    for name, factor in (("the song's (ours)", 0), ("drawn for each chunk", 1)):
        pieces = stitch(grid, whole.stop, whole, partial(render, factor=factor), read)
        scores = [piece.seam[1] for piece in pieces if piece.seam is not None]
        print(f"| {name} | {_cells(scores)} |")
    print(
        f"\n{len(scores)} seams of {grid.overlap / MODEL_RATE:g} s. The weights are random: this "
        "shows the effect of the noise on a seam, not the sound of a trained codec."
    )


def _cells(scores: list[SeamScore]) -> str:
    """Mean and range of each score, as cells of a table."""
    columns = (
        [getattr(score, value) for score in scores]
        for value in ("correlation", "step_db", "flux_db")
    )
    return " | ".join(f"{np.mean(c):.3f} ({min(c):.3f} to {max(c):.3f})" for c in columns)


def main() -> None:
    """Read the command line and print the tables."""
    import torch

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("speed", "steps", "seams"))
    parser.add_argument("--weights", type=Path, help="music2latent.pt; none: random ones")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if (path := arguments.weights) is None:
        from tests.music2latent_checkpoints import checkpoint

        path = checkpoint()
    print(f"Load average {os.getloadavg()[0]:.1f}.")
    if arguments.what == "speed":
        speed(path, arguments.seconds, arguments.repeats)
    elif arguments.what == "steps":
        steps(path, arguments.seconds, arguments.repeats)
    else:
        seams(path, arguments.seconds)


if __name__ == "__main__":
    main()
