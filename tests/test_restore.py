"""``morphsep restore``: access copies that add up, masters that stay what they are."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from jsonschema import Draft202012Validator

from morphsep import manifest, provenance, restoration, stages
from tests import masters, songs
from tests.commands import invoke

QUICK = ("--separator", "none", "--no-uniform")
DISTORTED = ("--to", "distortion", "--amount", "0.5", *QUICK)
FREE = ("timing_ms=99", "onset_f1=0", "rests_db=99")
ANYHOW = [word for bound in FREE for word in ("--set-bound", bound)]
MORPHED = (*DISTORTED, *ANYHOW)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)
    masters.Mute.looked.clear()


def restore(master: Path, access: Path, *words: object, code: int = 0) -> list[manifest.TrackRow]:
    done = invoke("restore", master, "-o", access, "--steps", "declick", *words)
    assert done.returncode == code, done.stderr
    return manifest.read_tracks(access)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "subtype", "channels", "written"),
    [
        ("a.wav", "PCM_24", 1, "flac"), ("a.flac", "PCM_16", 2, "flac"),
        ("a.aiff", "PCM_24", 2, "flac"), ("a.wav", "PCM_U8", 1, "flac"),
        ("a.wav", "PCM_32", 1, "wav"), ("a.wav", "FLOAT", 2, "wav"), ("a.wav", "DOUBLE", 1, "wav"),
    ],
)  # fmt: skip
def test_an_access_copy_is_its_master_and_the_differences(
    name: str, subtype: str, channels: int, written: str, tmp_path: Path
) -> None:
    master = masters.write(tmp_path / "in" / name, subtype, channels=channels)
    before = digest(master)
    (row,) = restore(master, tmp_path / "acc", *MORPHED)
    access = tmp_path / "acc" / name
    same = masters.added_up(master, access)
    assert np.array_equal(songs.read(access), same)
    assert np.abs(songs.read(access)).max() < masters.LOUD
    given, got = soundfile.info(master), soundfile.info(access)
    for fact in ("format", "subtype", "samplerate", "channels", "frames"):
        assert getattr(got, fact) == getattr(given, fact)
    assert (row.content_hash, row.master_hash_after, digest(master)) == (before, before, before)
    assert row.steps == "declick,timbre"
    assert (tmp_path / "acc" / f"{name}.declick.diff.{written}").exists()


def test_a_difference_beyond_full_scale_is_kept_whole(tmp_path: Path) -> None:
    sound = masters.clicked(size=0.9)
    sound[0, 1000], sound[0, [999, 1001]] = -1.0, 0.45
    master = songs.write(tmp_path / "in/a.wav", sound, subtype="PCM_24")
    restore(master, tmp_path / "acc")
    access = tmp_path / "acc/a.wav"
    assert (tmp_path / "acc/a.wav.declick.diff.wav").exists()
    assert np.array_equal(songs.read(access), masters.added_up(master, access))


@pytest.mark.parametrize(
    "words", [(), ("--to", "distortion", "--amount", "0", "--separator", "none")]
)
def test_without_steps_the_sound_stays_as_it_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (row,) = restore(master, tmp_path / "acc", "--steps", "none", *words)
    sounds = [
        soundfile.read(p, dtype="int32")[0].tobytes() for p in (master, tmp_path / "acc/a.wav")
    ]
    assert hashlib.md5(sounds[0]).digest() == hashlib.md5(sounds[1]).digest()
    assert row.steps == ""
    assert not list((tmp_path / "acc").glob("*.diff.*"))


def test_the_steps_table_says_what_was_done(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    rows = restore(master, tmp_path / "acc", *MORPHED, "--set-step", "declick.sensitivity=0.25")
    declick, timbre = manifest.steps_by_track(tmp_path / "acc", rows)["a.wav"]
    assert (declick.step, declick.summary, declick.settings) == (
        "declick",
        "12 clicks",
        "mute 0.25",
    )
    assert json.loads(declick.findings or "")["count"] == 12
    assert declick.num_changed == 12
    assert timbre.step == "timbre"
    for row in (declick, timbre):
        assert row.difference_hash == digest(tmp_path / "acc" / str(row.difference))
    files = {file.path: file.sha256 for file in manifest.files_of(rows[0])}
    assert (
        files.items() >= {row.difference: row.difference_hash for row in (declick, timbre)}.items()
    )


def test_the_same_command_again_does_nothing_and_a_new_amount_repairs_nothing(tmp_path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (first,) = restore(master, tmp_path / "acc", *MORPHED)
    assert restore(master, tmp_path / "acc", *MORPHED) == [first]
    (second,) = restore(master, tmp_path / "acc", *MORPHED, "--amount", "0.7")
    assert second.output_hash != first.output_hash
    assert len(masters.Mute.looked) == 1


def test_a_difference_that_is_lost_is_made_again(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (first,) = restore(master, tmp_path / "acc")
    lost = tmp_path / "acc/a.wav.declick.diff.flac"
    before = digest(lost)
    lost.unlink()
    (second,) = restore(master, tmp_path / "acc")
    assert second.output_hash == first.output_hash
    assert digest(lost) == before


def test_a_touched_difference_does_not_make_it_anew(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (first,) = restore(master, tmp_path / "acc")
    (tmp_path / "acc/a.wav.declick.diff.flac").touch()
    for _ in range(2):
        (again,) = restore(master, tmp_path / "acc")
        assert again.finished_ns == first.finished_ns
    assert again.files != first.files


def test_a_kill_between_steps_goes_on_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    speed = ("--speed", "0.97", *MORPHED)
    (wanted,) = restore(master, tmp_path / "whole", *speed)

    class Killed(BaseException):
        """As a signal ends it."""

    def killed(*_: object) -> None:
        raise Killed

    masters.Mute.looked.clear()
    with monkeypatch.context() as patch:
        patch.setattr(stages, "to_separate", killed)
        with pytest.raises(Killed):
            restore(master, tmp_path / "acc", *speed)
    (got,) = restore(master, tmp_path / "acc", *speed)
    assert len(masters.Mute.looked) == 1
    assert (got.output_hash, got.key) == (wanted.output_hash, wanted.key)
    names = sorted(p.name for p in (tmp_path / "whole").glob("a.*"))
    dated = "a.wav.provenance.json"
    for name in set(names) - {dated}:
        assert digest(tmp_path / "acc" / name) == digest(tmp_path / "whole" / name)
    assert not list((tmp_path / "acc/.morphsep").glob("sounds/*"))


def test_speed_changes_the_length_and_has_no_difference(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav", seconds=2.0)
    rows = restore(master, tmp_path / "acc", "--speed", "0.5")
    assert soundfile.info(tmp_path / "acc/a.wav").frames == 4 * 44100
    assert rows[0].tail_samples == 2 * 44100
    declick, speed = manifest.steps_by_track(tmp_path / "acc", rows)["a.wav"]
    assert speed.difference is None
    assert declick.difference is not None


def test_an_access_copy_lies_elsewhere_unless_asked(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/deep/a.wav")
    for given in (master, tmp_path / "in"):
        done = invoke("restore", given, "-o", tmp_path / "in/deep/acc", "--steps", "none")
        assert done.returncode == 1
        assert "--inside" in done.stderr
    assert sorted(p.name for p in (tmp_path / "in").rglob("*")) == ["a.wav", "deep"]
    restore(master, tmp_path / "in/deep/acc", "--inside")
    restore(tmp_path / "in", tmp_path / "in/deep/acc", "--inside")
    found = [row.track for row in manifest.read_tracks(tmp_path / "in/deep/acc")]
    assert found == ["a.wav", "deep/a.wav"]


def test_a_dry_run_says_what_it_finds_and_writes_nothing(tmp_path: Path) -> None:
    masters.write(tmp_path / "in/a.wav")
    (tmp_path / "in/b.wav").write_bytes(b"RIFF")
    words = (
        "restore",
        tmp_path / "in",
        "-o",
        tmp_path / "acc",
        "--steps",
        "declick,speed",
        "--speed",
        2,
    )
    done = invoke(*words, "--dry-run")
    assert done.returncode == 2
    assert "declick  12 clicks" in done.stdout
    assert "1.50 s" in done.stdout
    assert "b.wav:" in done.stdout
    found = json.loads(invoke(*words, "--dry-run", "--json").stdout)
    assert [step["step"] for step in found[0]["steps"]] == ["declick", "speed"]
    (tmp_path / "in/b.wav").unlink()
    assert invoke(*words, "--dry-run").returncode == 0
    (tmp_path / "in/a.wav").write_bytes(b"RIFF")
    assert invoke(*words, "--dry-run").returncode == 3
    assert not (tmp_path / "acc").exists()


def test_a_lossy_master_is_not_declicked_unless_asked(tmp_path: Path) -> None:
    master = songs.write(tmp_path / "in/a.mp3", masters.clicked(), subtype="MPEG_LAYER_III")
    (row,) = restore(master, tmp_path / "acc", code=3)
    assert (row.status, row.error_code) == ("failed", "lossy_master")
    assert "--anyway" in (row.message or "")
    (row,) = restore(master, tmp_path / "acc", "--anyway")
    assert (row.status, row.output, row.output_subtype) == ("ok", "a.mp3.flac", "PCM_24")


def test_a_master_that_changes_meanwhile_fails_and_nothing_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    repair = masters.Mute.repair

    def tampered(self, *how: object) -> object:
        when = master.stat()
        data = bytearray(master.read_bytes())
        data[-5] ^= 1
        master.write_bytes(data)
        os.utime(master, ns=(when.st_atime_ns, when.st_mtime_ns))
        return repair(self, *how)

    monkeypatch.setattr(masters.Mute, "repair", tampered)
    (row,) = restore(master, tmp_path / "acc", code=3)
    assert (row.status, row.error_code) == ("failed", "changed_while_read")
    assert not list((tmp_path / "acc").glob("a.wav*"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--steps", "decklick"), "--steps takes"),
        (("--set-step", "declick.foo=1"), "no option foo"),
        (("--set-step", "dehum.foo=1"), "no option of what is repaired"),
        (("--set-step", "declick.sensitivity=much"), "takes a number"),
        (("--set-step", "declick"), "STEP.NAME=VALUE"),
        (("--steps", "speed"), "speed needs"),
        (("--to", "fuzz", "--like", "x.wav"), "exclude each other"),
        (("--set-bound", "onset=1"), "no bound onset"),
        (("--set-bound", "level_db=loud"), "takes a number"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_done(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    done = invoke("restore", master, "-o", tmp_path / "acc", "--steps", "declick", *words)
    assert done.returncode == 1
    assert why in done.stderr
    assert not (tmp_path / "acc").exists()


def test_the_record_says_what_was_done_to_which_file(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (row,) = restore(master, tmp_path / "acc", *MORPHED)
    record = json.loads((tmp_path / "acc/a.wav.provenance.json").read_bytes())
    Draft202012Validator(provenance.schema()).validate(record)
    digests = {
        each["objectIdentifier"][0]["objectIdentifierValue"]: each["objectCharacteristics"][0][
            "fixity"
        ][0]["messageDigest"]
        for each in record["objects"]
    }
    assert digests.pop("a.wav (master)") == row.content_hash
    assert len(digests) == 3
    for name, sha256 in digests.items():
        assert digest(tmp_path / "acc" / name) == sha256
    done = [event["eventDetailInformation"][0]["eventDetail"] for event in record["events"]]
    assert done == ["declick", "timbre", "the master is what it was", "access copy"]
    assert b"algorithmicallyEnhanced" in (tmp_path / "acc/a.wav").read_bytes()


def spread(rate: int, length: int, first: float, last: float) -> np.ndarray:
    """1 where a reverted span is, fades of 5 ms around included, ``[T]``."""
    at = np.arange(length)
    return (at >= (first - 0.006) * rate) & (at < (last + 0.006) * rate)


def test_a_step_is_taken_back_and_brought_back(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (before,) = restore(master, tmp_path / "acc", *MORPHED)
    access = tmp_path / "acc/a.wav"
    whole = songs.read(access)
    done = invoke("restore", "-o", tmp_path / "acc", "--revert", "declick")
    assert done.returncode == 0, done.stderr
    assert "without declick (all of it)" in done.stdout
    assert np.array_equal(songs.read(access), masters.added_up(master, access, "declick"))
    assert invoke("verify", tmp_path / "acc").returncode == 0
    invoke("restore", master, "-o", tmp_path / "acc", "--revert", "timbre")
    assert np.array_equal(songs.read(access), songs.read(master))
    assert b"algorithmicallyEnhanced" not in access.read_bytes()
    invoke("restore", "-o", tmp_path / "acc", "--revert", "none")
    assert np.array_equal(songs.read(access), whole)
    (after,) = manifest.read_tracks(tmp_path / "acc")
    assert (after.output_hash, after.key) == (before.output_hash, before.key)
    assert len(manifest.read_chunks(tmp_path / "acc")) == after.num_chunks


def test_a_step_is_taken_back_in_a_span_with_fades(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    restore(master, tmp_path / "acc", *MORPHED)
    access = tmp_path / "acc/a.wav"
    whole = songs.read(access)
    for span in ("0:01-0:01.5", "2-2.25"):
        invoke("restore", "-o", tmp_path / "acc", "--revert", f"timbre:{span}")
    got, plain = songs.read(access), masters.added_up(master, access, "timbre")
    inside = np.zeros(got.shape[1], bool)
    inside[44100 : 44100 * 3 // 2] = inside[2 * 44100 : 9 * 44100 // 4] = True
    near = spread(44100, got.shape[1], 1, 1.5) | spread(44100, got.shape[1], 2, 2.25)
    assert np.array_equal(got[:, inside], plain[:, inside])
    assert np.array_equal(got[:, ~near], whole[:, ~near])
    fade = near & ~inside
    jumps = np.abs(np.diff(got[0]))[fade[1:]].max()
    assert jumps <= 1.5 * max(np.abs(np.diff(each[0]))[fade[1:]].max() for each in (whole, plain))
    assert invoke("verify", tmp_path / "acc").returncode == 0
    # the same command takes what was taken back for wanted
    (again,) = restore(master, tmp_path / "acc", *MORPHED)
    assert np.array_equal(songs.read(access), got)
    (timbre,) = manifest.steps_by_track(tmp_path / "acc", [again])["a.wav"][1:]
    assert json.loads(timbre.reverted or "") == [[44100, 66150], [88200, 99225]]


def test_speed_is_taken_back_and_what_came_before_it_under_it(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    restore(master, tmp_path / "acc", "--speed", "0.5")
    restore(master, tmp_path / "plain", "--steps", "speed", "--speed", "0.5")
    invoke("restore", "-o", tmp_path / "acc", "--revert", "declick")
    same = [songs.read(tmp_path / name / "a.wav") for name in ("acc", "plain")]
    assert np.array_equal(*same)
    invoke("restore", "-o", tmp_path / "acc", "--revert", "speed")
    assert np.array_equal(songs.read(tmp_path / "acc/a.wav"), songs.read(master))
    assert invoke("verify", tmp_path / "acc").returncode == 0


@pytest.mark.parametrize(
    "text", ["clean", "declick:1", "declick:2-1", "speed:1-2", "", ":1-2", "none:1-2"]
)
def test_what_cannot_be_taken_back_is_refused(tmp_path: Path, text: str) -> None:
    restore(masters.write(tmp_path / "in/a.wav"), tmp_path / "acc")
    done = invoke("restore", "-o", tmp_path / "acc", "--revert", text)
    assert done.returncode == 1
    assert "--revert" in done.stderr


def test_a_step_that_no_copy_has_and_a_folder_without_a_manifest_are_refused(tmp_path) -> None:
    restore(masters.write(tmp_path / "in/a.wav"), tmp_path / "acc")
    for folder in ("acc", "in"):
        assert invoke("restore", "-o", tmp_path / folder, "--revert", "dehum").returncode == 1


def test_without_its_master_a_copy_stays_as_it_is(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (row,) = restore(master, tmp_path / "acc")
    masters.write(master, size=0.8)
    done = invoke("restore", "-o", tmp_path / "acc", "--revert", "declick")
    assert (done.returncode, "is not the master" in done.stdout) == (3, True)
    assert digest(tmp_path / "acc/a.wav") == row.output_hash


@pytest.mark.parametrize("name", ["a.wav.declick.diff.flac", "a.wav.provenance.json", "a.wav"])
@pytest.mark.parametrize("lost", [True, False])
def test_verify_finds_what_is_lost_or_changed(tmp_path: Path, name: str, lost: bool) -> None:
    restore(masters.write(tmp_path / "in/a.wav"), tmp_path / "acc")
    place = tmp_path / "acc" / name
    if lost:
        place.unlink()
    else:
        data = bytearray(place.read_bytes())
        data[-1] ^= 1
        place.write_bytes(data)
    done = invoke("verify", tmp_path / "acc")
    assert done.returncode == 2
    assert ("is not there" if lost else "is not the file that was written") in done.stdout


def test_verify_finds_a_copy_that_does_not_add_up(tmp_path: Path) -> None:
    (row,) = restore(masters.write(tmp_path / "in/a.wav"), tmp_path / "acc")
    access = tmp_path / "acc/a.wav"
    sound, rate = soundfile.read(access, dtype="int32")
    sound[12345] += 1 << 8
    soundfile.write(access, sound, rate, "PCM_24")
    steps = manifest.steps_by_track(tmp_path / "acc", [row])["a.wav"]
    manifest.commit(tmp_path / "acc", replace(row, output_hash=digest(access)), steps=steps)
    done = invoke("verify", tmp_path / "acc")
    assert done.returncode == 2
    assert "not its master and the differences" in done.stdout


def test_a_copy_that_breaks_a_bound_is_a_failed_row_and_not_there(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    (row,) = restore(master, tmp_path / "acc", *DISTORTED, code=3)
    assert (row.status, row.error_code, row.output) == ("failed", "beyond_bounds", None)
    assert "onsets agree to" in (row.message or "")
    assert "use a smaller --amount" in (row.message or "")
    assert not list((tmp_path / "acc").glob("a.wav*"))
    (row,) = restore(master, tmp_path / "acc", *MORPHED)
    found = json.loads(row.checks or "")
    assert set(found) == {"declick", "timbre"}
    assert found["declick"]["found"]["level_db"] == pytest.approx(0, abs=1e-6)
    assert found["timbre"]["bounds"]["onset_f1"] == 0


def test_nothing_is_added_above_what_survived_unless_asked(tmp_path: Path) -> None:
    muffled = lowpassed(songs.guitar(3.0, channels=1), 4000)
    master = songs.write(tmp_path / "in/a.wav", muffled, subtype="PCM_24")
    added = {}
    for name, words in {"kept": (), "wider": ("--extend",)}.items():
        (row,) = restore(master, tmp_path / name, *MORPHED, *words)
        assert 3000 < (row.surviving_hz or 0) < 5500
        added[name] = songs.read(next((tmp_path / name).glob("*.timbre.diff.*")))[0]
    powers = {name: np.abs(np.fft.rfft(sound)) ** 2 for name, sound in added.items()}
    hertz = np.fft.rfftfreq(added["kept"].size, 1 / 44100)
    shares = {name: p[hertz > 6000].sum() / p.sum() for name, p in powers.items()}
    assert shares["kept"] < 1e-6 < 1e-4 < shares["wider"]


def lowpassed(sound: np.ndarray, highest: float) -> np.ndarray:
    """``[C, T]`` without what lies above a frequency."""
    spectrum = np.fft.rfft(sound)
    spectrum[:, np.fft.rfftfreq(sound.shape[-1], 1 / 44100) > highest] = 0
    return np.fft.irfft(spectrum, sound.shape[-1]).astype(np.float32)


def test_each_copy_has_a_page_and_the_folder_an_index(tmp_path: Path) -> None:
    masters.write(tmp_path / "in/a.wav")
    masters.write(tmp_path / "in/deep/b.wav")
    (tmp_path / "in/broken.wav").write_bytes(b"RIFF")
    restore(tmp_path / "in", tmp_path / "acc", code=2)
    page = (tmp_path / "acc/report/deep/b.wav.html").read_text(encoding="utf-8")
    assert 'href="../index.html"' in page
    assert "12 clicks" in page
    index = (tmp_path / "acc/report/index.html").read_text(encoding="utf-8")
    assert 'href="./deep/b.wav.html"' in index
    assert "broken.wav" in index


@pytest.mark.parametrize("words", [(), ("--speed", "0.5")])
def test_a_page_marks_the_band_and_compares_what_has_one_length(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    muffled = lowpassed(songs.guitar(3.0, channels=1), 4000)
    master = songs.write(tmp_path / "in/a.wav", muffled, subtype="PCM_24")
    restore(master, tmp_path / "acc", *words)
    page = (tmp_path / "acc/report/a.wav.html").read_text(encoding="utf-8")
    assert 'class="band"' in page
    assert ("All that was changed" in page) == (not words)


def test_a_list_restores_each_row_its_own_way(tmp_path: Path) -> None:
    for name in ("a", "b"):
        masters.write(tmp_path / f"in/{name}.wav")
    (tmp_path / "list.csv").write_text("path,to,shelf\nin/a.wav,distortion,12\nin/b.wav,,13\n")
    a, b = restore(tmp_path / "list.csv", tmp_path / "acc", *QUICK, *ANYHOW)
    assert (a.steps, b.steps) == ("declick,timbre", "declick")
    assert (a.separator, b.list_columns) == ("none", '{"shelf": "13"}')
