"""What a stage passes on comes once: work done twice is work lost, and who is at a track beside
another is taken for one who follows a worker that died."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from morphsep import manifest, stages
from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors.step import Pool, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.stages.clip import Clip
from morphsep.stages.run_context import RunContext
from tests import songs

TONES = ("overdrive", "fuzz", "chorus")


class StageByStage:
    """All records through a step before the next one is begun; counts what each step is given."""

    def __init__(self) -> None:
        self.given: Counter[tuple[str, str, int | None]] = Counter()

    def __call__(self, steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        for step in steps:
            for record in records:
                start = record.section.start if record.section else None
                self.given[step.name, record.job.track, start] += 1
            records = [following for record in records for following in step.call(record)]
        yield from records


@pytest.mark.parametrize("tones", [TONES[:1], TONES], ids=["one tone", "one song, many tones"])
def test_every_step_is_given_a_track_or_section_once(tmp_path: Path, monkeypatch, tones) -> None:
    song = songs.write(tmp_path / "song.wav", songs.guitar(14.0, channels=1))
    out, executor = tmp_path / "out", StageByStage()
    jobs = []
    for tone in tones:
        settings = make_settings(to=tone, separator="none", section=5, chunk=5, uniform=False)
        (job,) = collect([str(song)], out, settings)
        jobs.append(replace(job, track=f"{tone}.wav"))
    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: executor)
    run(settle_jobs(jobs), out, REPROCESS, executor="ray")
    assert {row.status for row in manifest.read_tracks(out)} == {"ok"}
    assert {what: times for what, times in executor.given.items() if times > 1} == {}
    sections = {(track, start) for stage, track, start in executor.given if stage == "morph"}
    assert len(sections) == 3 * len(tones)


def test_what_has_been_passed_on_is_only_passed_on_by_who_did_it(tmp_path: Path) -> None:
    """Who is tried again, since its worker died just then, must not take itself for another."""
    song = songs.write(tmp_path / "song.wav", songs.guitar(14.0, channels=1))
    settings = make_settings(to="chorus", separator="none", section=5, chunk=5)
    (job,) = settle_jobs(collect([str(song)], tmp_path / "out", settings))
    work = RunContext(out=str(tmp_path / "out"), command="morph", id="first")
    parts = stages.prepare(work, Clip(job=job))
    assert len(parts) == 3
    assert [len(stages.separate(work, part)) for part in parts] == [0, 0, 1]
    assert [len(stages.separate(work, part)) for part in parts] == [0, 0, 1]
    later = replace(work, id="second")
    assert [len(stages.separate(later, part)) for part in parts] == [1, 0, 0]
