"""What the driver of a data set holds: it grows with the recordings, not with the rows."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from morphsep.dataset import copies, shards
from morphsep.dataset.preparing import lock_of, placed
from morphsep.dataset.recipe import Chains, DataRecipe, PedalRange
from morphsep.dataset.shards import plan_shards
from morphsep.dataset.surveying import Surveyed
from morphsep.request import Job, Settings

RECIPE = DataRecipe(
    render=(Chains(per_clip=4, pedals=(PedalRange(kind="Gain"),)),), splits={"a": 0.5, "b": 0.5}
)
ALONE = Settings(separator="none")


def peak_of(do: Callable[[int], object], number: int) -> int:
    """Bytes that were in memory at most, of those that it took."""
    tracemalloc.start()
    do(number)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def parts(sources: int, clips: int) -> Iterator[tuple[str, str, list[tuple[int, int]]]]:
    for n in range(sources):
        yield "ab"[n % 2], f"{n:032d}", [(4, 1_900_000)] * clips


def test_planned_shards_take_no_more_memory_with_more_rows_of_a_recording() -> None:
    found = plan_shards(parts(100, 400))
    assert sum(shard.rows for shard in found) == 100 * 400 * 4
    groups = {
        (each.part, n)
        for shard in found
        for each in shard.slices
        for n in range(each.first, each.stop)
    }
    assert len(groups) == 100 * 400

    def planned(clips: int) -> object:
        return plan_shards(parts(100, clips))

    # of 36,000 row groups more (5 MB, one by one), in 170 shards more
    assert peak_of(planned, 400) < peak_of(planned, 40) + 1_000_000


def test_a_shard_holds_so_many_bytes_and_at_least_one_row_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shards, "MOST_BYTES", 10)
    groups = [(1, 4), (2, 6), (1, 1), (1, 50), (3, 9)]
    found = plan_shards([("a", "part", groups), ("a", "other", [(1, 1)]), ("b", "part", [(2, 3)])])
    assert [(shard.name, shard.rows, [tuple(s) for s in shard.slices]) for shard in found] == [
        ("data/a-00000-of-00004.parquet", 3, [("part", 0, 2)]),
        ("data/a-00001-of-00004.parquet", 1, [("part", 2, 3)]),
        ("data/a-00002-of-00004.parquet", 1, [("part", 3, 4)]),
        ("data/a-00003-of-00004.parquet", 4, [("part", 4, 5), ("other", 0, 1)]),
        ("data/b-00000-of-00001.parquet", 2, [("part", 0, 1)]),
    ]


def test_of_a_recording_its_fingerprint_does_not_stay_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copies, "AT_ONCE", 20_000)
    monkeypatch.setattr(copies, "HITS_AT_ONCE", 1_000)
    jobs = [
        Job(
            track=f"{n}.wav", path=f"/{n}.wav", settings=ALONE,
            list_columns=json.dumps({"artist": f"artist {n % 7}"}),
        )
        for n in range(60)
    ]  # fmt: skip

    def prepared(words: int) -> list[Job]:
        rng = np.random.default_rng(0)
        found = (
            Surveyed(track=job.track, content_hash=job.track, words=rng.bytes(4 * words))
            for job in jobs
        )
        kept, surveyed = placed(jobs, found, RECIPE)
        assert len(lock_of(RECIPE, kept, surveyed).sources) == 60
        return kept

    prepared(10)
    # of 2.2 MB of words more
    assert peak_of(prepared, 10_000) < peak_of(prepared, 1000) + 1_000_000
