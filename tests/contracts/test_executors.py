"""This process, several on this machine and a cluster leave the same files, bit for bit, and the
same manifest but for times: over separators, backends, kinds of tone and ways to fail. One run each
does all of it: each separator and each backend, and with ``slow`` every pair of both."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from morphsep import manifest
from morphsep.evaluation.finished import evaluate_finished, evaluating
from morphsep.evaluation.finished.selecting import finished
from morphsep.pipelines import REPROCESS, SEPARATE
from morphsep.request.inputs import collect
from morphsep.request.job import Job
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors.step import Pool
from morphsep.run.jobs import settle_jobs
from morphsep.run.summary import Summary
from morphsep.run.verification import verify
from morphsep.storage import location
from tests import songs
from tests.checkpoints import write_htdemucs
from tests.contracts.pairs import OTHER_PAIRS, PAIRS
from tests.roformer_checkpoints import write_roformer

Done = dict[str, tuple[Path, Summary]]
"""What was done at each of `PLACES`: the output folder and the summary."""
PIPELINES = {"morph": REPROCESS, "separate": SEPARATE}

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray warns of its own deprecations
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.timeout(900),  # all is done before the first test
]

PLACES = (("here", "local", 1), ("processes", "local", 2), ("ray", "ray", 2))
"""Where the work is done: a name, the executor, and how many workers."""
FORMATS = {
    "none": ("wav", 22050, 2, "FLOAT"),
    "stem": ("wav", 48000, 2, "PCM_24"),
    "harmonic": ("wav", 44100, 1, "PCM_16"),
    "embedded": ("flac", 44100, 2, "PCM_24"),
    "demucs": ("wav", 32000, 2, "PCM_16"),
    "roformer": ("wav", 44100, 2, "PCM_24"),
    "ensemble": ("wav", 44100, 1, "PCM_24"),
}
"""Each separator's song: extension, Hz, channels, subtype."""
TONES: dict[str, dict[str, Any]] = {
    "points": {"to": "chorus", "amount": "0:00=0 0:06=0 0:07=1", "backend": "spectral"},
    "a curve": {"to": "chorus", "amount": "curve.csv"},
    "two tones": {"from_": "clean", "to": "fuzz", "backend": "spectral"},
    "a rig": {"to": "rig.yaml"},
    "a reference": {"to": "take.wav", "backend": "spectral"},
    "even steps": {"backend": "crossfade", "uniform": True},
    "a tail": {"to": "hall", "tail": "2", "separator": "harmonic"},
}
"""More of what a recipe can be made of, mostly over `none`; files lie beside the song."""
MORPHED = (*(", ".join(pair) for pair in PAIRS), *TONES, "diffusion")
FAILED = {"broken": "not_audio", "absent": "not_found", "no stem": "stem_not_found"}


@pytest.fixture(scope="module")
def separators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The settings that name each separator."""
    folder = tmp_path_factory.mktemp("models")
    named = {name: {"separator": name} for name in FORMATS}
    return named | {
        "demucs": {"separator": f"demucs:{write_htdemucs(folder / 'demucs')}"},
        "roformer": {"separator": f"roformer:{write_roformer(folder / 'roformer')}"},
        "ensemble": {"separator": f"ensemble:roformer:{folder / 'roformer'}@2+harmonic"},
        "stem": {"stem": "{stem}.guitar.wav"},
    }


@pytest.fixture(scope="module")
def songs_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A song of 6 s for each separator, one that rests for each tone, and what is no song."""
    folder = tmp_path_factory.mktemp("in")
    found = {}
    for name, (extension, rate, channels, subtype) in FORMATS.items():
        found[name] = songs.song(folder, 6.0, rate, channels, subtype, f"{name}.{extension}")
    rests = songs.guitar(7.5, channels=1)
    rests[:, : round(5.3 * 44100)] = 0
    for name in TONES:
        found[name] = songs.write(folder / f"{name}.wav", rests, subtype="PCM_24")
    found["broken"] = folder / "broken.wav"
    found["broken"].write_bytes(b"no audio")
    found["absent"] = folder / "absent.wav"
    found["no stem"] = songs.write(folder / "no stem.wav", rests[:, -9999:])
    songs.write(folder / "take.wav", songs.guitar(4.0, seed=5))
    (folder / "curve.csv").write_text("time,amount\n0,0.2\n8,0.9\n")
    (folder / "rig.yaml").write_text(
        "name: rig\ndescription: A test.\npedals:\n  - LowpassFilter: {cutoff_frequency_hz: 800}\n"
    )
    return found


