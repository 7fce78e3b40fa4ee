"""Names of results: none twice, found in linear time, and the same as ever."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.request import naming
from morphsep.request.job import Command, Job
from morphsep.request.settings import Settings


def a_job(path: str, amount: str = "1", command: Command = "morph") -> Job:
    return naming.new_job(f"/in/{path}", path, Settings(amount=amount), command)


def by_trying_all(jobs: Sequence[Job], command: Command) -> list[Job]:
    """The naming as it was before it was linear: what every output folder so far was named by."""
    kept: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: Path(job.track).name != Path(job.path).name):
        twin = kept.get(job.track)
        if twin is not None and job.path != twin.path:
            name = naming._output_name(Path(job.path).name, job.settings, command, whole=True)
            job = replace(job, track=str(PurePosixPath(job.track).with_name(name)))
            twin = kept.get(job.track)
        if twin is not None:
            name = PurePosixPath(job.track)
            numbered = (
                str(name.with_name(f"{name.stem} ({number}){name.suffix}"))
                for number in itertools.count(2)
            )
            same = job.path == twin.path and job.settings == twin.settings
            why = f"the same as {twin.track}, which this run makes already; name it once"
            job = replace(job, track=next(track for track in numbered if track not in kept))
            if same:
                job = replace(job, refusal=("duplicate", why), refused_as="skipped")
        kept[job.track] = job
    return [kept[track] for track in sorted(kept)]


names = st.builds(
    "{}{}{}.{}".format,
    st.sampled_from(["", "a/", "b/"]),
    st.sampled_from(["x", "x.flac", "x (2)", "x.mp3", "y"]),
    st.sampled_from(["", " (2)", " (3)"]),
    st.sampled_from(["wav", "flac", "mp3", "WAV", "ogg"]),
)
amounts = st.sampled_from(["0.2", "0.8"])
commands = st.sampled_from(["morph", "separate"])


@given(st.lists(st.tuples(names, amounts), max_size=30), commands)
def test_names_are_those_of_trying_every_number(
    wanted: list[tuple[str, str]], command: Command
) -> None:
    jobs = [a_job(path, amount, command) for path, amount in wanted]
    named = naming.without_collisions(jobs, command)
    assert named == by_trying_all(jobs, command)
    assert len({job.track for job in named}) == len(jobs)


@pytest.mark.parametrize("count", [200, 800])
def test_the_work_of_naming_grows_with_the_jobs_and_no_faster(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    numbered = naming._numbered
    monkeypatch.setattr(
        naming, "_numbered", lambda track, n: tried.append(track) or numbered(track, n)
    )
    one_song = [a_job("x.wav", str(row / count)) for row in range(count)]
    taken = [a_job(f"x ({number}).wav") for number in range(2, count)]
    assert len(naming.without_collisions([*taken, *one_song], "morph")) == 2 * count - 2
    assert len(tried) <= 2 * (len(one_song) + len(taken))
