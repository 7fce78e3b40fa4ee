"""One song with many tones is separated once, whoever works on it and wherever the work lies."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.job import Job
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors.step import Pool, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.run.resuming import Known
from morphsep.run.verification import verify
from morphsep.separators.none import NoSeparation
from morphsep.stages import RunContext
from morphsep.storage import locking, turns
from morphsep.storage.locations import Location, location
from morphsep.storage.turns import turn
from tests import songs
from tests.contracts.witnesses import notes

TONES = ("fuzz", "chorus", "tremolo")


def at_once(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
    """Everything that can be done at the same time is."""
    with ThreadPoolExecutor(8) as workers:
        running = {workers.submit(steps[0].call, record): 0 for record in records}
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                following = running.pop(future) + 1
                for record in future.result():
                    if following == len(steps):
                        yield record
                    else:
                        running[workers.submit(steps[following].call, record)] = following


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, int]]:
    """How often each section of a track of a certain length is separated, which takes a while."""
    counted: Counter[tuple[int, int]] = Counter()
    separate, guard = NoSeparation.separate, threading.Lock()

    def slowly(self: NoSeparation, mix: Any, start: int, stop: int) -> Any:
        with guard:
            counted[mix.num_samples, start] += 1
        time.sleep(0.5)
        return separate(self, mix, start, stop)

    monkeypatch.setattr(NoSeparation, "separate", slowly)
    return counted


def listed(folder: Path, *names: str) -> list[str]:
    """A list of these songs with every tone, song by song."""
    rows = [f"{name}.wav,{name}-{tone}.wav,{tone}" for name in names for tone in TONES]
    (folder / "list.csv").write_text("\n".join(["path,output,to", *rows]))
    return [str(folder / "list.csv")]


def jobs_of(folder: Path, out: object, *names: str, separator: str = "none") -> list[Job]:
    settings = make_settings(
        amount=0.5, separator=separator, section=5, chunk=5, backend="crossfade", uniform=False
    )
    return settle_jobs(collect(listed(folder, *names), str(out), settings))


# in a bucket two may see the last section finished; the slower one then finds nothing to read
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_section_is_separated_once(tmp_path, place, calls, monkeypatch) -> None:
    _once(tmp_path, place, calls, monkeypatch)


def test_once_with_force_too(tmp_path, calls, monkeypatch) -> None:
    for _ in range(2):
        calls.clear()
        _once(tmp_path, location(tmp_path / "place"), calls, monkeypatch, force=True)


def _once(
    tmp_path: Path,
    place: Location,
    calls: Counter[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    force: bool = False,
) -> None:
    for seconds, name in ((9.0, "a"), (4.0, "b")):
        songs.write(tmp_path / f"{name}.wav", songs.guitar(seconds))
    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: at_once)
    names = ("a", "b") if place.is_local else ("a",)  # requests are slow
    summary = run(jobs_of(tmp_path, place, *names), str(place), REPROCESS, force=force)
    assert [(row.track, row.message) for row in summary.failed] == []
    assert len(summary.done) == len(names) * len(TONES)
    assert len({row.stem_key for row in summary.done}) == len(names)
    assert sorted(calls.values()) == [1] * (1 + len(names)), "one of them has two sections"
    assert verify(place)[1] == []
    assert not (place / ".morphsep/turns").walk()


def test_whoever_comes_first_of_a_song_goes_first(tmp_path: Path) -> None:
    for name in ("a", "b"):
        songs.write(tmp_path / f"{name}.wav", songs.guitar(1.0))
    known = Known(RunContext(out=str(tmp_path / "out"), command="morph", id="x"))
    clips = known.clips(jobs_of(tmp_path, tmp_path / "out", "a", "b"))
    assert [Path(clip.job.path).stem for clip in clips] == ["a", "b"] * len(TONES)
    assert all(clip.shares_stem for clip in clips)
    alone = [job for job in jobs_of(tmp_path, tmp_path / "out", "a") if job.track == "a-fuzz.wav"]
    assert not known.clips(alone)[0].shares_stem


def test_the_dead_are_passed_over(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (locking, turns):
        monkeypatch.setattr(module, "DEAD", 1.5)
    if not place.is_local:  # the kernel knows who is dead; a bucket has the lease of who was
        (place / "x").write_json({"epoch": 7, "token": "t", "beat": 3, "owner": "somebody"})
    began = time.monotonic()
    with turn(place / "x"):
        assert place.is_local or time.monotonic() - began > 1.5
    assert not (place / "x").exists() or place.is_local


def test_one_after_the_other(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LOOK", 0.05)
    inside: list[int] = []

    def enter(number: int) -> int:
        with turn(place / "x"):
            inside.append(number)
            time.sleep(0.2)
            together = len(inside)
            inside.remove(number)
        return together

    with ThreadPoolExecutor(3) as workers:
        assert list(workers.map(enter, range(3))) == [1, 1, 1]


@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
@pytest.mark.usefixtures("cluster", "with_witnesses")
def test_ray_separates_once(tmp_path: Path, witnessed: Path) -> None:
    songs.write(tmp_path / "a.wav", songs.guitar(9.0))
    jobs = jobs_of(tmp_path, tmp_path / "out", "a", separator="noted")
    pool = Pool(min_workers=2, max_workers=2)
    summary = run(jobs, tmp_path / "out", REPROCESS, executor="ray", pool=pool)
    assert [row.status for row in summary.done] == ["ok"] * len(TONES)
    separated = [int(one.about) for one in notes(witnessed, "noted")]
    assert sorted(separated) == [0, 5 * 44100]
