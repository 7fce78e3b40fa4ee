"""`morphsep evaluate OUT`: scores for finished work, or why there are none."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from morphsep import manifest, morph_file, separate_file
from morphsep.dsp import MODEL_RATE, Signal, Span
from morphsep.errors import SettingError, TrackError
from morphsep.evaluation import metrics
from morphsep.evaluation.finished import FinishedResults, evaluate_finished, evaluating, measuring
from morphsep.evaluation.finished.listening import _clips
from morphsep.evaluation.finished.measuring import Ends, Measured
from morphsep.evaluation.finished.opening import Opened, Passage
from morphsep.evaluation.finished.scores import CODES, MEASURES, TrackScore
from morphsep.evaluation.finished.selecting import FLANK, Finished, finished
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.morphing import recipe_for_arrays
from morphsep.request import Settings, describe, make_settings, parse_settings
from morphsep.storage import Held, StorageError, interrupts_remembered, location
from morphsep.testing import plucked
from tests.commands import invoke

SECONDS = 9
SHORT = {"separator": "none", "chunk": 5.0, "uniform": False}


def song(folder: Path, name: str, seconds: float = SECONDS, seed: int = 0) -> Path:
    sound = np.stack([plucked(round(seconds * MODEL_RATE), seed)] * 2, axis=1)
    soundfile.write(folder / name, sound, MODEL_RATE, "PCM_24")
    return folder / name


def morphed(path: Path, out: Path, **settings: Any) -> TrackRow:
    return morph_file(path, out, **({"to": "overdrive", "amount": 0.5} | SHORT | settings))


def scored(out: Path, **more: Any) -> dict[str, TrackScore]:
    return {s.track: s for s in evaluate_finished(location(out), **more).scores}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished work: a knob, a crossfade, an end, two that failed, one without a change."""
    folder = tmp_path_factory.mktemp("finished")
    out = folder / "out"
    morphed(song(folder, "knob.wav"), out)
    morphed(song(folder, "mixed.wav", seed=1), out, backend="crossfade")
    morphed(song(folder, "end.wav", 3.0), out, amount=1)
    morphed(song(folder, "zero.wav", 2.0), out, amount=0)
    (folder / "junk.wav").write_bytes(b"no sound" * 99)
    with pytest.raises(TrackError):
        morphed(folder / "junk.wav", out)
    return out


@pytest.fixture(scope="module")
def scores(work: Path) -> dict[str, TrackScore]:
    return scored(work)


def test_a_row_for_each_track(work: Path, scores: dict[str, TrackScore]) -> None:
    rows = {r["track"]: r for r in pq.read_table(work / "evaluation/tracks.parquet").to_pylist()}
    assert list(rows) == ["end.wav", "junk.wav", "knob.wav", "mixed.wav", "zero.wav"]
    assert rows.keys() == scores.keys()
    codes = {track: row["error_code"] for track, row in rows.items() if row["error_code"]}
    assert codes == {"junk.wav": "not_finished", "zero.wav": "nothing_morphed"}
    assert rows["junk.wav"]["message"].startswith("not_audio: ")
    knob = rows["knob.wav"]
    assert (knob["amount"], knob["excerpts"], knob["seams"]) == (0.5, 2, 1)
    assert (knob["backend"], knob["from_tone"], knob["to_tone"]) == (
        "chain", "as-recorded", "overdrive",
    )  # fmt: skip
    assert [each.name for each in MEASURES if knob[each.name] is None] == ["double_slope"]
    assert knob["not_measured"] == ""


def test_what_is_measured_is_the_guitar_in_the_song(scores: dict[str, TrackScore]) -> None:
    """A crossfade is found to be one, and the real knob is not; a target is the target."""
    mixed, knob, end = (scores[f"{name}.wav"].values for name in ("mixed", "knob", "end"))
    assert mixed["lean_to_louder"] == pytest.approx(mixed["crossfade_lean"], abs=0.02)
    assert mixed["unmixed_part"] < -80 < knob["unmixed_part"] < 0
    assert knob["lean_to_louder"] < knob["crossfade_lean"]
    assert 0.2 < knob["position"] < 0.9
    assert end["convergence_to_target"] < 1e-3 < knob["convergence_to_target"]
    assert abs(end["song_louder"]) < 1


