"""Rendering the rows of a clip: in how much memory, and what they depend on."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from morphsep.dataset.recipe import DataRecipe, Ladder
from morphsep.dataset.rendering import Rendered, RowMaker, Take, renderers
from morphsep.dataset.stems import Recent, view
from morphsep.dsp import MODEL_RATE, ArrayReader, Signal, Span
from morphsep.morphing import StemFacts
from tests.data_sets import decoded
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


QUIET_TAKE = guitar(2, channels=1)
QUIET_TAKE *= np.float32(0.2 / np.abs(QUIET_TAKE).max())
BETWEEN = np.sin(np.pi * (np.arange(2 * SECOND) + 0.5) / 2)[None].astype(np.float32)
"""At a quarter of the rate, all samples at -3 dB: another rate meets its full height."""


def with_rest(rest: Signal, rate: int, loudness: float | None) -> tuple[list[Any], list[Any]]:
    """The rows of a clip with the rest of its song, and those that are left out."""
    read = ArrayReader(QUIET_TAKE, MODEL_RATE).read
    stem, _ = view(read, StemFacts.of(read, 2 * SECOND, 1), 2 * SECOND, 1, 1)
    recipe = DataRecipe(
        render=(DRIVE,), seconds=2.0, rate=rate, bits=16, loudness=loudness, backing=True
    )
    left_out = list[Any]()
    make = RowMaker(recipe=recipe, source="song", reject=left_out.append)
    take = Take(stem=stem, span=Span(0, 2 * SECOND), number=0)
    same = Rendered(name="same", wet=QUIET_TAKE, kind="tone", to_tone="a", from_tone="b")
    return list(make(take, [same], rest)), left_out


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_the_peak_is_of_all_that_is_written(rate: int) -> None:
    rows, left_out = with_rest(0.5 * QUIET_TAKE, rate, None)
    (row,) = rows
    sounds = [np.abs(decoded(row[name])).max() / 2**31 for name in ("dry", "wet", "backing", "mix")]
    assert max(sounds) == sounds[-1] == pytest.approx(row["peak"], abs=2**-14)
    assert not left_out


@pytest.mark.parametrize(
    ("rest", "rate", "loudness"),
    [
        (BETWEEN * np.float32(1.2), 48000, None),  # its samples lie below full scale at 44.1 kHz
        (1.3 * np.sign(QUIET_TAKE), 44100, None),
        (-5.5 * QUIET_TAKE, 44100, None),  # the mix is softer than the rest alone
        (-5.5 * QUIET_TAKE, 48000, None),
        (6 * QUIET_TAKE, 16000, None),
        (4.5 * QUIET_TAKE, 48000, None),  # of both only the sum clips
        (4 * QUIET_TAKE, 48000, -14.0),  # as loud as the recipe wants, it clips
    ],
)
def test_no_sound_that_is_written_clips(rest: Signal, rate: int, loudness: float | None) -> None:
    rows, left_out = with_rest(rest.astype(np.float32), rate, loudness)
    assert not rows
    assert [row["reason"] for row in left_out] == ["clipped"]
    assert left_out[0]["peak"] >= 1
