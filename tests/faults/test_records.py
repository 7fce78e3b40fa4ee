"""What travels between workers is small, whatever the track (design, section 5), and nothing of it
stays behind in the driver."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from morphsep.pipelines import REPROCESS, SEPARATE
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors import local
from morphsep.run.executors.executor import get_executor
from morphsep.run.executors.step import Pool, Step, Steps
from morphsep.run.jobs import settle_jobs
from tests import songs
from tests.checkpoints import write_htdemucs

PIPELINES = {"morph": REPROCESS, "separate": SEPARATE}

MOST = 10_000
"""Bytes of a pickled record (issue 3)."""


class Weighing:
    """The local executor, with every record on the scales."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        for record in records:
            self.weigh("planned", record)
        for name in ("planned", *(step.name for step in steps)):
            self.sizes.setdefault(name, 0)
        yield from local.run([self.watched(step) for step in steps], records, pool)

    def watched(self, step: Any) -> Any:
        def call(record: Any) -> list[Any]:
            following: list[Any] = step.call(record)
            for one in following:
                self.weigh(step.name, one)
            return following

        return type(step)(name=step.name, call=call)

    def weigh(self, name: str, record: Any) -> None:
        size = len(pickle.dumps(record))
        self.sizes[name] = max(self.sizes.get(name, 0), size)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_htdemucs(tmp_path_factory.mktemp("model")))


@pytest.mark.parametrize(
    ("separator", "command"),
    [(name, "morph") for name in ("none", "harmonic", "stem", "demucs")] + [("none", "separate")],
)
def test_records_stay_small(tmp_path, monkeypatch, model, separator, command) -> None:
    # about as long as libsndfile takes a path, and a curve drawn by hand over a whole song
    deep = tmp_path / "in" / "/".join(["ein langer Name " * 15] * 2)
    songs.song(deep, 10.5, name="ö" * 100 + ".wav")
    curve = " ".join(f"0:{second / 5:04.1f}={second % 7 / 7:.3f}" for second in range(60))
    separation = {"separator": f"demucs:{model}" if separator == "demucs" else separator}
    settings = make_settings(
        to="distortion", amount=curve, section=5, chunk=5, uniform=separator == "harmonic",
        **{"stem": "{stem}.guitar.wav"} if separator == "stem" else separation,
    )  # fmt: skip
    scales = Weighing()
    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: scales)
    sizes = []
    for _ in range(2):  # the second time planned with the row of the first
        jobs = settle_jobs(collect([str(tmp_path / "in")], tmp_path / "out", settings, command))
        summary = run(jobs, tmp_path / "out", PIPELINES[command])
        assert {outcome.row.status for outcome in summary.outcomes} == {"ok"}
        sizes.append(dict(scales.sizes))
    print(sizes)
    assert max(sizes[1].values()) < MOST, sizes


def passed_on(record: int) -> list[int]:
    return [record]


@pytest.fixture
def frozen() -> Iterator[None]:
    """What is there before is not looked through each time: half a million objects."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
@pytest.mark.usefixtures("cluster", "frozen")
def test_the_driver_keeps_nothing_of_what_has_passed() -> None:
    from morphsep.run.executors.dispatch import OPEN
    from morphsep.run.executors.fleet import AT_ONCE
    from morphsep.run.executors.waiting import Item

    steps = [Step(name="a", call=passed_on), Step(name="b", call=passed_on)]
    many = 100
    kept = []
    for _ in get_executor("ray")(steps, range(many), Pool(min_workers=1, max_workers=1)):
        kept.append(sum(type(each) is Item for each in gc.get_objects()))
    assert len(kept) == many
    assert 0 < max(kept) <= AT_ONCE + OPEN
    assert kept[-1] <= AT_ONCE
