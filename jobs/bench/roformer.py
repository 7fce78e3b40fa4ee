"""Our RoFormer against that of Music-Source-Separation-Training (MSST), on the same checkpoint and
the same song, in one run.

    python -m jobs.bench.roformer [--model sw|becruily] [--seconds 20] [--rounds 2] [--threads 2]

The checkpoint has random weights and the published shape; the song is the demo clip. Three sides in
turn, each a process of its own: ``demix`` as MSST's program calls it (all stems), ``demix`` told to
compute the guitar alone, and ours. Prints CPU and wall seconds of the separation (best of the
rounds), the ratios, the peak memory of the process, and how far the guitars are apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from jobs.bench import roformer_peer
from jobs.bench.separate import CLIP, Cost
from morphsep.dsp import MODEL_RATE, Signal

ROOT = Path(__file__).resolve().parents[2]
GUITAR = {"sw": 4, "becruily": 0}
SIDES = ("MSST, all stems", "MSST, guitar only", "ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(GUITAR), default="sw")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--child", nargs=2, metavar=("SIDE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        side, folder = arguments.child
        _child(side, Path(folder), arguments)
        return
    with tempfile.TemporaryDirectory() as name:
        _compare(Path(name), arguments)


def _compare(folder: Path, arguments: argparse.Namespace) -> None:
    from tests.roformer_checkpoints import write_roformer

    write_roformer(folder, arguments.model)
    sides = [side for side in SIDES if side == "ours" or roformer_peer.is_installed()]
    costs: dict[str, list[Cost]] = {side: [] for side in sides}
    for _ in range(arguments.rounds):
        for side in sides:
            costs[side].append(_run(side, folder, arguments))
            print(f"{side}: {costs[side][-1]}", file=sys.stderr, flush=True)
    print(f"\n{arguments.model}, {arguments.seconds:g} s of stereo, {arguments.threads} threads\n")
    print("| | CPU s | times less | wall s | times less | peak | from ours |")
    print("|---|---|---|---|---|---|---|")
    base, wanted = _best(costs[sides[0]]), np.load(folder / "ours.npy")
    for side in sides:
        error = np.abs(np.load(folder / f"{side}.npy") - wanted).max() / np.abs(wanted).max()
        print(f"| {side} | {_columns(_best(costs[side]), base)} | {error:.1e} |")


def _best(costs: list[Cost]) -> Cost:
    """The least time of all rounds, the most memory."""
    return Cost(
        wall=min(cost.wall for cost in costs),
        cpu=min(cost.cpu for cost in costs),
        megabytes=max(cost.megabytes for cost in costs),
    )


def _columns(cost: Cost, base: Cost) -> str:
    times = f"{cost.cpu:.1f} | {base.cpu / cost.cpu:.2f} | {cost.wall:.1f}"
    return f"{times} | {base.wall / cost.wall:.2f} | {cost.megabytes:.0f} MB"


def _run(side: str, folder: Path, arguments: argparse.Namespace) -> Cost:
    same = [f"--{name}={getattr(arguments, name)}" for name in ("model", "seconds", "threads")]
    done = subprocess.run(
        [sys.executable, "-m", "jobs.bench.roformer", *same, "--child", side, str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": str(arguments.threads)},
    )
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _child(side: str, folder: Path, arguments: argparse.Namespace) -> None:
    """Separates once and tells what it cost."""
    import resource

    import torch

    torch.set_num_threads(arguments.threads)
    mix = _mix(arguments.seconds)
    separate = _side(side, folder, GUITAR[arguments.model])
    began, cpu = time.perf_counter(), time.process_time()
    stem = separate(mix)
    cost = Cost(
        wall=time.perf_counter() - began,
        cpu=time.process_time() - cpu,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
    np.save(folder / f"{side}.npy", stem)
    print(json.dumps(asdict(cost)))


def _side(side: str, folder: Path, guitar: int) -> Callable[[Signal], Signal]:
    if side != "ours":
        everything = side == SIDES[0]
        return roformer_peer.load(folder, active=None if everything else [guitar], keep=guitar)
    from morphsep.separators.roformer import RoFormer
    from morphsep.testing import ArrayMix

    separator = RoFormer(str(folder), device="cpu")
    separator.load()

    def separate(mix: Signal) -> Signal:
        return separator.separate(ArrayMix(mix), 0, mix.shape[1])

    return separate


def _mix(seconds: float) -> Signal:
    """The demo clip, repeated."""
    import soundfile

    clip: Any = soundfile.read(CLIP, dtype="float32", always_2d=True)[0].T
    length = round(seconds * MODEL_RATE)
    return np.ascontiguousarray(np.tile(clip, -(-length // clip.shape[1]))[:, :length])


if __name__ == "__main__":
    main()
