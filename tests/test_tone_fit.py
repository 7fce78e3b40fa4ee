"""What a pair of tones needs to know of a stem depends on nothing but its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from morphsep.backends.backend import Passage
from morphsep.backends.crossfade import Crossfade
from morphsep.dsp.loudness import rms_per_second
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.morphing.recipe import build
from morphsep.morphing.stem_facts import StemFacts
from morphsep.request.settings import make_settings
from morphsep.stages.tone_fit import known_fit, measure_fit
from morphsep.storage.locations import location
from tests import songs

STEM = songs.guitar(6.0)[:1]
FACTS = StemFacts(peak=0.5, lufs=-20.0, rms_per_second=rms_per_second([STEM], MODEL_RATE).tolist())


@dataclass(frozen=True)
class Listening(Crossfade):
    """A backend that measures how much it is given."""

    lengths: list[int] = field(default_factory=list, compare=False)

    def measure(self, passages: Sequence[Passage]) -> dict[str, Any]:
        self.lengths.append(sum(each.stem.shape[1] for each in passages))
        return {"samples": self.lengths[-1]}


def a_store(folder: Path) -> Any:
    def read(start: int, num_samples: int) -> Signal:
        padded = np.pad(STEM, ((0, 0), (10 * MODEL_RATE, 10 * MODEL_RATE)))
        return padded[:, start + 10 * MODEL_RATE :][:, :num_samples]

    return SimpleNamespace(read=read, num_channels=1, folder=location(folder))


@pytest.mark.parametrize("uniform", [False, True])
def test_what_a_backend_measures_does_not_depend_on_the_amount(
    tmp_path: Path, uniform: bool
) -> None:
    backend = Listening()
    for index, amount in enumerate(("0.5", "0:00=0 0:05=1")):
        settings = make_settings(
            to="distortion", separator="none", backend="crossfade", amount=amount, uniform=uniform
        )
        recipe = replace(build(settings), backend=backend)
        fit = measure_fit(recipe, a_store(tmp_path / str(index)), STEM.shape[1], FACTS)
        assert fit.facts == {"samples": backend.lengths[0]}
        assert (fit.warp is not None) == uniform
    assert len(backend.lengths) == 2


def test_a_fit_is_found_again_by_all_amounts_that_it_is_the_same_for(tmp_path: Path) -> None:
    store, backend = a_store(tmp_path), Listening()

    def recipe(amount: str, uniform: bool) -> Any:
        settings = make_settings(
            to="distortion", separator="none", backend="crossfade", amount=amount, uniform=uniform
        )
        return replace(build(settings), backend=backend)

    measure_fit(recipe("0.5", uniform=False), store, STEM.shape[1], FACTS)
    assert known_fit(recipe("0:00=0 0:05=1", uniform=False), store) is not None
    measure_fit(recipe("0.5", uniform=True), store, STEM.shape[1], FACTS)
    assert known_fit(recipe("0.5", uniform=True), store) is not None
    for other in ("0.6", "0:00=0 0:05=1"):
        assert known_fit(recipe(other, uniform=True), store) is None
