"""Results as they lie there: the bytes, the header, the tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from morphsep import access, audio, storage
from morphsep.errors import SettingError, TrackError
from morphsep.manifest import TrackRow
from morphsep.run.verification.samples import Check, sample_findings
from morphsep.stages import Readable, Workspace, scan
from morphsep.storage import Location

SINCE_TAGS_ARE_NAMED = 4
"""Version of the manifest from which a row says which tags its output lacks."""
CODER_DELAY = 0.5
"""Seconds by which decoders of one lossy file may differ: delay and padding, at joints, too."""
Found = Iterator[tuple[int, str]]
"""(promise, message) of what does not hold."""


def result_findings(out: Location, check: Check) -> Found:
    """What is wrong with the files of a finished track.

    Raises:
        StorageError: the storage does not answer.
    """
    row = check.row
    wanted = [(row.output, row.output_hash), (row.backing, row.backing_hash)]
    names = [(name, digest) for name, digest in wanted if name is not None]
    with ExitStack() as stack:
        results: list[Path] = []
        for name, digest in names:
            path, wrong = _read(out, name, digest, stack)
            if path is None:
                yield 7, wrong
                continue
            results.append(path)
            yield from _shape(path, row)
        if results and row.steps is not None:
            with _scratch(out) as scratch:
                yield from access.findings(out, row, check.steps, scratch)
        elif results and len(results) == len(names):
            try:
                yield from _against_input(out, check, results)
            except TrackError as error:
                yield 1, f"input and output cannot be compared: {error.message}"


def _read(
    out: Location, name: str, digest: str | None, stack: ExitStack
) -> tuple[Path | None, str]:
    """A result's path on this machine; None, and why, if it is not what was written."""
    try:
        path = stack.enter_context((out / name).reading())
        found = storage.digest_file(path)
    except (FileNotFoundError, IsADirectoryError):
        return None, f"{name} is not there"
    except SettingError as error:
        return None, str(error)
    if found != digest:
        return None, f"{name} is not the file that was written"
    return path, ""


def _shape(path: Path, row: TrackRow) -> Found:
    try:
        info = audio.probe(str(path))
    except TrackError as error:
        yield 7, f"the output does not decode: {error.message}"
        return
    length = (row.num_samples or 0) + (row.tail_samples or 0)
    if info.num_samples != length:
        tail = f" with a tail of {row.tail_samples}" if row.tail_samples else ""
        yield 1, f"num_samples is {info.num_samples}, the input's {row.num_samples}{tail}"
    for name in ("sample_rate", "num_channels"):
        if getattr(info, name) != getattr(row, name):
            yield 1, f"{name} is {getattr(info, name)}, the input's {getattr(row, name)}"
    if info.format != row.output_format:
        yield 1, f"it is a {info.format} file, not {row.output_format}"
    if not audio.fits_name(row.output or "", info.format):
        yield 7, f"its name does not say that it is a {info.format} file"
    if info.subtype != row.output_subtype:
        yield 1, f"subtype is {info.subtype}, not {row.output_subtype}"
    asked = json.loads(row.settings or "{}")
    kept = row.subtype in audio.SUBTYPES.get(row.output_format or "", ())
    free = row.backing is None and not (asked.get("format") or asked.get("subtype"))
    if kept and free and info.subtype != row.subtype:
        yield 1, f"subtype is {info.subtype}, the input's {row.subtype}"


def _against_input(out: Location, check: Check, results: Sequence[Path]) -> Found:
    """A run may be at work on the same track: copies are made where it has none."""
    row = check.row
    workspace = Workspace.of_last_run(out)
    with _scratch(out) as scratch:
        readable = Readable(row.input, scratch, _channels(row))
        source = scan(readable, workspace)
        if source.content_hash != row.content_hash:
            yield 1, "the input is not the file that was worked on; run the same command again"
            return
        if row.schema_version >= SINCE_TAGS_ARE_NAMED:
            for result in results:
                yield from ((1, text) for text in audio.missing_tags(readable.local, str(result)))
        yield from _length(row, readable)
        yield from sample_findings(check, source, readable, results)


@contextmanager
def _scratch(out: Location) -> Iterator[Path]:
    """A folder for copies of an input."""
    with storage.private_folder(Workspace.of_last_run(out).room_for_readers) as folder:
        yield folder / "input"  # whoever copies makes room in the folder around it


def _length(row: TrackRow, readable: Readable) -> Found:
    """The input's samples counted again, by us and by ffmpeg where there is one: neither header
    nor what the run noted is believed."""
    with readable.open() as reader:
        counted, rate = audio.count_samples(reader), reader.info.sample_rate
    if counted != row.num_samples:
        yield 1, f"the input has {counted} samples, the manifest says {row.num_samples}"
    seconds = audio.seconds_by_ffmpeg(readable.info)
    if seconds is not None and seconds > counted / rate + CODER_DELAY:
        yield 1, f"ffmpeg decodes {seconds:.2f} s of the input, we {counted / rate:.2f} s"


def _channels(row: TrackRow) -> tuple[int, int] | None:
    picked = json.loads(row.settings or "{}").get("channels")
    return (picked[0], picked[1]) if picked else None
