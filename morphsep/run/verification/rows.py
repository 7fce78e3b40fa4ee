"""What the manifest and the names in the output folder alone can tell: no audio is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from itertools import pairwise

from morphsep import storage
from morphsep.errors import ERROR_CODES
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.run.status import is_at_work
from morphsep.run.verification.finding import Finding, unchecked
from morphsep.storage import Location


def row_findings(tracks: Sequence[TrackRow]) -> Iterator[Finding]:
    """Rows that contradict themselves or one another."""
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


def tiling(row: TrackRow, chunks: Sequence[ChunkRow]) -> Iterator[tuple[int, str]]:
    """Chunks that do not cover their track."""
    if [chunk.index for chunk in chunks] != list(range(row.num_chunks or 0)):
        yield 6, f"{len(chunks)} rows for {row.num_chunks} chunks"
    for a, b in pairwise(chunks):
        if b.start > a.start + a.num_samples:
            yield 6, f"nothing covers what lies between chunks {a.index} and {b.index}"


def leftovers(out: Location) -> list[Finding]:
    """Half-written files, unless a run is at work that may be writing them."""
    try:
        found = [file for file in out.walk() if fnmatch(file.name, storage.TEMPORARY)]
        if not found or is_at_work(out):
            return []
        return [Finding("", 7, f"half-written file {file}") for file in found if file.exists()]
    except (OSError, ValueError) as error:
        storage.check_interrupt()
        return [unchecked("", f"{out} could not be searched for half-written files ({error})")]
