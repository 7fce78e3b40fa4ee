"""Our Demucs against demucs' own, on the same checkpoint and the same song, in one run.

    python -m jobs.bench.separate [--parts whole,transformations,memory] [--seconds 30] [--rounds 3]

whole: whole processes, in turn: the ``demucs`` command (``--shifts 0``, one source), a script that
calls ``demucs.apply.apply_model(shifts=0)``, ours, and ours with everything switched off. Prints
the best wall and CPU seconds of the rounds, ratios to the command, and the largest difference from
apply_model.
transformations: one segment on one thread, CPU seconds: each alone, all but each, all together.
memory: our peak resident memory over 10 minutes and 2 hours, with a shortened checkpoint, since a
full-size one would take hours.

Weights are random and full-size (``--checkpoint FOLDER`` uses others): speed does not depend on
them. ``--audio-separator PYTHON`` adds python-audio-separator, installed for that interpreter (it
looks for ``download_checks.json`` in the checkpoint's folder before the network, and for
``ffmpeg``). Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.bench.separate_child import SOURCE
from morphsep.dsp import MODEL_RATE

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "demo" / "metal-madness.ogg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Resources that one process used."""

    wall: float
    cpu: float
    megabytes: float
    """Peak resident memory."""


def main() -> None:
    """Read the command line and run the chosen parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="some of whole, ...; by comma")
    parser.add_argument("--seconds", type=int, default=30, help="length of the song")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--checkpoint", type=Path, help="folder with a bag's .yaml and its files")
    parser.add_argument("--audio-separator", metavar="PYTHON", help="where that package is")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run\n")
    with tempfile.TemporaryDirectory(prefix="morphsep-separate-") as folder:
        for name in arguments.parts.split(","):
            print(f"### {name}\n", flush=True)
            PARTS[name](Path(folder), arguments)
            print(flush=True)


def whole(folder: Path, arguments: argparse.Namespace) -> None:
    """Time whole processes in turn, and compare their guitars."""
    model = arguments.checkpoint or _checkpoint(folder / "htdemucs_6s", full=True)
    song = _song(folder / "song.wav", arguments.seconds)
    commands = dict(_commands(model, song, folder, arguments))
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            costs[name].append(_run(command))
            print(f"{name}: {costs[name][-1]}", file=sys.stderr, flush=True)
    base = min(costs["demucs command"], key=lambda cost: cost.wall)
    base_cpu = min(cost.cpu for cost in costs["demucs command"])
    expected = np.load(folder / "apply_model.npy")
    print(f"{arguments.seconds} s of stereo, best of {arguments.rounds} in turn\n")
    print("| process | wall s | times as fast | CPU s | times less | peak | error |")
    print("|---|---|---|---|---|---|---|")
    for name, each in costs.items():
        wall, cpu = min(cost.wall for cost in each), min(cost.cpu for cost in each)
        peak = max(cost.megabytes for cost in each)
        file = folder / f"{name.replace(' ', '_')}.npy"
        error = f"{np.abs(np.load(file) - expected).max():.1e}" if file.exists() else "-"
        print(
            f"| {name} | {wall:.1f} | {base.wall / wall:.2f} | {cpu:.1f} | {base_cpu / cpu:.2f} "
            f"| {peak:.0f} MB | {error} |"
        )


def _commands(
    model: Path, song: Path, folder: Path, arguments: argparse.Namespace
) -> Iterator[tuple[str, list[str]]]:
    name = next(model.glob("*.yaml")).stem
    child = [sys.executable, "-m", "jobs.bench.separate_child"]
    demucs = ["-n", name, "--repo", str(model), "--shifts", "0", "--two-stems", SOURCE, "-d", "cpu"]
    out = ["-o", str(folder / "out"), "--float32", str(song)]
    yield "demucs command", [sys.executable, "-m", "demucs", *demucs, *out]
    for kind in ("apply_model", "ours", "ours, all off"):
        target = folder / f"{kind.replace(' ', '_')}.npy"
        yield kind, [*child, kind, str(model), str(song), str(target)]
    if arguments.audio_separator:
        program = "from audio_separator.utils.cli import main; main()"
        options = ["--model_file_dir", str(model), "-m", f"{name}.yaml", "--demucs_shifts", "0"]
        options += ["--use_soundfile", "--single_stem", SOURCE.title()]
        where = ["--output_dir", str(folder / "out"), "--output_format", "WAV"]
        python = [arguments.audio_separator, "-c", program]
        yield "audio-separator", [*python, str(song), *options, *where]


def transformations(folder: Path, arguments: argparse.Namespace) -> None:
    """Time one segment through models with different transformations, in turn."""
    import torch

    path = arguments.checkpoint or _checkpoint(folder / "htdemucs_6s", full=True)
    file = next(file for file in sorted(path.iterdir()) if file.suffix in (".th", ".safetensors"))
    torch.set_num_threads(1)
    models = _transformed(file)
    (model, _), *_ = models.values()
    mix = 0.3 * torch.randn(1, 2, int(model.segment * MODEL_RATE))
    seconds: dict[str, float] = dict.fromkeys(models, np.inf)
    errors: dict[str, float] = {}
    expected = None
    with torch.inference_mode():
        for _ in range(arguments.rounds):
            for label, (model, index) in models.items():
                began = time.thread_time()
                estimate = model(mix)[:, index]
                seconds[label] = min(seconds[label], time.thread_time() - began)
                expected = estimate if expected is None else expected
                errors[label] = float((estimate - expected).abs().max())
    print(f"One segment, one thread, CPU seconds, best of {arguments.rounds} in turn\n")
    print("| transformations | CPU s | times less than none | error |\n|---|---|---|---|")
    for label, taken in seconds.items():
        print(f"| {label} | {taken:.2f} | {seconds['none'] / taken:.2f} | {errors[label]:.1e} |")


def _transformed(file: Path) -> dict[str, tuple[Any, int]]:
    """(model, index of its guitar) without transformations, with one, with all but one, and all."""
    from morphsep.separators.demucs.checkpoints import load
    from morphsep.separators.demucs.fast.transformations import TRANSFORMATIONS, transform

    every = tuple(TRANSFORMATIONS)
    sets = {"none": (), **{f"{name} alone": (name,) for name in every}}
    sets |= {f"all but {name}": tuple(n for n in every if n != name) for name in every}
    sets["all"] = every
    models: dict[str, tuple[Any, int]] = {}
    for label, names in sets.items():
        model: Any = load(file)
        models[label] = model, transform(model, model.sources.index(SOURCE), names)
    return models


def memory(folder: Path, arguments: argparse.Namespace) -> None:
    """Print the peak memory by length of the track, processed section by section."""
    model = _checkpoint(folder / "small", full=False)
    child = [sys.executable, "-m", "jobs.bench.separate_child", "sections", str(model)]
    print("| length | peak resident memory |\n|---|---|")
    for minutes in (10, 120):
        print(f"| {minutes} min | {_run([*child, str(minutes)]).megabytes:.0f} MB |", flush=True)


def _run(command: list[str]) -> Cost:
    # The child reports its own peak: RUSAGE_CHILDREN here would cover all children so far.
    wrapper = (
        "import json, resource, subprocess, sys; "
        "done = subprocess.run(sys.argv[1:], capture_output=True, text=True); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "sys.stderr.write(done.stderr) if done.returncode else None; "
        "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024])); "
        "sys.exit(done.returncode)"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", wrapper, *command], check=True, stdout=subprocess.PIPE, cwd=ROOT
    )
    wall = time.perf_counter() - began
    cpu, megabytes = json.loads(done.stdout)
    return Cost(wall=wall, cpu=cpu, megabytes=megabytes)


def _song(path: Path, seconds: int) -> Path:
    """The demo clip, repeated, as 16-bit WAV."""
    import soundfile

    clip, rate = soundfile.read(CLIP, dtype="int16")
    assert rate == MODEL_RATE
    times = -(-seconds * rate // len(clip))
    soundfile.write(path, np.tile(clip, (times, 1))[: seconds * rate], rate, "PCM_16")
    return path


def _checkpoint(folder: Path, *, full: bool) -> Path:
    from tests.checkpoints import write_htdemucs

    return write_htdemucs(folder, "yaml+th", full=full)


PARTS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "whole": whole,
    "transformations": transformations,
    "memory": memory,
}
if __name__ == "__main__":
    main()
