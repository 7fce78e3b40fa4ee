"""`morphsep evaluate OUT`: every track of an output folder measured, wherever there are workers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from morphsep import manifest, storage
from morphsep.dsp import Seconds
from morphsep.errors import SettingError, TrackError
from morphsep.evaluation import metrics
from morphsep.evaluation.finished.listening import players
from morphsep.evaluation.finished.measuring import measure
from morphsep.evaluation.finished.opening import opened
from morphsep.evaluation.finished.reporting import TITLE, FinishedResults, report
from morphsep.evaluation.finished.scores import (
    FOLDER,
    Code,
    NotScoredError,
    TrackScore,
    read_track_scores,
    write_track_scores,
)
from morphsep.evaluation.finished.selecting import Finished, finished
from morphsep.evaluation.page import write_report
from morphsep.manifest import TrackRow
from morphsep.morphing import forget
from morphsep.run import Pool, Step, choose_executor, get_executor, workers_for_durations
from morphsep.storage import Held, Location, StorageError, location, lock

SPEED = 10.0
"""Seconds of a track that a worker measures in a second, about."""
KEEP_EVERY: Seconds = 30.0
"""Of measuring, after which what was measured so far is written."""

log = logging.getLogger("morphsep")


def evaluate_finished(
    out: Location,
    *,
    executor: str = "local",
    pool: Pool | None = None,
    force: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> FinishedResults:
    """Measures every track of an output folder, and writes ``evaluation/tracks.parquet``,
    ``report.md`` and ``report.html`` there. What was measured before is not measured again, however
    the run that measured it has ended.

    Args:
        executor: where it is done: auto, local or ray.
        pool: the cluster and its workers, which have to see the inputs; None: this process alone.
        force: measure everything again; earlier scores stay until then.
        on_progress: called with how many tracks are done, and of how many.

    Raises:
        SettingError: an unknown executor, or there is no such cluster.
        StorageError: storage is at fault; the same command goes on.
    """
    pool = pool or Pool(max_workers=1)
    executor = choose_executor(executor, pool)
    folder, tools = out / FOLDER, metrics.zimtohrli_version()
    forget()  # tones' files may be others by now
    with lock(folder) as held:
        rows = manifest.read_tracks(out)
        known = {each.track: each for each in read_track_scores(folder, tools)}
        scores = {row.track: known[row.track] for row in rows if _holds(known.get(row.track), row)}
        missing = [row for row in rows if force or row.track not in scores]
        with _kept(folder, scores, tools, held) as keep:
            scored = _scored(out, missing, executor, pool)
            for done, score in enumerate(scored, len(rows) - len(missing) + 1):
                keep(score)
                on_progress(done, len(rows))
        results = FinishedResults(scores=[scores[row.track] for row in rows])
        blocks = list(report(results))
        write_report(folder, TITLE, blocks, [*blocks, *players(out, results, rows)])
    return results


@contextmanager
def _kept(
    folder: Location, scores: dict[str, TrackScore], tools: str, held: Held
) -> Iterator[Callable[[TrackScore], None]]:
    """What it gives adds a score; all are written now and then, and in the end, however it comes.

    Raises:
        StorageError: another run has taken over; nothing more is written.
    """
    written = time.monotonic()

    def write() -> None:
        held.check()
        write_track_scores(folder, scores.values(), tools)

    def keep(score: TrackScore) -> None:
        nonlocal written
        held.check()
        scores[score.track] = score
        if time.monotonic() >= written + KEEP_EVERY:
            write()
            written = time.monotonic()

    try:
        yield keep
    finally:
        with ThreadPoolExecutor(1) as thread:  # after Ctrl-C the main one writes nothing more
            thread.submit(write).result()


def _holds(score: TrackScore | None, row: TrackRow) -> bool:
    """Whether a track was measured as it is now."""
    if score is None or score.error_code:
        return False
    return (score.key, score.finished_ns) == (row.key, row.finished_ns)


def _scored(
    out: Location, rows: Sequence[TrackRow], executor: str, pool: Pool
) -> Iterator[TrackScore]:
    """One for each track, in any order."""
    for row in rows:
        if (why := _nothing_to_measure(row)) is not None:
            yield _without(row, *why)
    left = [row for row in rows if _nothing_to_measure(row) is None]
    tracks = [finished(*each) for each in manifest.rows_with_chunks(out, left)]
    if executor == "local":
        workers = workers_for_durations([row.duration or 0.0 for row in left], SPEED, pool)
        pool = replace(pool, max_workers=workers)
    lost = {row.track: row for row in left}
    step = Step(name="evaluate", call=partial(_score, str(out)))
    for score in get_executor(executor)([step], tracks, pool):
        storage.check_interrupt()
        # it can come out twice, if a lost worker's record was given to another
        if lost.pop(score.track, None) is not None:
            yield score
    for row in lost.values():
        yield _without(row, "worker_killed", "its workers died over it; run the command again")


def _nothing_to_measure(row: TrackRow) -> tuple[Code, str] | None:
    """Why, if the manifest alone tells that."""
    if row.status != "ok":
        return "not_finished", f"{row.error_code}: {row.message}"
    if row.backing is not None:
        return "only_separated", "guitar and backing were written, nothing was morphed"
    if not row.num_morphed:
        return "nothing_morphed", "the amount is 0 throughout, or no guitar was found"
    return None


def _score(out: str, track: Finished) -> list[TrackScore]:
    """One, whatever happens: no track may hide another's."""
    row = track.row
    try:
        with opened(location(out), row) as sounds:
            found = measure(track, sounds)
    except (NotScoredError, TrackError) as error:
        return [_without(row, error.code, error.message)]
    except SettingError as error:
        return [_without(row, "worker_lacks", str(error))]
    except Exception as error:
        storage.check_interrupt()
        if isinstance(error, (StorageError, OSError)):
            return [_without(row, "storage", str(error))]
        log.exception("%s: a defect of morphsep, please report it", row.track)
        return [_without(row, "internal", str(error) or type(error).__name__)]
    return [
        replace(
            _without(row, "", ""), amount=found.amount, values=found.values,
            not_measured=found.not_measured, excerpts=len(track.excerpts), seams=len(track.seams),
        )
    ]  # fmt: skip


def _without(row: TrackRow, code: Code | str, message: str) -> TrackScore:
    """A track's score without any values."""
    return TrackScore(
        track=row.track, key=row.key or "", finished_ns=row.finished_ns,
        source=row.content_hash or "", separator=row.separator or "", backend=row.backend or "",
        from_tone=row.from_tone or "", to_tone=row.to_tone or "", error_code=code, message=message,
    )  # fmt: skip
