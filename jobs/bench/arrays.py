"""What a clip costs as an array and as a file, in CPU time.

    python -m jobs.bench.arrays [--clips 1000] [--seconds 5] [--backend chain] [--no-uniform]

Clips are stretches of demo/guitar-clean.flac in stereo at 44.1 kHz, from `clean` to `fuzz` at 0.4,
on one thread. One `Morph` and `morph_array` take turns at each clip. The command line gets all of
them as WAV files of 32-bit floats; its start counts, and so do all its processes. Whether the three
give the same samples is printed, too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.bench.morph import keep_to_one_core

if TYPE_CHECKING:
    from morphsep.dsp import Signal

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "demo" / "guitar-clean.flac"
RATE = 44_100
FROM, TO, AMOUNT = "clean", "fuzz", 0.4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a clip")
    parser.add_argument("--backend", default="chain")
    parser.add_argument("--no-uniform", action="store_true")
    arguments = parser.parse_args()
    keep_to_one_core()
    clips = cut(arguments.clips, arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="morphsep-bench-") as folder:
        print(table(clips, Path(folder), arguments.backend, not arguments.no_uniform))


def cut(number: int, seconds: float) -> list[Signal]:
    """Stretches of the clip, ``[C, T]`` each, that begin at other places."""
    import numpy as np
    import soundfile

    samples, _ = soundfile.read(CLIP, dtype="float32", always_2d=True)
    length = round(seconds * RATE)
    whole = np.resize(samples[:, 0], (2, len(samples) + length))
    whole[1] *= 0.7
    starts = np.linspace(0, len(samples) - 1, number).astype(int)
    return [np.ascontiguousarray(whole[:, start : start + length]) for start in starts]


def table(clips: Sequence[Signal], folder: Path, backend: str, uniform: bool) -> str:
    """The three ways in Markdown."""
    import numpy as np

    import morphsep

    how: dict[str, Any] = {"backend": backend, "uniform": uniform}
    began = time.process_time()
    morph = morphsep.Morph(FROM, TO, **how)
    set_up = time.process_time() - began
    # what is compiled or read once a process is not counted
    once(morph, clips[0]), once_alone(clips[0], how)
    seconds, made = {"Morph": 0.0, "morph_array": 0.0}, []
    for clip in clips:
        one, took = timed(partial(once, morph, clip))
        seconds["Morph"] += took
        other, took = timed(partial(once_alone, clip, how))
        seconds["morph_array"] += took
        made.append((one, other))
    files, seconds["command line"] = by_command(clips, folder, how)
    same = all(
        np.array_equal(one, other) and np.array_equal(one, file)
        for (one, other), file in zip(made, files, strict=True)
    )
    lines = [
        f"{len(clips)} clips of {clips[0].shape[1] / RATE:g} s, {backend}, "
        f"{'uniform' if uniform else 'not uniform'}; same samples: {'yes' if same else 'NO'}; "
        f"building the `Morph` took {1e3 * set_up:.1f} ms\n",
        "| way | CPU ms a clip | against `Morph` |",
        "|---|---|---|",
    ]
    for way, total in seconds.items():
        ratio = total / seconds["Morph"]
        lines.append(f"| {way} | {1e3 * total / len(clips):.1f} | {ratio:.2f} |")
    return "\n".join(lines)


def timed(call: Callable[[], Signal]) -> tuple[Signal, float]:
    """What it returns, and its CPU seconds."""
    began = time.process_time()
    made = call()
    return made, time.process_time() - began


def once(morph: Callable[..., Signal], clip: Signal) -> Signal:
    """A clip through a `Morph` that is there."""
    return morph(clip, RATE, amount=AMOUNT)


def once_alone(clip: Signal, how: dict[str, Any]) -> Signal:
    """A clip by itself."""
    import morphsep

    return morphsep.morph_array(
        clip, RATE, from_=FROM, to=TO, amount=AMOUNT, separator="none", **how
    )


def by_command(
    clips: Sequence[Signal], folder: Path, how: dict[str, Any]
) -> tuple[list[Signal], float]:
    """All clips as files through the command line: the results, and CPU seconds."""
    import soundfile

    for index, clip in enumerate(clips):
        path = folder / "in" / f"{index:06d}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, clip.T, RATE, "FLOAT")
    command = [
        sys.executable, "-m", "morphsep", "morph", folder / "in", "-o", folder / "out",
        "--from", FROM, "--to", TO, "--amount", str(AMOUNT), "--separator", "none",
        "--backend", how["backend"], "--uniform" if how["uniform"] else "--no-uniform",
        "--executor", "local",
    ]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(each) for each in command], check=True, capture_output=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    paths = sorted((folder / "out").glob("*.wav"))
    return [soundfile.read(path, dtype="float32", always_2d=True)[0].T for path in paths], seconds


if __name__ == "__main__":
    main()
