"""Re-checking finished work against the promises (design, section 3), from the manifest alone."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from morphsep import audio, manifest, storage
from morphsep.audio.tags import read_tags
from morphsep.dsp import MODEL_RATE, Span, dbfs, from_db, to_rate
from morphsep.errors import ERROR_CODES, SettingError, TrackError
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.request import AS_RECORDED
from morphsep.run.executors.executor import choose_executor, get_executor
from morphsep.run.executors.step import Pool, Step
from morphsep.stages import Block, Readable, Scan, SectionStore, Workspace, mix_blocks, scan, split
from morphsep.storage import Location, location

NULL_DBFS = -120.0
RESAMPLER_REACH = MODEL_RATE // 20
"""Samples at 44.1 kHz over which a change can spread through the way back to another rate."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that does not hold."""

    track: str
    promise: int
    """Number in the design's section 3."""
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """A finished track, and what to compare it by: small, since it travels to workers."""

    row: TrackRow
    untouched: tuple[Span, ...]
    """Where nothing was morphed, in samples at the track's own rate."""


def verify(
    out: str | Path | Location, executor: str = "local", pool: Pool | None = None
) -> tuple[int, list[Finding]]:
    """(tracks checked, what does not hold) of everything in an output folder.

    Promise 3 of a morphed track is checked on the cached stem, as long as that is kept.

    Args:
        executor: where the tracks are read and compared: auto, local or ray.
        pool: the cluster and its workers, where the executor has any; they have to see the inputs.

    Raises:
        SettingError: an unknown executor, or there is no such cluster.
        OSError: the storage does not answer.
    """
    place, pool = location(out), pool or Pool()
    tracks = manifest.read_tracks(place)
    findings = [*_rows(tracks), *_leftovers(place)]
    checks = []
    for row, chunks in _with_chunks(place, tracks):
        findings += [Finding(row.track, *found) for found in _tiling(row, chunks)]
        checks.append(Check(row, tuple(_untouched(row, chunks))))
    execute = get_executor(choose_executor(executor, pool))
    compare = Step(name="compare", call=partial(_findings, str(place)), has_workers=True)
    # by track: it can come out twice, if a lost worker's record was given to another
    compared: dict[str, list[Finding]] = dict(execute([compare], checks, pool))
    assert len(compared) == len(checks)
    findings += [finding for track in sorted(compared) for finding in compared[track]]
    return len(tracks), findings


def _with_chunks(
    out: Location, tracks: Sequence[TrackRow]
) -> Iterator[tuple[TrackRow, list[ChunkRow]]]:
    """Finished tracks with their chunks, those that have none last."""
    left = {row.track: row for row in tracks if row.status == "ok"}
    for track, chunks in manifest.chunks_by_track(out, tracks):
        if track in left:
            yield left.pop(track), chunks
    yield from ((row, []) for row in left.values())


def _rows(tracks: Sequence[TrackRow]) -> Iterator[Finding]:
    outputs = Counter(row.output for row in tracks if row.output)
    for row in tracks:
        if row.status not in ("ok", "skipped", "failed"):
            yield Finding(row.track, 6, f"status {row.status!r}")
        if row.status != "ok" and (row.error_code not in ERROR_CODES or not row.message):
            yield Finding(row.track, 6, "neither ok nor a reason")
        if row.status == "ok" and row.output is None:
            yield Finding(row.track, 7, "ok, but no output")
        if row.output and outputs[row.output] > 1:
            yield Finding(row.track, 6, f"{row.output} is the output of several rows")


def _leftovers(out: Location) -> Iterator[Finding]:
    for place in out.walk():
        if fnmatch(place.name, storage.TEMPORARY):
            yield Finding("", 7, f"half-written file {place}")


def _findings(out: str, check: Check) -> list[tuple[str, list[Finding]]]:
    track = check.row.track
    with ExitStack() as stack:
        return [(track, [Finding(track, *found) for found in _track(location(out), check, stack)])]


def _track(out: Location, check: Check, stack: ExitStack) -> Iterator[tuple[int, str]]:
    row = check.row
    results: list[Path] = []
    wanted = [(row.output, row.output_hash), (row.backing, row.backing_hash)]
    for name, digest in wanted:
        if name is None:
            continue
        try:
            path = stack.enter_context((out / name).reading())
            found = storage.digest_file(path)
        except (FileNotFoundError, IsADirectoryError):
            yield 7, f"{name} is not there"
            continue
        except SettingError as error:
            yield 7, str(error)
            continue
        if found != digest:
            yield 7, f"{name} is not the file that was written"
            continue
        results.append(path)
        yield from _same_shape(path, row)
    if results and len(results) == sum(name is not None for name, _ in wanted):
        try:
            yield from _with_input(out, check, results)
        except TrackError as error:
            yield 1, f"input and output cannot be compared: {error.message}"


def _with_input(out: Location, check: Check, results: Sequence[Path]) -> Iterator[tuple[int, str]]:
    row = check.row
    workspace = Workspace.of_last_run(out)
    scratch = workspace.scratch(row.track)
    try:
        readable = Readable(row.input, scratch, _channels(row))
        source = scan(readable, workspace)
        if source.content_hash != row.content_hash:
            yield 1, "the input is not the file that was worked on; run the same command again"
            return
        if row.tags_warning is None:
            yield from _tags(readable.local, results[0])
        stem = workspace.stem(row.stem_key or "", source.num_channels)
        yield from _against_input(check, source, readable, stem, results)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _tags(before: str, after: Path) -> Iterator[tuple[int, str]]:
    kept = read_tags(str(after))
    for name, value in sorted(read_tags(before).items()):
        if kept.get(name) != value:
            yield 1, f"the tag {name} is {kept.get(name)!r}, the input's {value!r}"


