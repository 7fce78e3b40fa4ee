"""Some hundreds of odd files through ``morph`` at amount 0 and at 1, and what became of each.

    python -m jobs.campaign_files [--seed 0] [--count 500] [--workers 2] [--keep FOLDER] [-o FILE]

Every container and codec that the programs here can write (ffmpeg, sox, lame, opusenc, oggenc,
flac, wavpack; what is not installed is left out), as written, tagged, joined, cut, padded, with
lying headers, odd chunks, odd names, and with bytes changed at random. Whether something was lost
is judged by the sound that was put in, by ffmpeg and sox, and by words that were put into tags.
Printed: a Markdown table. Ends with 1 if anything was lost, crashed, hung or grew beyond 1 GB.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from jobs.campaign_files.cases import Case, build
from jobs.campaign_files.catalogue import ALL, Encoder
from jobs.campaign_files.table import Result, faults, refusals, table, whole_but_refused
from jobs.campaign_files.trials import Worker, prepare_environment
from jobs.campaign_files.verdicts import judge


def play(cases: Iterator[Case], out: Path, num_workers: int, keep: bool) -> Iterator[Result]:
    """Every file in turn, by some processes side by side; results in the order of files.

    Also removes what was judged, unless it should be kept. Logs the peak of memory at the end.
    """
    with ExitStack() as stack:
        free: SimpleQueue[Worker] = SimpleQueue()
        workers = [stack.enter_context(Worker()) for _ in range(num_workers)]
        for worker in workers:
            free.put(worker)

        def one(case: Case) -> Result:
            worker, folder = free.get(), out / case.path.relative_to(out.parent).parts[1]
            try:
                trial = worker.morph(case.path, folder)
            finally:
                free.put(worker)
            result = Result(case=case, trial=trial, verdict=judge(case, trial))
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
                case.path.unlink(missing_ok=True)
            return result

        with ThreadPoolExecutor(num_workers + 1) as pool:
            begun: deque[Future[Result]] = deque()
            for case in cases:
                begun.append(pool.submit(one, case))
                if len(begun) > 2 * num_workers:  # a few files ahead, not all
                    yield begun.popleft().result()
            yield from (each.result() for each in begun)
        peak = max(worker.peak for worker in workers)
        print(f"most memory of a process: {peak >> 20} MiB", file=sys.stderr)


def campaign(
    folder: Path, seed: int, count: int, encoders: Sequence[Encoder], workers: int, keep: bool
) -> Iterator[Result]:
    """Builds files in ``folder`` and plays them."""
    cases = build(folder / "in", seed, count, encoders)
    return play(cases, folder / "out", workers, keep)


def report(results: Sequence[Result]) -> str:
    """The table and what else is worth a line."""
    slowest = max((result.trial.seconds for result in results), default=0.0)
    lines = [table(results), "", f"Refused: {refusals(results)}.", f"Slowest: {slowest:.1f} s.", ""]
    lines += [*faults(results), "", "Refused as written:", *whole_but_refused(results)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Plays one campaign."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder in which all files stay")
    parser.add_argument("-o", "--output", type=Path, help="file for the table")
    chosen = parser.parse_args()
    prepare_environment()
    with tempfile.TemporaryDirectory(prefix="campaign-") as name:
        folder = chosen.keep or Path(name)
        results = []
        for result in campaign(
            folder, chosen.seed, chosen.count, ALL, chosen.workers, chosen.keep is not None
        ):
            results.append(result)
            print(f"{result.verdict.kind}: {result.line}", file=sys.stderr, flush=True)
    text = report(results)
    print(text)
    if chosen.output is not None:
        chosen.output.write_text(text, encoding="utf-8")
    raise SystemExit(bool(faults(results)))


if __name__ == "__main__":
    main()