def test_what_is_not_there_is_said_with_the_reason(scores: dict[str, TrackScore]) -> None:
    end = scores["end.wav"]
    assert "lean_to_louder" not in end.values
    between, seams = end.not_measured.split("; ")
    assert between.startswith("position, position_deviation, lean_to_louder")
    assert between.endswith(": the amount is 0 or 1, nothing lies between")
    assert seams.endswith("elsewhere_flux_db: no seam beside a long morphed chunk")


def test_a_moving_amount_is_held_against_no_place_between(tmp_path: Path) -> None:
    path = song(tmp_path, "one.wav", 6.0)
    morphed(path, tmp_path / "out", amount="0:00=0.1 0:06=0.9", chunk=10.0)
    (found,) = scored(tmp_path / "out").values()
    assert found.error_code == ""
    assert not set(measuring.BETWEEN) & found.values.keys()
    assert found.values.keys() >= {"convergence_to_target", "song_louder"}
    assert f"{', '.join(measuring.BETWEEN)}: the amount moves throughout" in found.not_measured
    page = (tmp_path / "out/evaluation/report.html").read_text("utf-8")
    assert re.search(r"amount 0\.2\d* to 0\.7\d*, from 1\.0 s", page)


def test_a_crossfade_beside_a_moving_one_moves_as_well() -> None:
    """At the loudness of ends that were far apart."""
    loud, soft = plucked(2 * MODEL_RATE)[None], plucked(2 * MODEL_RATE, 1)[None] ** 3
    passage = Passage(
        amount=np.linspace(0.5, 0.54, 2 * MODEL_RATE, dtype=np.float32), before=loud, after=loud,
        stem=loud, source=0.01 * loud, target=soft,
    )  # fmt: skip
    ends = Ends.of(passage)
    assert not ends.moves
    a, b, curve = ends.source, ends.target, passage.amount
    wanted = metrics.match_loudness([(1 - curve) * a + curve * b], MODEL_RATE)[0]
    np.testing.assert_allclose(ends.crossfade, wanted, atol=1e-6)
    values = measuring._between(replace(ends, morphed=wanted))
    assert values["lean_to_louder"] == pytest.approx(values["crossfade_lean"], abs=1e-3)
    played = {
        clip.label: soundfile.read(io.BytesIO(clip.sound))[0] for clip in _clips(passage, ends)
    }
    shown = played["crossfade of both tones"]
    np.testing.assert_allclose(
        shown / np.abs(shown).max(), wanted[0] / np.abs(wanted).max(), atol=2e-3
    )


def test_the_reports_name_tracks_and_reasons(work: Path, scores: dict[str, TrackScore]) -> None:
    text = (work / "evaluation/report.md").read_text("utf-8")
    assert "Tracks measured: 3 of 5, of 3 inputs." in text
    assert "| junk.wav | not_finished | not_audio: " in text
    assert "- distance to the truth: nobody knows" in text
    page = (work / "evaluation/report.html").read_text("utf-8")
    assert page.count("<audio") == page.count("data:audio/flac") >= 12
    assert "`crossfade`" not in page
    assert "<code>crossfade</code>" in page


