"""Overhead and scaling, on Ray and on one machine: jobs.bench.scaling [--only PART] [--quick]

Parts (each prints a table for docs/reference/benchmarks.md):

  overhead   a batch through the real executor with stages that sleep as long as the real ones
             take, against the sum of these times
  scaling    1, 2, 4, 8, 16 workers whose stages sleep: throughput, and time to the first song
  sharing    a long song before many short ones: when do the short ones come out
  memory     driver and object store over 100 to 100,000 tracks whose stages do nothing
  laptop     one process, several and Ray on this machine, with real songs
  processes  scaling with processes of this machine

Sleeping stages show the pipeline's own cost on a machine with few cores: sleeping needs none.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from jobs.bench.driver_memory import memory
from jobs.bench.laptop import laptop
from jobs.bench.sleeping import SPEED, Cut, Song, cluster, pipeline, through
from morphsep.run.executors.step import Step

SECTIONS = (2.0, 8.0)
"""Seconds that a section of 60 s takes: on a GPU, and a tenth of what it takes on a CPU."""


def overhead(quick: bool) -> None:
    """Print the wall time of the busy part over the stages' own time."""
    scale = 0.02 if quick else 0.1
    number = 16 if quick else 60
    seconds = {name: 60.0 / speed * scale for name, speed in SPEED.items()}
    with cluster():
        done = through(pipeline(seconds), [Song(n) for n in range(number)], workers=4)
    ends = sorted(dict(song.finished)["assemble"] for song, _ in done)
    # from the first song that each worker has finished on: the start of Ray and its workers is not
    # an overhead per song, and is printed by itself
    first = ends[4 - 1]
    busy = ends[-1] - first
    ideal = (number - 4) / 4 * sum(seconds.values())
    print(
        "| songs of 1 min | stages' time each, scaled by | 4 workers' own time | measured | over |"
    )
    print("|---|---|---|---|---|")
    print(
        f"| {number} | {scale:g} | {ideal:.1f} s | {busy:.1f} s "
        f"| {100 * (busy / ideal - 1):.1f} % |"
    )


def scaling(quick: bool) -> None:
    """Print the throughput of N workers against N times that of one."""
    print(HEAD)
    for length in (2.0,) if quick else SECTIONS:
        pools, each = ((1, 2, 4), 6) if quick else ((1, 2, 4, 8, 16), 20)
        against_one(SHORT | {"separate": length}, pools, each)


def processes(quick: bool) -> None:
    """The same with processes of this machine; and tiny records a second, through five stages."""
    print(HEAD)
    pools, each = ((1, 2), 6) if quick else ((1, 2, 16), 20)
    against_one(SHORT | {"separate": 2.0}, pools, each, "local")
    number = 1000 if quick else 10_000
    done = through(
        pipeline(dict.fromkeys(SPEED, 0.0)), [Song(n) for n in range(number)], 2, "local"
    )
    ends = [when for _, when in done]
    print(f"\n{(number - 1) / (ends[-1] - ends[0]):.0f} tiny records a second, two workers")


HEAD = """
| section takes | workers | songs | songs a second | efficiency | first song after |
|---|---|---|---|---|---|"""


SHORT = {"prepare": 0.02, "separate": 0.0, "measure": 0.02, "morph": 0.2, "assemble": 0.02}
"""Seconds that the stages sleep, besides the one that is named."""


def against_one(
    seconds: dict[str, float], pools: Sequence[int], each: int, executor: str = "ray"
) -> None:
    """Prints the throughput of pools of workers against one's.

    Args:
        seconds: how long each stage sleeps.
        each: songs for each worker.
    """
    alone, last = None, list(seconds)[-1]
    for workers in pools:
        songs = [Song(n) for n in range(each * workers)]
        with cluster() if executor == "ray" else nullcontext():
            began = time.time()
            done = through(pipeline(seconds), songs, workers, executor)
        ends = sorted(dict(song.finished)[last] for song, _ in done)
        # all workers have started by the end of their first song, and none is idle before the last
        # round
        a, b = 2 * workers - 1, len(ends) - workers - 1
        rate = (b - a) / (ends[b] - ends[a])
        alone = alone or rate
        first = min(when for _, when in done) - began
        print(
            f"| {max(seconds.values()):g} s | {workers} | {len(songs)} | {rate:.2f} "
            f"| {rate / alone / workers:.3f} | {first:.1f} s |",
            flush=True,
        )


def sharing(quick: bool) -> None:
    """Print what becomes of short songs behind a long one that could keep all workers busy."""
    sections, others, workers, length = (20 if quick else 80), (10 if quick else 40), 8, 2.0
    steps = [Step(name="cut", call=Cut()), *pipeline({"separate": length})]
    songs = [Song(0, sections=sections), *(Song(n) for n in range(1, 1 + others))]
    with cluster():
        done = through(steps, songs, workers)
    ends = sorted((dict(song.finished)["separate"], song.number) for song, _ in done)
    began = ends[0][0] - length
    long = max(when for when, number in ends if not number)
    short = [when for when, number in ends if number]
    print(
        "| sections of the long song | short songs | workers | first short song after "
        "| short ones out before the long one | all after | at best |\n"
        "|---|---|---|---|---|---|---|\n"
        f"| {sections} of {length:g} s | {others} | {workers} | {short[0] - began:.1f} s "
        f"| {sum(when < long for when in short)} | {ends[-1][0] - began:.1f} s "
        f"| {(sections + others) * length / workers:.1f} s |"
    )


PARTS: dict[str, Callable[[bool], None]] = {
    "overhead": overhead, "scaling": scaling, "sharing": sharing, "memory": memory,
    "laptop": laptop, "processes": processes,
}  # fmt: skip


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--quick", action="store_true", help="smaller, to see that it works")
    arguments = parser.parse_args()
    for name in arguments.only or PARTS:
        print(f"\n### {name}\n")
        PARTS[name](arguments.quick)


if __name__ == "__main__":
    main()
