"""Rendering the rows of a clip: in how much memory, and what they depend on."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

from morphsep.dataset.recipe import DataRecipe, Ladder
from morphsep.dataset.rendering import RowMaker, Take, renderers
from morphsep.dataset.stems import Recent, view
from morphsep.dsp import MODEL_RATE, ArrayReader, Signal, Span
from morphsep.morphing import StemFacts
from tests.songs import guitar

SECOND = MODEL_RATE
SONG = guitar(4)
DRIVE = Ladder(source="clean", target="distortion", steps=3, crossfades=True)


def rows_of(recipe: DataRecipe) -> Iterator[dict[str, Any]]:
    """Of one clip of a second, without its sound."""
    read = ArrayReader(SONG, MODEL_RATE).read
    length = SONG.shape[1]
    stem, facts = view(
        read, StemFacts.of(read, length, len(SONG)), length, len(SONG), recipe.channels
    )
    take = Take(stem=stem, span=Span(SECOND, 2 * SECOND), number=1)
    make = RowMaker(recipe=recipe, source="song", reject=lambda row: None)
    for renderer in renderers(recipe, stem, facts.peak, "seed", 4):
        for row in make(take, renderer(take)):
            yield {name: row[name] for name in row if name not in ("dry", "wet")}


def test_of_many_rows_of_a_clip_few_are_in_memory() -> None:
    list(rows_of(DataRecipe(render=(DRIVE,), seconds=1.0)))  # libraries and machine code are loaded

    def peak(steps: int) -> int:
        ladder = Ladder(source="clean", target="distortion", steps=steps)
        tracemalloc.start()
        assert sum(1 for _ in rows_of(DataRecipe(render=(ladder,), seconds=1.0))) == steps
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(48) < peak(8) + 10 * SECOND * 4  # of 40 wets more


def test_a_ladder_does_not_depend_on_what_else_is_rendered() -> None:
    """The positions of one changed with every other ladder of the recipe."""
    alone = list(rows_of(DataRecipe(render=(DRIVE,), seconds=1.0)))
    other = Ladder(source="clean", target="chorus", steps=2)
    beside = list(rows_of(DataRecipe(render=(DRIVE, other), seconds=1.0)))
    assert beside[: len(alone)] == alone
    assert [row["position"] for row in alone if row["amount"] in (0, 1)] == [0.0, 1.0]


def test_what_is_read_again_is_kept() -> None:
    asked = list[tuple[int, int]]()
    song = ArrayReader(SONG, MODEL_RATE)

    def read(start: int, num_samples: int) -> Signal:
        asked.append((start, num_samples))
        return song.read(start, num_samples)

    recent = Recent(read, len(SONG))
    spans = [(-SECOND, 3 * SECOND), (0, 10), (2 * SECOND, 9 * SECOND), (0, SECOND), (5, 0)]
    for start, num_samples in spans:
        assert (recent(start, num_samples) == song.read(start, num_samples)).all()
    assert len(set(asked)) == len(asked)
