"""What the driver of `morphsep generate` does for a number of rows, with made-up sources.

Part of jobs.bench.generate, in a process of its own, whose peak memory it prints: splits, the
search for copies, the lock, and the packing of shards. Songs last four minutes; each has as many
rows as the recipe `random-chains` makes of it.

    python -m jobs.bench.planned_rows 1000000
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator

from morphsep.dataset.preparing import lock_of, placed
from morphsep.dataset.recipe import DataRecipe, example, parse_recipe
from morphsep.dataset.shards import plan_shards
from morphsep.dataset.sources import SourceFacts
from morphsep.dataset.surveying import Surveyed
from morphsep.request import Job, Settings
from morphsep.storage import digest

WORDS = 10_300
"""Of the fingerprint of four minutes."""
ROW_BYTES = 480_000


def main() -> None:
    """Prints one line of a table."""
    wanted = int(sys.argv[1])
    recipe = parse_recipe(example("random-chains"), "random-chains")
    assert recipe.clips_per_song is not None
    rows_per_song = recipe.clips_per_song * recipe.rows_per_clip
    settings = Settings(separator="none")
    jobs = [
        Job(
            track=f"song{n:08d}.flac", path=f"/songs/song{n:08d}.flac", settings=settings,
            list_columns=json.dumps({"artist": f"artist {n // 10}", "licence": "CC-BY-4.0"}),
        )
        for n in range(-(-wanted // rows_per_song))
    ]  # fmt: skip
    loaded, began = _peak(), time.process_time()
    kept, surveyed = placed(jobs, _made_up(jobs), recipe)
    lock_of(recipe, kept, surveyed)
    shards = plan_shards(_parts(kept, recipe))
    took = time.process_time() - began
    rows = sum(shard.rows for shard in shards)
    print(f"| {rows} | {len(jobs)} | {len(shards)} | {took:.1f} | {loaded:.0f} | {_peak():.0f} |")


def _made_up(jobs: list[Job]) -> Iterator[Surveyed]:
    """What a look at each source would find."""
    import numpy as np

    rng = np.random.default_rng(0)
    for job in jobs:
        words = rng.integers(0, 2**32, WORDS, np.uint32).tobytes()
        yield Surveyed(track=job.track, content_hash=digest(job.track), words=words)


def _parts(jobs: list[Job], recipe: DataRecipe) -> Iterator[tuple[str, str, list[tuple[int, int]]]]:
    """What would be rendered of each."""
    assert recipe.clips_per_song is not None
    clip = (recipe.rows_per_clip, recipe.rows_per_clip * ROW_BYTES)
    for job in jobs:
        groups = [clip] * recipe.clips_per_song
        yield SourceFacts.of(job).split, digest(job.track)[:32], groups


def _peak() -> float:
    """MB of memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