@pytest.fixture(scope="module")
def tiny_diffusion(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The settings of a diffusion model that fits a test."""
    pytest.importorskip("diffusers")
    from tests.tiny_audioldm2 import write_tiny_audioldm2

    weights = write_tiny_audioldm2(tmp_path_factory.mktemp("audioldm2"))
    return {"backend": "diffusion", "options": (("steps", "2"), ("weights", str(weights)))}


def job(name: str, path: Path, out: Path, command: Any = "morph", **settings: Any) -> Job:
    """What is to be done with a song, its result under a name of its own."""
    base = {"section": 5, "chunk": 5, "uniform": False, "device": "cpu"}
    if command == "morph":
        base |= {"to": "overdrive", "amount": 0.5}
    for key in ("to", "amount"):
        beside = path.parent / str(settings.get(key, ""))
        if beside.is_file():
            settings[key] = str(beside)
    (found,) = collect([str(path)], out, make_settings(**base | settings), command)
    return replace(found, track=f"{name}{Path(found.track).suffix}")


def on_each(tmp: Path, jobs: Any, command: Any = "morph") -> Done:
    done = {}
    for name, executor, workers in PLACES:
        out = tmp / name
        if (executor, command) == ("ray", "separate"):
            workers = 1  # of each stage: to start one takes seconds, and `morphed` has two
        pool = Pool(min_workers=1, max_workers=workers, gpus=0.0)
        settled = settle_jobs(jobs(out=out))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", "1")  # of processes, as of the others
            summary = run(settled, out, PIPELINES[command], executor=executor, pool=pool)
        done[name] = out, summary
    return done


@pytest.fixture(scope="module")
def jobs_of(songs_of, separators) -> Callable[..., list[Job]]:
    """Jobs for pairs of a separator and a backend."""

    def jobs(pairs: list[tuple[str, str]], out: Path) -> list[Job]:
        return [
            job(f"{name}, {backend}", songs_of[name], out, backend=backend, **separators[name])
            for name, backend in pairs
        ]

    return jobs


@pytest.fixture(scope="module")
def morphed(
    cluster, one_thread, tmp_path_factory, songs_of, separators, tiny_diffusion, jobs_of
) -> Done:
    def jobs(out: Path) -> list[Job]:
        listed = jobs_of(PAIRS, out)
        plain = partial(job, out=out, separator="none")
        listed += [plain(name, songs_of[name], **settings) for name, settings in TONES.items()]
        listed += [plain(name, songs_of[name]) for name in ("broken", "absent")]
        listed += [job("no stem", songs_of["no stem"], out, **separators["stem"])]
        listed += [plain("diffusion", songs_of["harmonic"], **tiny_diffusion)]
        settings = make_settings(to="fuzz", separator="none", section=5, chunk=5, uniform=False)
        return listed + collect([str(songs_of["harmonic"])] * 2, out, settings)

    return on_each(tmp_path_factory.mktemp("morphed"), jobs)


@pytest.fixture(scope="module")
def others_morphed(cluster, one_thread, tmp_path_factory, jobs_of) -> Done:
    return on_each(tmp_path_factory.mktemp("others"), partial(jobs_of, OTHER_PAIRS))


@pytest.fixture(scope="module")
def separated(cluster, one_thread, tmp_path_factory, songs_of, separators) -> Done:
    def jobs(out: Path) -> list[Job]:
        return [
            replace(found, track=f"{found.track.removesuffix('.wav')}.guitar.wav")
            for name in FORMATS
            for found in [job(name, songs_of[name], out, "separate", **separators[name])]
        ]

    return on_each(tmp_path_factory.mktemp("separated"), jobs, "separate")


def but_for_times(row: Any) -> dict[str, Any]:
    """All columns that say what was done, not when or how long it took; `retries` has a test of
    its own."""
    return {
        name: value
        for name, value in asdict(row).items()
        if name not in ("finished_ns", "retries", "output_stamp", "backing_stamp")
        and not name.startswith("seconds")
    }


def track(of: tuple[Path, Summary], name: str) -> manifest.TrackRow:
    (row,) = [row for row in manifest.read_tracks(of[0]) if Path(row.track).stem == name]
    return row


def results(of: tuple[Path, Summary], row: manifest.TrackRow) -> Iterator[bytes]:
    yield from ((of[0] / name).read_bytes() for name in (row.output, row.backing) if name)


def check_same(done: Done, name: str) -> manifest.TrackRow:
    one = track(done["here"], name)
    for place in ("processes", "ray"):
        other = track(done[place], name)
        assert but_for_times(one) == but_for_times(other)
        assert list(results(done["here"], one)) == list(results(done[place], other))
    return one


@pytest.mark.parametrize("name", MORPHED)
def test_a_morphed_song_is_the_same(morphed: Done, name: str) -> None:
    check_morphed(morphed, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [", ".join(pair) for pair in OTHER_PAIRS])
def test_any_other_pair_is_the_same(others_morphed: Done, name: str) -> None:
    check_morphed(others_morphed, name)


def check_morphed(morphed: Done, name: str) -> None:
    row = check_same(morphed, name)
    assert row.status == "ok", row.message
    assert row.num_morphed
    chunks = [
        [but_for_times(c) for c in manifest.read_chunks(out) if c.track == row.track]
        for out, _ in morphed.values()
    ]
    assert chunks[0] == chunks[1] == chunks[2]
    assert len(chunks[0]) == row.num_chunks > 1


@pytest.mark.parametrize("separator", FORMATS)
def test_separated_parts_are_the_same(separated, separator: str) -> None:
    row = check_same(separated, f"{separator}.guitar")
    assert row.status == "ok", row.message
    assert len(list(results(separated["ray"], row))) == 2


@pytest.mark.parametrize(("name", "code"), FAILED.items())
def test_a_failure_is_the_same(morphed, name: str, code: str) -> None:
    row = check_same(morphed, name)
    assert (row.status, row.error_code) == ("failed", code)


@pytest.mark.parametrize(
    ("runs", "failed"),
    [
        ("morphed", len(FAILED)),
        ("separated", 0),
        pytest.param("others_morphed", 0, marks=pytest.mark.slow),
    ],
)
def test_there_is_nothing_besides(runs: str, failed: int, request: pytest.FixtureRequest) -> None:
    done: Done = request.getfixturevalue(runs)
    tables = [manifest.read_tracks(out) for out, _ in done.values()]
    assert {row.track: row.retries for rows in tables for row in rows if row.retries} == {}
    tracks = [[row.track for row in rows] for rows in tables]
    assert tracks[0] == tracks[1] == tracks[2]
    summaries = [summary for _, summary in done.values()]
    heard = [{o.row.track: (o.fresh, o.row.key) for o in s.outcomes} for s in summaries]
    assert heard[0] == heard[1] == heard[2]
    assert sorted(heard[0]) == tracks[0]
    assert [len(s.failed) for s in summaries] == [failed] * 3
    assert [s.exit_code for s in summaries] == [2 if failed else 0] * 3
    # the same rows of the same files: to check them at one of the places checks them all
    assert verify(done["ray"][0]) == (len(tracks[0]), [])


def test_an_input_that_is_named_twice_fails_once(morphed: Done) -> None:
    assert [track(morphed[where], "harmonic (2)").error_code for where in morphed] == (
        ["duplicate"] * 3
    )


any_morphed = pytest.mark.parametrize(
    "runs", ["morphed", pytest.param("others_morphed", marks=pytest.mark.slow)]
)


@any_morphed
def test_evaluating_finds_the_same(
    runs: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Scores for whatever a recipe can be made of, wherever they are measured."""
    done, _ = request.getfixturevalue(runs)["here"]
    out = location(shutil.copytree(done, tmp_path / "out"))
    pool = Pool(max_workers=1)  # to start another takes longer than all that there is to measure
    scores = {s.track: s for s in evaluate_finished(out, executor="ray", pool=pool).scores}
    rows = {row.track: row for row in manifest.read_tracks(out)}
    assert scores.keys() == rows.keys()
    for track, score in scores.items():
        is_morphed = rows[track].status == "ok" and rows[track].num_morphed
        assert score.error_code in (("",) if is_morphed else ("not_finished", "nothing_morphed"))
    few = [row for row in rows.values() if row.num_morphed][::4]
    for row, chunks in manifest.rows_with_chunks(out, few):
        (here,) = evaluating._score(str(out), finished(row, chunks))
        assert here.values == pytest.approx(scores[row.track].values, abs=1e-4)
        assert here.not_measured == scores[row.track].not_measured


@any_morphed
def test_verifying_finds_the_same(
    runs: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    done, _ = request.getfixturevalue(runs)["here"]
    out = tmp_path / "out"
    shutil.copytree(done, out)
    missing, changed, shorter, *_ = (row for row in manifest.read_tracks(out) if row.num_morphed)
    (out / str(missing.output)).unlink()
    with (out / str(changed.output)).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    manifest.commit(out, shorter)  # without its chunks
    count, findings = verify(out)
    assert {(finding.track, finding.promise) for finding in findings} == {
        (missing.track, 7), (changed.track, 7), (shorter.track, 6),
    }  # fmt: skip
    assert count == len(manifest.read_tracks(out))
    assert verify(out, "local", Pool(max_workers=2)) == (count, findings)
    assert verify(out, "ray", Pool(max_workers=1)) == (count, findings)
