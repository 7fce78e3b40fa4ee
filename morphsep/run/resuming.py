"""What earlier runs have left: tracks that need nothing, and records of those that do.

Whether a finished track needs nothing is told from its row and its files' stamps, for thousands of
tracks at once. What that does not tell is left to the stage `prepare`, which looks into the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from morphsep import manifest
from morphsep.manifest import TrackRow
from morphsep.request import Job
from morphsep.stages import Clip, Outcome, RunContext, by_stamps

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 10_000
"""Tracks that are looked at together, at most: in a bucket, some ten pages of a listing."""


class Known:
    """The rows that earlier runs have left, as far as a run needs them."""

    def __init__(self, context: RunContext) -> None:
        import pyarrow.compute as pc

        self._context = context
        self._rows = manifest.read_known(context.workspace.out, manifest.RESUMED)
        self._tracks = self._rows["track"].combine_chunks()
        self.newest: int = pc.max(self._rows["finished_ns"]).as_py() or 0
        """`finished_ns` of the newest row; 0 if there is none."""

    def done(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Of the jobs for which nothing is to be done; none if the run is told to do all.

        Raises:
            StorageError: the storage stays away.
        """
        context = self._context
        if context.force or not len(self._rows):
            return
        for start in range(0, len(jobs), AT_ONCE):
            some = jobs[start : start + AT_ONCE]
            rows = manifest.rows_of(self._rows_of(some), TrackRow)
            holds = by_stamps(rows, some, context.workspace.out, context.command)
            yield from (
                Outcome(row, fresh=False) for row, it in zip(rows, holds, strict=True) if it
            )

    def clips(self, jobs: Sequence[Job]) -> Clips:
        """A record for each job.

        Tracks that share a stem are kept apart: first one track of each stem, then the second
        ones, and so on. Otherwise workers would wait for a stem that another one is making.
        """
        stems = [(job.path, job.settings.of_the_stem()) for job in jobs]
        sharing, seen = Counter(stems), Counter[Any]()
        ranked: list[tuple[int, int]] = []
        for number, stem in enumerate(stems):
            ranked.append((seen[stem], number))
            seen[stem] += 1
        order = [number for _, number in sorted(ranked)]
        ordered = [jobs[number] for number in order]
        shared = [sharing[stems[number]] > 1 for number in order]
        return Clips(ordered, bytes(shared), self._rows_of(ordered), self.newest)

    def _rows_of(self, jobs: Sequence[Job]) -> pa.Table:
        """A row for each job; all of it null where there is none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        tracks = pa.array([job.track for job in jobs], "string")
        return self._rows.take(pc.index_in(tracks, value_set=self._tracks))


@dataclass(frozen=True, slots=True)
class Clips(Sequence[Clip]):
    """The records of a run, each made when it is asked for: there may be a million."""

    jobs: Sequence[Job]
    shared: bytes
    """For each job, whether another one needs the same stem."""
    rows: pa.Table
    """For each job the row of an earlier run, or nulls."""
    newest: int
    """`finished_ns` of the newest row of earlier runs."""

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self.jobs):
            raise IndexError(number)
        (row,) = manifest.rows_of(self.rows.slice(number, 1), TrackRow)
        return Clip(
            job=self.jobs[number], shares_stem=bool(self.shared[number]),
            previous=row if row.track else None, finished_before=self.newest,
        )  # fmt: skip
