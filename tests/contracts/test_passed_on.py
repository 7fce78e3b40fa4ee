"""What a stage passes on comes once: work done twice is work lost, and who is at a track beside
another is taken for one who follows a worker that died."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from morphsep import manifest
from morphsep.api import make_settings
from morphsep.executors import Pipeline, Pool
from morphsep.inputs import collect
from morphsep.run import run, settle_jobs
from tests import songs

TONES = ("overdrive", "fuzz", "chorus")


class StageByStage:
    """All records through a step before the next one is begun; counts what each step is given."""

    def __init__(self) -> None:
        self.given: Counter[tuple[str, str, int | None]] = Counter()

    def __call__(self, pipeline: Pipeline, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        for step in pipeline:
            for record in records:
                start = record.section.start if record.section else None
                self.given[step.name, record.job.track, start] += 1
            records = [following for record in records for following in step.call(record)]
        yield from records


@pytest.mark.parametrize(
    "tones",
    [
        TONES[:1],
        pytest.param(
            TONES,
            marks=pytest.mark.xfail(
                strict=True,
                reason="each section of a track whose stem another track has made passes it on",
            ),
        ),
    ],
    ids=["one tone", "one song, many tones"],
)
def test_every_step_is_given_a_track_or_section_once(tmp_path: Path, monkeypatch, tones) -> None:
    song = songs.write(tmp_path / "song.wav", songs.guitar(14.0, channels=1))
    out, executor = tmp_path / "out", StageByStage()
    jobs = []
    for tone in tones:
        settings = make_settings(to=tone, separator="none", section=5, chunk=5, uniform=False)
        (job,) = collect([str(song)], out, settings)
        jobs.append(replace(job, track=f"{tone}.wav"))
    monkeypatch.setattr("morphsep.run.get_executor", lambda name: executor)
    run(settle_jobs(jobs), out, executor="ray")
    assert {row.status for row in manifest.read_tracks(out)} == {"ok"}
    assert {what: times for what, times in executor.given.items() if times > 1} == {}
    sections = {(track, start) for stage, track, start in executor.given if stage == "morph"}
    assert len(sections) == 3 * len(tones)
