"""Some hundreds of odd files through ``morph`` at amount 0 and at 1, and what became of each.

    python -m jobs.campaign_files [--seed 0] [--count 500] [--workers 2] [--keep FOLDER] [-o FILE]
    python -m jobs.campaign_files --files FOLDER [--timeout 300]

Every container and codec that the programs here can write (ffmpeg, sox, lame, opusenc, oggenc,
flac, wavpack; what is not installed is left out), as written, tagged, joined, cut, padded, with
lying headers, odd chunks, odd names, and with bytes changed at random. Whether something was lost
is judged by the sound that was put in, by ffmpeg and sox, and by words that were put into tags.
With --files the sounds that lie in a folder are played instead, and left as they are.
Printed: a Markdown table. Ends with 1 if anything was lost, crashed, hung or grew beyond 1 GB.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from jobs.campaign_files.cases import Case, build, found
from jobs.campaign_files.catalogue import ALL
from jobs.campaign_files.table import Result, faults, refusals, table, whole_but_refused
from jobs.campaign_files.trials import TIMEOUT, Worker, prepare_environment
from jobs.campaign_files.verdicts import judge


def play(
    cases: Iterable[Case], out: Path, workers: Sequence[Worker], done: Callable[[Case], None]
) -> Iterator[Result]:
    """Every file in turn, by some processes side by side; results in the order of files.

    ``done`` is called with each file that was judged; its results are removed.
    """
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def one(number: int, case: Case) -> Result:
        worker, folder = free.get(), out / f"{number:04d}"
        try:
            trial = worker.morph(case.path, folder)
        finally:
            free.put(worker)
        result = Result(case=case, trial=trial, verdict=judge(case, trial))
        shutil.rmtree(folder, ignore_errors=True)
        done(case)
        return result

    with ThreadPoolExecutor(len(workers) + 1) as pool:
        begun: deque[Future[Result]] = deque()
        for number, case in enumerate(cases):
            begun.append(pool.submit(one, number, case))
            if len(begun) > 2 * len(workers):  # a few files ahead, not all
                yield begun.popleft().result()
        yield from (each.result() for each in begun)


def report(results: Sequence[Result]) -> str:
    """The table and what else is worth a line."""
    slowest = max((result.trial.seconds for result in results), default=0.0)
    lines = [table(results), "", f"Refused: {refusals(results)}.", f"Slowest: {slowest:.1f} s.", ""]
    lines += [*faults(results), "", "Refused as written:", *whole_but_refused(results)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Plays one campaign."""
    chosen = _arguments()
    prepare_environment()
    results = []
    with ExitStack() as stack:
        folder = chosen.keep or Path(stack.enter_context(TemporaryDirectory(prefix="campaign-")))
        workers = [stack.enter_context(Worker(chosen.timeout)) for _ in range(chosen.workers)]
        source = chosen.files
        cases = found(source) if source else build(folder / "in", chosen.seed, chosen.count, ALL)
        is_kept = source is not None or chosen.keep is not None
        remove = _leave if is_kept else _remove
        for result in play(cases, folder / "out", workers, remove):
            results.append(result)
            print(f"{result.verdict.kind}: {result.line}", file=sys.stderr, flush=True)
        peak = max(worker.peak for worker in workers) >> 20
    text = report(results) + f"\nMost memory of a process: {peak} MiB.\n"
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text, encoding="utf-8")
    raise SystemExit(bool(faults(results)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--files", type=Path, help="folder of sounds, instead of what is built")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for one file")
    parser.add_argument("--keep", type=Path, help="folder in which the built files stay")
    parser.add_argument("-o", "--output", type=Path, help="file for the table")
    return parser.parse_args()


def _remove(case: Case) -> None:
    case.path.unlink()


def _leave(case: Case) -> None:
    """The file stays."""


if __name__ == "__main__":
    main()