def _channels(row: TrackRow) -> tuple[int, int] | None:
    picked = json.loads(row.settings or "{}").get("channels")
    return (picked[0], picked[1]) if picked else None


def _same_shape(path: Path, row: TrackRow) -> Iterator[tuple[int, str]]:
    try:
        info = audio.probe(str(path))
    except TrackError as error:
        yield 7, f"the output does not decode: {error.message}"
        return
    for name in ("num_samples", "sample_rate", "num_channels"):
        if getattr(info, name) != getattr(row, name):
            yield 1, f"{name} is {getattr(info, name)}, the input's {getattr(row, name)}"
    if info.subtype != row.output_subtype:
        yield 1, f"subtype is {info.subtype}, not {row.output_subtype}"
    asked = json.loads(row.settings or "{}")
    kept = row.subtype in audio.SUBTYPES.get(row.output_format or "", ())
    free = row.backing is None and not (asked.get("format") or asked.get("subtype"))
    if kept and free and info.subtype != row.subtype:
        yield 1, f"subtype is {info.subtype}, the input's {row.subtype}"


def _tiling(row: TrackRow, chunks: Sequence[ChunkRow]) -> Iterator[tuple[int, str]]:
    if [chunk.index for chunk in chunks] != list(range(row.num_chunks or 0)):
        yield 6, f"{len(chunks)} rows for {row.num_chunks} chunks"
    for a, b in pairwise(chunks):
        if b.start > a.start + a.num_samples:
            yield 6, f"nothing covers what lies between chunks {a.index} and {b.index}"


def _against_input(
    check: Check, source: Scan, readable: Readable, stem: SectionStore, results: Sequence[Path]
) -> Iterator[tuple[int, str]]:
    row = check.row
    kept = stem.covers(source.model_length)
    gain = from_db(row.gain_db or 0.0)
    worst = residual = peak = 0.0
    with ExitStack() as stack:
        reader, *rest = (stack.enter_context(audio.AudioReader(str(path))) for path in results)
        backing = rest[0] if rest else None
        for start, mix in mix_blocks(source, readable):
            length = mix.shape[-1]
            result = reader.read(start, length, dtype="float64")
            peak = max(peak, float(np.abs(result).max()))
            if not np.isfinite(result).all():
                yield 1, "samples that are no numbers"
                return
            if backing is not None:
                left = mix - (result + backing.read(start, length, dtype="float64"))
                residual = max(residual, float(np.abs(left).max()))
                continue
            if kept:
                part = to_rate(stem.read, start, length, source.sample_rate)
                residual = max(residual, split(mix, part)[1])
            worst = max(worst, _difference(result, mix, gain, start, check.untouched))
    yield from _judge(row, worst, residual, peak)


def _judge(row: TrackRow, worst: float, residual: float, peak: float) -> Iterator[tuple[int, str]]:
    output = audio.OutputFormat(
        format=row.output_format or "", subtype=row.output_subtype or "", extension=""
    )
    if residual > 0 and dbfs(residual) > NULL_DBFS:
        yield 3, f"stem + backing miss the mix by {dbfs(residual):.1f} dBFS"
    if not (output.bits or output.is_float):
        return  # a lossy output, asked for by --format, keeps no sample as it was
    step = 2.0 ** (1 - output.bits) if output.bits else 2.0**-23
    # a float output is the input itself unless a gain or fewer bits than the input's round once
    rounds = output.bits or row.gain_db or row.subtype in ("DOUBLE", "PCM_32")
    if worst > (1.01 * step if rounds else 0.0):
        yield 2, f"where nothing was morphed the output differs by {dbfs(worst):.1f} dBFS"
    if output.bits and peak > 1.0:
        yield 5, f"peak {dbfs(peak):.2f} dBFS"
    if abs(peak - from_db(row.peak_dbfs if row.peak_dbfs is not None else -400.0)) > step:
        yield 5, f"peak {dbfs(peak):.2f} dBFS, the manifest says {row.peak_dbfs}"


def _untouched(row: TrackRow, chunks: Sequence[ChunkRow]) -> list[Span]:
    """Spans at the track's own rate that only chunks without a morph cover; none touches another.

    The rate is the row's: where that is wrong, `_same_shape` says so.
    """
    bypassed = {"silent", "zero"} if row.from_tone == AS_RECORDED else {"silent"}
    rate = row.sample_rate or MODEL_RATE
    reach = 0 if rate == MODEL_RATE else RESAMPLER_REACH
    spans: list[Span] = []
    for index, chunk in enumerate(chunks):
        if chunk.status not in bypassed:
            continue
        start, stop = chunk.start, chunk.start + chunk.num_samples
        if index > 0 and chunks[index - 1].status not in bypassed:
            start = chunks[index - 1].start + chunks[index - 1].num_samples + reach
        if index + 1 < len(chunks) and chunks[index + 1].status not in bypassed:
            stop = chunks[index + 1].start - reach
        ratio = rate / MODEL_RATE
        span = Span(int(np.ceil(start * ratio)), int(stop * ratio))
        if spans and span.start <= spans[-1].stop:
            span = Span(spans[-1].start, max(spans.pop().stop, span.stop))
        if span.num_samples > 0:
            spans.append(span)
    return spans


def _difference(
    result: Block, mix: Block, gain: float, start: int, untouched: Sequence[Span]
) -> float:
    worst = 0.0
    for span in untouched:
        a, b = max(span.start - start, 0), min(span.stop - start, mix.shape[-1])
        if a < b:
            expected = mix[:, a:b].astype(np.float64) * gain
            worst = max(worst, float(np.abs(result[:, a:b] - expected).max()))
    return worst