def test_the_page_is_no_larger_than_a_browser_opens(
    work: Path, scores: dict[str, TrackScore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shutil.copytree(work, tmp_path / "out")
    monkeypatch.setattr(import_module("morphsep.evaluation.page.clips"), "MOST_BYTES", 1)
    assert scored(out) == scores
    page = (out / "evaluation/report.html").read_text("utf-8")
    assert "<audio" not in page
    assert re.search(r"\d more groups would make the page too large\.", page)


def test_what_was_measured_is_not_measured_again(
    work: Path, scores: dict[str, TrackScore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shutil.copytree(work, tmp_path / "out")
    table = (out / "evaluation/tracks.parquet").read_bytes()
    seen: list[str] = []
    measure = evaluating.measure

    def counting(track: Finished, sounds: Opened) -> Any:
        seen.append(track.row.track)
        return measure(track, sounds)

    monkeypatch.setattr(evaluating, "measure", counting)
    assert scored(out) == scores
    assert seen == []
    morphed(work.parent / "end.wav", out, amount=0.9)
    again = scored(out)
    assert seen == ["end.wav"]
    assert again["end.wav"].amount == pytest.approx(0.9)
    assert again["knob.wav"] == scores["knob.wav"]
    shutil.copytree(work, out, dirs_exist_ok=True)
    seen.clear()
    shutil.rmtree(out / "manifest")
    shutil.copytree(work / "manifest", out / "manifest")
    assert scored(out, force=True) == scores
    assert sorted(seen) == ["end.wav", "knob.wav", "mixed.wav"]
    assert (out / "evaluation/tracks.parquet").read_bytes() == table


@contextmanager
def interrupted() -> Iterator[None]:
    """Ctrl-C comes, and does what it does under the command line."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts_remembered(), pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGINT, before)


def interrupting(after: int, seen: list[str]) -> Any:
    """In place of `measure`: a Ctrl-C at one track after so many."""

    def measured(track: Finished, sounds: Opened) -> Measured:
        seen.append(track.row.track)
        if len(seen) > after:
            signal.raise_signal(signal.SIGINT)
        return Measured(amount=0.5, values={"position": 0.5})

    return measured


def test_an_interrupted_evaluation_goes_on(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shutil.copytree(work, tmp_path / "out", ignore=shutil.ignore_patterns("evaluation"))
    seen: list[str] = []
    monkeypatch.setattr(evaluating, "measure", interrupting(2, seen))
    with interrupted():
        scored(out)
    assert not (out / "evaluation/report.md").exists()
    again: list[str] = []
    monkeypatch.setattr(evaluating, "measure", interrupting(3, again))
    found = scored(out)
    assert all(found[track].values for track in seen)
    assert again == seen[2:]


def test_earlier_scores_stay_until_there_are_others(
    work: Path, scores: dict[str, TrackScore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, seen = shutil.copytree(work, tmp_path / "out"), list[str]()
    monkeypatch.setattr(evaluating, "measure", interrupting(1, seen))
    with interrupted():
        scored(out, force=True)
    found = scored(out)
    assert found[seen[0]].values == {"position": 0.5}
    assert {t: s for t, s in found.items() if t != seen[0]} == {
        t: s for t, s in scores.items() if t != seen[0]
    }


def test_what_is_measured_is_written_by_time(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed cannot write any more."""
    out = shutil.copytree(work, tmp_path / "out", ignore=shutil.ignore_patterns("evaluation"))
    monkeypatch.setattr(evaluating, "measure", interrupting(3, []))
    monkeypatch.setattr(evaluating, "KEEP_EVERY", 0.0)
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, pq.read_table(out / "evaluation/tracks.parquet").num_rows))

    scored(out, on_progress=progress)
    assert told == [(count, count) for count in range(1, 6)]


def test_a_lost_lock_is_written_over_by_nobody(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shutil.copytree(work, tmp_path / "out", ignore=shutil.ignore_patterns("evaluation"))
    held = Held()

    def lose(done: int, total: int) -> None:
        held.lost = True

    monkeypatch.setattr(evaluating, "measure", interrupting(3, []))
    monkeypatch.setattr(evaluating, "lock", lambda folder: nullcontext(held))
    with pytest.raises(StorageError, match="taken over"):
        scored(out, on_progress=lose)
    assert not (out / "evaluation/tracks.parquet").exists()


def test_a_stem_that_is_not_cached_any_more_is_made_again(
    work: Path, scores: dict[str, TrackScore], tmp_path: Path
) -> None:
    out = shutil.copytree(work, tmp_path / "out")
    shutil.rmtree(out / ".morphsep")
    assert scored(out, force=True) == scores


def test_your_own_stem_is_read_again_where_it_is_not_cached(tmp_path: Path) -> None:
    path, out = song(tmp_path, "one.wav", 6.0), tmp_path / "out"
    shutil.copy(path, tmp_path / "one.guitar.wav")
    own = {"separator": "stem", "stem": "{stem}.guitar.wav"}
    morphed(path, out, **own)
    cached = scored(out)["one.wav"]
    shutil.rmtree(out / ".morphsep")
    assert scored(out, force=True)["one.wav"] == cached
    song(tmp_path, "one.guitar.wav", 6.0, seed=1)
    assert scored(out, force=True)["one.wav"].message == "your stem is not the file that was used"
    (tmp_path / "one.guitar.wav").unlink()
    assert scored(out, force=True)["one.wav"].error_code == "stem_not_found"


def test_files_that_are_not_those_of_the_manifest_are_rows(work: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(work.parent, tmp_path / "copy")
    out = folder / "out"
    rows = [
        replace(row, input=str(folder / Path(row.input).name)) for row in manifest.read_tracks(work)
    ]
    for row in rows:
        chunks = [chunk for chunk in manifest.read_chunks(work) if chunk.track == row.track]
        manifest.commit(out, row, chunks, after=row.finished_ns)
    song(folder, "knob.wav", seed=5)
    (out / "mixed.wav").write_bytes((out / "mixed.wav").read_bytes() + b"more")
    (folder / "end.wav").unlink()
    found = scored(out, force=True)
    assert {track: found[track].error_code for track in ("knob.wav", "mixed.wav", "end.wav")} == {
        "knob.wav": "not_as_written", "mixed.wav": "not_as_written", "end.wav": "not_found",
    }  # fmt: skip
    assert "input" in found["knob.wav"].message
    assert "result" in found["mixed.wav"].message
    (out / "mixed.wav").unlink()
    assert scored(out, force=True)["mixed.wav"].message == "the result is not there"


def test_a_tone_that_has_changed_is_not_taken_for_the_one_that_was_morphed_to(
    tmp_path: Path,
) -> None:
    path, rig = song(tmp_path, "one.wav", 2.0), tmp_path / "rig.yaml"
    tone = (
        "name: rig\ndescription: A test.\npedals:\n  - LowpassFilter: {{cutoff_frequency_hz: {}}}\n"
    )
    rig.write_text(tone.format(800))
    morphed(path, tmp_path / "out", to=str(rig))
    assert scored(tmp_path / "out")["one.wav"].error_code == ""
    rig.write_text(tone.format(900))
    changed = scored(tmp_path / "out", force=True)["one.wav"]
    assert changed.error_code == "not_as_written"
    assert "sound other today" in changed.message
    rig.unlink()
    assert scored(tmp_path / "out", force=True)["one.wav"].error_code == "worker_lacks"


def test_lossy_results_and_separated_ones_have_no_scores(tmp_path: Path) -> None:
    path = song(tmp_path, "one.wav", 2.0)
    morphed(path, tmp_path / "lossy", format="ogg")
    (lossy,) = scored(tmp_path / "lossy").values()
    assert lossy.error_code == "lossy_result"
    separate_file(path, tmp_path / "parts", separator="none")
    (parts,) = scored(tmp_path / "parts").values()
    assert parts.error_code == "only_separated"


def test_whatever_goes_wrong_with_a_track_is_its_row(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = manifest.read_tracks(work, ["end.wav"])
    track = finished(row, manifest.read_chunks(work, [row]))
    for error, code in (
        (StorageError("the bucket is away"), "storage"),
        (SettingError("no such weights"), "worker_lacks"),
        (TrackError("non_finite", "no numbers"), "non_finite"),
        (RuntimeError("a defect"), "internal"),
    ):
        monkeypatch.setattr(evaluating, "measure", Mock(side_effect=error))
        (found,) = evaluating._score(str(work), track)
        assert (found.track, found.error_code, found.message) == ("end.wav", code, str(error))
        assert code in CODES


@pytest.fixture
def lost(work: Path, tmp_path: Path) -> Path:
    """Work all of whose tracks were lost with their workers."""
    out = shutil.copytree(work, tmp_path / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            evaluating, "get_executor", lambda name: lambda steps, records, pool: iter(())
        )
        found = scored(out, force=True)
    assert {score.error_code for score in found.values()} == {
        "worker_killed", "not_finished", "nothing_morphed",
    }  # fmt: skip
    return out


def test_a_track_whose_worker_died_is_a_row_and_is_tried_again(
    lost: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(evaluating, "measure", interrupting(3, tried))
    again = scored(lost)
    assert sorted(tried) == ["end.wav", "knob.wav", "mixed.wav"]
    assert {again[track].error_code for track in tried} == {""}
    assert all(again[track].values == {"position": 0.5} for track in tried)


@pytest.mark.slow
def test_a_track_whose_worker_died_has_the_same_scores_as_any_other(
    lost: Path, scores: dict[str, TrackScore]
) -> None:
    assert scored(lost) == scores


def opened(change: Signal) -> Opened:
    """A track of noise of which `change` is added to the guitar."""
    stem = 0.1 * np.random.default_rng(0).standard_normal(change.shape).astype(np.float32)

    def reading(sound: Signal) -> Any:
        return lambda start, length: sound[:, start : start + length]

    return Opened(
        recipe=recipe_for_arrays(make_settings(to="chorus", separator="none")), level=-20.0,
        before=reading(stem), after=reading(stem + change), stem=reading(stem),
    )  # fmt: skip


def test_a_click_at_a_seam_is_told_from_one_elsewhere() -> None:
    seam, elsewhere = Span(50_000, 51_000), Span(100_000, 101_000)
    track = Finished(row=TrackRow(), excerpts=(), seams=(seam,), elsewhere=(elsewhere,))
    for at, loud, soft in ((50_500, "seam", "elsewhere"), (100_500, "elsewhere", "seam")):
        change = np.zeros((1, 150_000), np.float32)
        change[:, at] = 5.0
        values = measuring._at_seams(track, opened(change))
        assert values[f"{loud}_step_db"] > 15
        assert abs(values[f"{soft}_step_db"]) < 6


def chunk(index: int, status: str = "morphed", amount: float = 0.5, level: float = -20) -> ChunkRow:
    return ChunkRow(
        index=index, start=index * 300_000, num_samples=311_025, status=status,
        amount_min=amount, amount_mean=amount, amount_max=amount, stem_dbfs=level,
    )  # fmt: skip


def test_excerpts_lie_where_a_guitar_is_between_the_tones() -> None:
    chunks = [chunk(0, "zero", 0), chunk(1, amount=1), chunk(2), chunk(3, level=-50), chunk(4)]
    track = finished(TrackRow(), [*chunks, chunk(5, "silent"), chunk(6, "silent")])
    assert [span.start // 300_000 for span in track.excerpts] == [2, 4]
    assert {span.num_samples for span in track.excerpts} == {4 * MODEL_RATE}
    assert [seam.start for seam in track.seams] == [i * 300_000 for i in range(1, 6)]
    many = finished(TrackRow(), [chunk(index) for index in range(400)])
    assert (len(many.excerpts), len(many.seams), len(many.elsewhere)) == (4, 16, 16)
    assert many.excerpts[-1].start > 399 * 300_000
    only_ends = finished(TrackRow(), [chunk(0, amount=1), chunk(1, amount=1)])
    assert len(only_ends.excerpts) == 2


@pytest.mark.parametrize(
    "statuses",
    [
        ["morphed", "silent"] * 5, ["silent", "morphed", "morphed"] * 3, ["morphed"] * 40,
        ["zero", "silent", "morphed", "zero"], ["silent"] * 3, ["morphed"],
    ],
)  # fmt: skip
def test_each_seam_is_beside_a_place_of_its_own(statuses: list[str]) -> None:
    """Maxima over other numbers of places are no comparison, nor are places with a seam nearby."""
    chunks = [chunk(index, status) for index, status in enumerate(statuses)]
    track = finished(TrackRow(), chunks)
    beside_morphed = sum("morphed" in two for two in pairwise(statuses))
    assert len(track.seams) == len(track.elsewhere) == min(beside_morphed, 16)
    assert len({place.start for place in track.elsewhere}) == len(track.elsewhere)
    all_seams = [Span(b.start, a.start + a.num_samples) for a, b in pairwise(chunks)]
    for seam, place in zip(track.seams, track.elsewhere, strict=True):
        assert seam in all_seams
        assert seam.num_samples == place.num_samples == 11_025
        (inside,) = (
            each for each in chunks
            if each.start <= place.start - FLANK
            and place.stop + FLANK <= each.start + each.num_samples
        )  # fmt: skip
        assert inside.status == "morphed"
        assert min(abs(seam.start - inside.start), abs(seam.stop - inside.start - 311_025)) == 0
        assert all(
            place.stop + FLANK <= s.start or s.stop <= place.start - FLANK for s in all_seams
        )


def test_a_seam_without_a_place_beside_it_is_not_measured() -> None:
    short = replace(chunk(1), num_samples=60_000)
    assert finished(TrackRow(), [chunk(0, "silent"), short]).seams == ()
    track = finished(TrackRow(), [chunk(0), short])
    (place,) = track.elsewhere
    assert place.stop < 300_000


def test_tracks_are_ranked_by_seams_where_there_is_something_beside_them() -> None:
    def score(track: str, **values: float) -> TrackScore:
        names = ("key", "source", "separator", "backend", "from_tone", "to_tone")
        return TrackScore(track=track, finished_ns=0, values=values, **dict.fromkeys(names, ""))

    results = FinishedResults(
        scores=[
            score("alone", seam_flux_db=30.0),
            score("everywhere", seam_flux_db=9.0, elsewhere_flux_db=9.0),
            score("steady", seam_flux_db=5.0, elsewhere_flux_db=-20.0),
            score("one chunk", position_deviation=0.1),
        ]
    )
    assert [each.track for each in results.worst("seam_flux_db")] == ["steady", "everywhere"]


def test_settings_come_back_from_the_manifest() -> None:
    settings = make_settings(
        to="fuzz", amount="0:00=0 0:05=1", channels=(1, 0), options=(("a", "1"), ("b", "2")),
        separator="x", separator_options=(("shifts", "2"),),
    )  # fmt: skip
    assert parse_settings(describe(settings)) == settings
    assert parse_settings("{}") == Settings()
    for text in ("[]", "no json", '{"theremin": 1}', '{"options": 3}'):
        with pytest.raises(SettingError):
            parse_settings(text)


def test_the_command_line(work: Path, scores: dict[str, TrackScore], tmp_path: Path) -> None:
    out = shutil.copytree(work, tmp_path / "out")
    before = pq.read_table(out / "evaluation/tracks.parquet")
    done = invoke("evaluate", out, "--workers", "2", "--force")
    assert done.returncode == 0, done.stderr
    elsewhere = pq.read_table(out / "evaluation/tracks.parquet")
    assert elsewhere.schema == before.schema
    for name, one, other in zip(
        before.column_names, before.columns, elsewhere.columns, strict=True
    ):
        if pa.types.is_floating(one.type):  # with other threads sums are added in another order
            np.testing.assert_allclose(one.to_numpy(), other.to_numpy(), 1e-6, 1e-9, err_msg=name)
        else:
            assert one == other, name
    assert "fusion: lean to the louder end" in done.stdout
    assert f"3 of 5 tracks measured; read {out}/evaluation/report.md" in done.stdout
    told = json.loads(invoke("evaluate", out, "--json").stdout)
    assert told["without_scores"]["zero.wav"]["error_code"] == "nothing_morphed"
    (out / "knob.wav").unlink()
    assert invoke("evaluate", out, "--force").returncode == 2


def test_options_that_would_change_nothing_are_refused(work: Path, tmp_path: Path) -> None:
    for arguments, why in (
        ((tmp_path,), "holds no manifest"),
        ((work, work), "one output folder"),
        ((work, "--pairs", "3"), "--pairs is for recordings of guitars"),
        (("x.wav", "-o", tmp_path, "--force"), "--force is for finished work"),
    ):
        refused = invoke("evaluate", *arguments)
        assert (refused.returncode, why in refused.stderr) == (1, True), refused.stderr
