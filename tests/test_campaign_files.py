"""A small campaign of odd files, of what can be written without programs: nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jobs.campaign_files import child, trials, verdicts
from jobs.campaign_files.__main__ import play, report
from jobs.campaign_files.cases import Case, build, found
from jobs.campaign_files.catalogue import ALL, WITHOUT_PROGRAMS, Encoder
from jobs.campaign_files.oracles import Decoded
from jobs.campaign_files.sounds import Part, whole
from jobs.campaign_files.table import faults
from jobs.campaign_files.tagging import Claim
from jobs.campaign_files.trials import Trial, Worker
from jobs.campaign_files.verdicts import judge
from jobs.memory import folder_in_memory

WAV = Encoder(suffix=".wav", command=("soundfile", "WAV", "PCM_16"), bits=16)
PART = Part(seed=1, num_samples=9_000, sample_rate=44_100, num_channels=2)


def test_of_forty_odd_files_none_is_lost() -> None:
    judged: list[Case] = []
    with folder_in_memory() as folder, Worker() as worker:
        cases = build(folder / "in", 0, 40, WITHOUT_PROGRAMS)
        results = list(play(cases, folder / "out", [worker], judged.append))
        assert 0 < worker.peak < trials.MEMORY
    assert len({case.path for case in judged}) == len(results) == 40
    assert faults(results) == []
    assert "**all 40**" in report(results)


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    # a float WAV holds the time at which it was written
    exact = [encoder for encoder in WITHOUT_PROGRAMS if encoder.bits in (8, 16)]
    one, other = (
        [case.path.read_bytes() for case in build(tmp_path / name, 3, 9, exact)] for name in "ab"
    )
    assert one == other


def test_the_sounds_of_a_folder_are_found(tmp_path: Path) -> None:
    for name in ("a/x.wav", "a/b/y.OGG", "c/z.mod", "c/readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [(case.path.name, case.what) for case in found(tmp_path)] == [
        ("y.OGG", "a"), ("x.wav", "a"), ("z.mod", "c"),
    ]  # fmt: skip


def test_every_encoder_has_a_name_of_its_own() -> None:
    names = [encoder.name for encoder in ALL]
    assert len(set(names)) == len(names) > 100


def done(tmp_path: Path, samples: np.ndarray, **answer: str) -> Trial:
    """A trial whose result at every amount holds these samples."""
    path = tmp_path / "out.wav"
    soundfile.write(path, samples.T, PART.sample_rate, "PCM_16")
    one = child.Answer(status="ok", output=path, **answer)
    return Trial(answers=(one, one), seconds=1.0)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    path = tmp_path / "in.wav"
    soundfile.write(path, whole((PART,)).T, PART.sample_rate, "PCM_16")
    return Case(path=path, encoder=WAV, what="", parts=(PART,))


def test_what_is_lost_is_seen(tmp_path: Path, case: Case) -> None:
    known = whole((PART,))
    assert judge(case, done(tmp_path, known)).kind == "read whole"
    for lost in (known[:, :-1], known[:1], np.roll(known, 1, axis=1), known * 0.99):
        assert judge(case, done(tmp_path, lost)).kind == "**lost something**"
    joined = replace(case, parts=(PART, PART))
    assert judge(joined, done(tmp_path, known)).kind == "**lost something**"
    assert judge(replace(joined, is_lying=True), done(tmp_path, known)).why


def test_where_a_header_lies_the_sound_that_was_put_in_decides(case: Case) -> None:
    known = whole((PART,))
    rng = np.random.default_rng(0)
    late = np.concatenate([known[:, :700] * 0, known + 0.001 * rng.standard_normal(known.shape)], 1)
    for samples, holds in ((late, True), (late[:, :-1], False), (late[:1], False)):
        ours = Decoded(samples=samples.astype(np.float32), sample_rate=PART.sample_rate)
        assert verdicts.holds_what_was_put_in(case, ours) is holds


def test_a_tag_that_is_lost_has_to_be_named(tmp_path: Path, case: Case) -> None:
    case.path.write_bytes(case.path.read_bytes() + b"word123")
    tagged = replace(case, claims=(Claim(word="word123", names=("title",)),))
    known = whole((PART,))
    assert "title" in judge(tagged, done(tmp_path, known)).why
    assert judge(tagged, done(tmp_path, known, tags_warning="no TITLE")).kind == "read whole"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (child.Answer(status="failed", code="truncated", message="x: get a complete copy"),
         "refused with a reason"),
        (child.Answer(status="failed", code="internal", message="see the log, a bug"), "crashed"),
        (child.Answer(status="failed", code="truncated", message=""), "crashed"),
        (child.Answer(status="raised", message="Traceback: IndexError: 9"), "crashed"),
    ],
)  # fmt: skip
def test_a_row_has_to_say_why(case: Case, answer: child.Answer, kind: str) -> None:
    assert judge(case, Trial(answers=(answer, answer), seconds=1.0)).kind == kind


def killed(jobs: child.Connection) -> None:
    jobs.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def hung(jobs: child.Connection) -> None:
    jobs.recv()
    time.sleep(600)


def grown(jobs: child.Connection) -> None:
    jobs.recv()
    kept = np.ones(40 << 20, np.uint8)
    time.sleep(600)
    assert kept.all()


@pytest.mark.parametrize("end", ["killed", "hung", "too much memory"])
def test_how_a_process_ends_is_its_files_verdict(
    monkeypatch: pytest.MonkeyPatch, case: Case, end: str
) -> None:
    work = {"killed": killed, "hung": hung, "too much memory": grown}[end]
    monkeypatch.setattr(trials, "work", work)
    monkeypatch.setattr(trials, "START", 0.5 if end == "hung" else 60.0)
    if end == "too much memory":
        monkeypatch.setattr(trials, "MEMORY", 30 << 20)
    with Worker() as worker:
        trial = worker.morph(case.path, case.path.parent / "out")
    assert trial.end == end
    assert judge(case, trial).kind not in ("read whole", "refused with a reason")
