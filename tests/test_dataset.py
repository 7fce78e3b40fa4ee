"""`morphsep generate`: recordings in, a data set out that strangers can read."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from morphsep import manifest
from morphsep.cli.app import app
from morphsep.dataset import Running, differences, parts, plan, verify
from morphsep.dataset import shards as sharding
from morphsep.dataset.recipe import parse_recipe
from morphsep.errors import SettingError
from morphsep.request import Settings, collect
from morphsep.run import Pool, settle_jobs
from morphsep.storage import location
from tests.data_sets import ALONE, RECIPE, decoded, digests, made, rows_of
from tests.songs import backing, guitar, write

SHORT = "clip_seconds: 1\nclips_per_song: 1\nrender: [{tones: [clean]}]"
ROWS = 7
"""Of a clip: three steps, a crossfade, a tone, two chains."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for n in range(3):
        write(folder / f"take {n}.wav", guitar(4 + n, seed=100 * n, channels=1 + n % 2))
    return folder


@pytest.fixture(scope="module")
def dataset(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "set"
    found = made(sources, out)
    assert found.exit_code == 0
    assert found.rows == 3 * 2 * ROWS
    return out


def test_each_row_says_what_was_done(dataset: Path) -> None:
    rows = rows_of(dataset).to_pylist()
    assert len({row["id"] for row in rows}) == len(rows) == 3 * 2 * ROWS
    kinds = [row["kind"] for row in rows]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "ladder": 18, "crossfade": 6, "tone": 6, "chain": 12,
    }  # fmt: skip
    ladder = [row for row in rows if row["kind"] == "ladder"]
    assert [row["amount"] for row in ladder[:3]] == [0.0, 0.5, 1.0]
    assert [row["position"] for row in ladder[:3:2]] == [0.0, 1.0]
    assert 0 < ladder[1]["position"] < 1
    (drive,) = [p for p in ladder[1]["chain"] if p["pedal"] == "Drive"]
    knob = {each["name"]: each for each in drive["parameters"]}["drive_db"]
    assert knob["unit"] == "dB"
    # half-way from -12, where a drive does nothing, to that of the tone
    (end,) = [p for p in ladder[1]["to_chain"] if p["pedal"] == "Drive"]
    full = {each["name"]: each["value"] for each in end["parameters"]}["drive_db"]
    assert knob["value"] == pytest.approx((full - 12) / 2)
    for row in rows:
        assert row["source_hash"]
        assert row["lag"] is not None
        assert json.loads(row["versions"])["morphsep"]


def test_wet_is_as_loud_as_dry_and_in_step_with_it(dataset: Path) -> None:
    for row in rows_of(dataset).to_pylist():
        assert row["dry_lufs"] == pytest.approx(-23, abs=0.01)
        assert row["wet_lufs"] == pytest.approx(-23, abs=0.01)
        assert abs(row["lag"]) <= 44
        dry, wet = decoded(row["dry"]), decoded(row["wet"])
        assert dry.shape == wet.shape == (round(1.5 * 44100), 1)
        for sound, name in ((dry, "dry_sha256"), (wet, "wet_sha256")):
            assert hashlib.sha256(sound.astype("<i4").tobytes()).hexdigest() == row[name]


def test_dry_is_the_recording(dataset: Path, sources: Path) -> None:
    for row in rows_of(dataset).to_pylist():
        take, _ = soundfile.read(sources / row["source"], dtype="float32", always_2d=True)
        start = round(row["start"] * 44100)
        clip = take[start : start + round(row["seconds"] * 44100)].mean(axis=1)
        dry = decoded(row["dry"])[:, 0] / 2**31
        assert np.abs(dry - clip * 10 ** (row["dry_gain_db"] / 20)).max() < 1e-5


def test_no_song_and_no_artist_lies_in_two_splits(tmp_path: Path) -> None:
    """A song by several artists, and an artist with several songs, tie them all together."""
    rows = [["path", "artist", "song"]]
    named = (("a", "one"), ("b", "one"), ("b", "two"), ("c", "two"), ("", "two"), ("d", "three"))
    for n, (artist, song) in enumerate(named):
        write(tmp_path / f"{n}.wav", guitar(1.5, seed=10 * n))
        rows.append([f"{n}.wav", artist, song])
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    text = SHORT + "\nsplits: {train: 0.4, validation: 0.3, test: 0.3}"
    for seed in range(3):
        made(tmp_path / "list.csv", tmp_path / f"out{seed}", f"{text}\nseed: {seed}")
        found = rows_of(tmp_path / f"out{seed}").to_pylist()
        assert len(found) == 6
        assert len({row["split"] for row in found if row["song"] != "three"}) == 1
        files = {file.name.split("-")[0] for file in (tmp_path / f"out{seed}" / "data").iterdir()}
        assert files == {row["split"] for row in found}


def test_the_card_says_what_is_in_it_and_what_is_not(dataset: Path) -> None:
    import yaml

    _, front, text = (dataset / "README.md").read_text().split("---\n", 2)
    said = yaml.safe_load(front)
    assert said["license"] == "other"
    paths = {each["split"]: each["path"] for each in said["configs"][0]["data_files"]}
    for split, path in paths.items():
        assert list(dataset.glob(path)), split
    for part in (
        "| ladder | clean | overdrive | chain | 18 |",
        "| Drive | drive_db |",
        "no licence",
    ):
        assert part in text
    described = json.loads((dataset / "croissant.json").read_text())
    assert {each["sha256"] for each in described["distribution"]} == set(digests(dataset).values())


def test_the_lock_says_what_made_it(dataset: Path, sources: Path) -> None:
    lock = json.loads((dataset / "recipe.lock.json").read_text())
    assert set(lock["sources"]) == {file.name for file in sources.iterdir()}
    needed = {"morphsep", "numpy", "pedalboard", "torch", "soxr", "libsndfile", "pyarrow", "cpu"}
    assert needed <= lock["versions"].keys()
    assert all(lock["versions"].values())


def test_the_same_command_again_has_nothing_to_do(dataset: Path, sources: Path) -> None:
    before = digests(dataset)
    again = made(sources, dataset)
    assert again.summary is None
    assert (again.exit_code, again.rows) == (0, 42)
    assert digests(dataset) == before


def test_order_and_number_of_sources_change_no_row(
    sources: Path, dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "take 1.wav").write_bytes((sources / "take 1.wav").read_bytes())
    made(tmp_path / "one", tmp_path / "out")
    alone = rows_of(tmp_path / "out").sort_by("id")
    among = rows_of(dataset)
    among = among.filter(pa.compute.equal(among["source"], "take 1.wav")).sort_by("id")
    assert alone.equals(among)


def test_a_lost_shard_is_made_again_byte_for_byte(sources: Path, tmp_path: Path) -> None:
    made(sources, tmp_path / "out")
    before = digests(tmp_path / "out")
    for file in (tmp_path / "out" / "data").iterdir():
        file.unlink()
    made(sources, tmp_path / "out")
    assert digests(tmp_path / "out") == before


def test_another_recipe_or_source_is_refused_until_it_is_told_to_begin_anew(
    sources: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    for file in sources.iterdir():
        (copies / file.name).write_bytes(file.read_bytes())
    out, short = tmp_path / "out", "clip_seconds: 1\nclips_per_song: 1\nrender: [{tones: [clean]}]"
    made(copies, out, short)
    with pytest.raises(SettingError, match="begun otherwise: the recipe"):
        made(copies, out, f"{short}\nseed: 1")
    write(copies / "take 3.wav", guitar(2, seed=900))
    (copies / "take 0.wav").unlink()
    with pytest.raises(SettingError, match=r"new: take 3.wav; gone: take 0.wav"):
        made(copies, out, short)
    assert made(copies, out, f"{short}\nseed: 1", new=True).rows == 3


def test_a_folder_with_something_else_is_left_alone(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(SettingError, match=r"README\.md that is not ours"):
        made(sources, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_what_cannot_be_used_is_a_row_of_the_manifest_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "a.wav", guitar(2))
    write(folder / "b same.wav", guitar(2))
    write(folder / "c short.wav", guitar(0.5, seed=7))
    write(folder / "d silent.wav", np.zeros((1, 88200), np.float32))
    (folder / "e broken.wav").write_bytes(b"RIFF")
    found = made(folder, tmp_path / "out", "clip_seconds: 1\nrender: [{tones: [clean]}]")
    rows = {row.track[0]: row for row in manifest.read_tracks(tmp_path / "out")}
    assert {name: (row.status, row.error_code) for name, row in rows.items()} == {
        "a": ("ok", None), "b": ("skipped", "duplicate"), "c": ("skipped", "no_guitar"),
        "d": ("skipped", "no_guitar"), "e": ("failed", rows["e"].error_code),
    }  # fmt: skip
    assert found.exit_code == 2
    assert found.rows == 2


def test_nothing_at_all_is_exit_code_3(tmp_path: Path) -> None:
    write(tmp_path / "in" / "short.wav", guitar(0.5))
    found = made(tmp_path / "in", tmp_path / "out", "clip_seconds: 9\nrender: [{tones: [clean]}]")
    assert (found.rows, found.exit_code) == (0, 3)


def test_copies_in_different_splits_stop_the_run_and_are_named(tmp_path: Path) -> None:
    take = guitar(8, seed=3)
    rows = [["path", "artist"]]
    for n, artist in enumerate("abcdef"):
        write(tmp_path / "in" / f"{n}.wav", take * np.float32(0.5 + 0.1 * n))
        rows.append([f"in/{n}.wav", artist])
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(SettingError, match=r"hold the same sound: .*\.wav \((train|test)\) and"):
        made(tmp_path / "list.csv", tmp_path / "out")
    assert not (tmp_path / "out" / "data").exists()
    for row in rows[1:]:
        row[1] = "one and the same"
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    text = "clip_seconds: 1\nclips_per_song: 1\nrender: [{tones: [clean]}]"
    assert made(tmp_path / "list.csv", tmp_path / "out", text).rows == 6


def test_licences_of_a_list_are_kept_and_those_that_forbid_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [["path", "artist", "licence", "attribution"]]
    for n, licence in enumerate(("CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC0-1.0")):
        write(tmp_path / f"{n}.wav", guitar(2, seed=10 * n))
        rows.append([f"{n}.wav", f"artist {n}", licence, f"by {n}"])
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    text = "clip_seconds: 1\nclips_per_song: 1\nrender: [{tones: [clean]}]"
    made(tmp_path / "list.csv", tmp_path / "all", text)
    found = rows_of(tmp_path / "all").select(["licence", "attribution"]).to_pylist()
    assert sorted(row["attribution"] for row in found) == ["by 0", "by 2"]
    assert "without effect" not in caplog.text
    assert "Not for commercial use" in (tmp_path / "all" / "README.md").read_text()
    made(tmp_path / "list.csv", tmp_path / "free", text, commercial_only=True)
    assert rows_of(tmp_path / "free")["licence"].to_pylist() == ["CC0-1.0"]


def test_a_mix_gives_backing_and_mix(tmp_path: Path) -> None:
    stem, rest = guitar(3), backing(3)
    write(tmp_path / "song.wav", stem + rest, subtype="FLOAT")
    write(tmp_path / "song.guitar.wav", stem, subtype="FLOAT")
    text = (
        "clip_seconds: 1\nchannels: 2\nbacking: yes\nloudness_lufs: null\n"
        "render: [{ladder: {from: as-recorded, to: overdrive, steps: 2}}]"
    )
    settings = Settings(separator="stem", stem="{stem}.guitar.wav")
    made(tmp_path / "song.wav", tmp_path / "out", text, settings=settings)
    for row in rows_of(tmp_path / "out").to_pylist():
        dry, wet, rest_, mix = (decoded(row[n]) / 2**31 for n in ("dry", "wet", "backing", "mix"))
        assert np.abs(wet + rest_ - mix).max() < 1e-6
        first = round(row["start"] * 44100)
        song = (stem + rest)[:, first : first + 44100].T
        assert np.abs(dry + rest_ - song).max() < 1e-5
        if row["amount"] == 0:
            assert np.abs(wet - dry).max() < 1e-5


@pytest.mark.parametrize("rate", [16000, 48000])
def test_other_rates_keep_dry_and_wet_in_step(tmp_path: Path, rate: int) -> None:
    write(tmp_path / "a.wav", guitar(2))
    text = f"clip_seconds: 1\nsample_rate: {rate}\nbits: 16\nrender: [{{tones: [as-recorded]}}]"
    made(tmp_path / "a.wav", tmp_path / "out", text)
    for row in rows_of(tmp_path / "out").to_pylist():
        assert soundfile.info(io.BytesIO(row["wet"]["bytes"])).samplerate == rate
        assert decoded(row["wet"]).shape == (rate, 1)
        assert (decoded(row["wet"]) == decoded(row["dry"])).all()


def test_rows_that_are_no_good_are_left_out_with_a_reason(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", guitar(2))
    text = (
        "clip_seconds: 1\nmost_gain_db: 6\nrender:\n"
        "  - chains: {pedals: [{Gain: {gain_db: -20}}]}\n"
        "  - chains: {pedals: [{Gain: {gain_db: -119}}]}\n"
        "  - chains: {pedals: [{Delay: {delay_seconds: 0.01, mix: 1}}]}\n"
        "  - tones: [clean]\n"
    )
    found = made(tmp_path / "a.wav", tmp_path / "out", text)
    rejected = pq.read_table(tmp_path / "out" / "rejected.parquet")["reason"].to_pylist()
    assert sorted(rejected) == ["gain"] * 2 + ["lag"] * 2 + ["silent"] * 2
    assert (found.rows, found.rejected) == (2, 6)


def group_sizes(file: Path) -> list[int]:
    """Bytes of each row group."""
    found = pq.read_metadata(file)
    return [found.row_group(n).total_byte_size for n in range(found.num_row_groups)]


def test_shards_are_of_a_size_and_lose_nothing(
    sources: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(sharding, "GROUP_BYTES", 400_000)
    monkeypatch.setattr(parts, "GROUP_BYTES", 200_000)
    made(sources, tmp_path / "out")
    files = sorted((tmp_path / "out" / "data").iterdir())
    assert len(files) > 2
    assert {file.name.rsplit("-", 1)[1] for file in files if "train" in file.name} in (
        set(), {f"{sum('train' in f.name for f in files):05d}.parquet"},
    )  # fmt: skip
    assert all(file.stat().st_size < 2_000_000 for file in files)
    groups = [size for file in files for size in group_sizes(file)]
    assert max(groups) < 450_000  # a clip's rows are more, together
    assert rows_of(tmp_path / "out").sort_by("id").equals(rows_of(dataset).sort_by("id"))


def test_the_command_makes_a_data_set_and_goes_on(
    sources: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe, out = tmp_path / "recipe.yaml", str(tmp_path / "out")
    recipe.write_text("clip_seconds: 1\nclips_per_song: 1\nrender: [{tones: [clean]}]")
    given = ["generate", str(sources), "-o", out, "--recipe", str(recipe), "--separator", "none"]
    command = [sys.executable, "-m", "morphsep", *given, "--json", "--workers", "2"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(first.stdout)
    assert (said["rows"], said["rejected"], said["sources"]["done"]) == (3, 0, 3)
    assert app(given, standalone_mode=False) == 0
    assert "nothing to do" in capfd.readouterr().out
    with pytest.raises(SettingError, match="--example"):
        app(given[:4], standalone_mode=False)
    assert app(["verify", out], standalone_mode=False) == 0
    assert "3 sources rendered again, 0 findings" in capfd.readouterr().out


def test_verify_renders_some_again_and_finds_what_was_changed(
    dataset: Path, sources: Path, tmp_path: Path
) -> None:
    assert verify(location(dataset), Running()) == (3, [])
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    shard = next((copy / "data").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    assert verify(location(copy), Running()) == (
        0,
        [f"data/{shard.name} was changed since it was written"],
    )
    shard.unlink()
    assert verify(location(copy), Running()) == (0, [f"data/{shard.name} is missing"])


def test_verify_finds_rows_that_do_not_come_out_again(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morphsep.dataset.rendering import quality

    monkeypatch.setattr(quality, "lufs", lambda sound: -20.0)
    count, findings = verify(location(dataset), Running(), sample=1)
    assert count == 1
    assert len(findings) == 2 * ROWS
    assert all("wet_sha256" in finding for finding in findings)


def test_free_for_commercial_use_are_neither_such_backends_nor_such_weights(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "render: [{ladder: {from: clean, to: fuzz, backend: crossfade}}]"
    monkeypatch.setattr("morphsep.backends.crossfade.Crossfade.licence", "CC-BY-NC-4.0")
    with pytest.raises(SettingError, match=r"backend crossfade is under CC-BY-NC-4\.0"):
        made(sources, tmp_path / "out", text, commercial_only=True)


def test_a_data_set_without_sound_gives_the_same_sound_to_whoever_has_the_recordings(
    dataset: Path, sources: Path, tmp_path: Path
) -> None:
    made(sources, tmp_path / "small", sound=False)
    rows, full = rows_of(tmp_path / "small"), rows_of(dataset)
    assert "wet" not in rows.column_names
    assert rows["wet_sha256"].equals(full["wet_sha256"])
    size = sum(file.stat().st_size for file in (tmp_path / "small" / "data").iterdir())
    assert size < 300_000
    assert differences(location(tmp_path / "small"), location(dataset)) == []
    assert verify(location(tmp_path / "small"), Running(), sample=1) == (1, [])


def sounds_below(folder: Path) -> list[Path]:
    """Files that hold sound, by what they begin with, and Parquet files with columns of sound."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    heads = (b"fLaC", b"RIFF", b"RF64", b"OggS", b"wvpk")
    return [
        file
        for file in files
        if file.read_bytes()[:4] in heads
        or (file.suffix == ".parquet" and "wet" in pq.read_schema(file).names)
    ]


@pytest.mark.parametrize("rendered_before", [False, True])
def test_a_finished_data_set_without_sound_holds_none_and_an_unfinished_one_goes_on(
    tmp_path: Path, rendered_before: bool
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write(folder / "a.wav", guitar(2))
    (folder / "b.wav").write_bytes(b"none")
    if rendered_before:  # with sound, and given up
        made(folder, out, SHORT)
        assert sounds_below(out / "data")
    assert made(folder, out, SHORT, sound=False, new=True).exit_code == 2
    assert sounds_below(out / ".morphsep" / "stems")  # what is done is not done again
    write(folder / "b.wav", guitar(2, seed=1))
    found = made(folder, out, SHORT, sound=False)
    assert (found.exit_code, found.rows) == (0, 2)
    assert not sounds_below(out)
    stem = out / ".morphsep" / "stems" / "left.flac"  # by a version before this one
    stem.parent.mkdir()
    stem.write_bytes(b"fLaC")
    assert made(folder, out, SHORT, sound=False).summary is None
    assert not sounds_below(out)
    assert verify(location(out), Running(), sample=1) == (1, [])


def test_what_differs_between_two_data_sets_is_named(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    shard = next((copy / "data").iterdir())
    rows = pq.read_table(shard)
    lost, other, renamed = rows["id"].to_pylist()[:3]
    names, sounds = rows["id"].to_pylist()[1:], rows["wet_sha256"].to_pylist()[1:]
    sounds[0], names[1] = "0" * 64, "another"
    changed = rows.slice(1)
    for name, values in (("id", names), ("wet_sha256", sounds)):
        changed = changed.set_column(changed.column_names.index(name), name, pa.array([*values]))
    pq.write_table(changed, shard)
    assert differences(location(dataset), location(copy)) == [
        *(f"row {name} is missing" for name in sorted([lost, renamed])),
        "row another is not there",
        f"row {other} sounds otherwise",
    ]
    assert differences(location(copy), location(copy)) == []


def test_a_plan_says_rows_hours_bytes_and_time(sources: Path, tmp_path: Path) -> None:
    jobs = settle_jobs(collect([str(sources)], tmp_path / "out", ALONE, "generate"))
    recipe = parse_recipe(RECIPE, "recipe.yaml")
    found = plan(jobs, str(tmp_path / "out"), recipe, pool=Pool(), on_cluster=False)
    assert (found.sources, found.readable, found.clips, found.rows) == (3, 3, 6, 6 * ROWS)
    assert found.hours == pytest.approx(6 * ROWS * 1.5 / 3600)
    assert found.gigabytes > 0
    assert not (tmp_path / "out").exists()


def test_where_the_work_was_done_is_remembered(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", guitar(2))
    (tmp_path / "in" / "b.wav").write_bytes(b"RIFF")
    elsewhere = Running(work_in=str(tmp_path / "work"))
    assert made(tmp_path / "in", tmp_path / "out", SHORT, running=elsewhere).rows == 1
    before = digests(tmp_path / "out")
    assert made(tmp_path / "in", tmp_path / "out", SHORT).rows == 1
    assert digests(tmp_path / "out") == before


def test_a_recording_that_was_repaired_comes_in(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", guitar(2))
    (tmp_path / "in" / "b.wav").write_bytes(b"RIFF")
    first = made(tmp_path / "in", tmp_path / "out", SHORT)
    assert (first.rows, first.exit_code) == (1, 2)
    assert verify(location(tmp_path / "out"), Running()) == (1, [])
    write(tmp_path / "in" / "b.wav", guitar(2, seed=70))
    second = made(tmp_path / "in", tmp_path / "out", SHORT)
    assert (second.rows, second.exit_code) == (2, 0)


def test_the_results_of_other_commands_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", guitar(2))
    out = tmp_path / "out"
    morph = ["morph", str(tmp_path / "in"), "-o", str(out), "--to", "clean"]
    assert app([*morph, "--separator", "none", "--no-uniform"], standalone_mode=False) == 0
    before = manifest.read_tracks(out)
    with pytest.raises(SettingError, match="holds a folder manifest that is not ours"):
        made(tmp_path / "in", out, SHORT)
    assert manifest.read_tracks(out) == before


def test_a_tone_of_ones_own_counts_by_what_it_is(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", guitar(2))
    tone = tmp_path / "own.yaml"
    text = f"clip_seconds: 1\nclips_per_song: 1\nrender: [{{tones: ['{tone}']}}]"
    tone.write_text("pedals: [{Drive: {drive_db: 6}}]")
    made(tmp_path / "in", tmp_path / "out", text)
    (row,) = rows_of(tmp_path / "out").to_pylist()
    assert str(tmp_path) not in row["id"]
    tone.write_text("pedals: [{Drive: {drive_db: 30}}]")
    with pytest.raises(SettingError, match="begun otherwise: the recipe"):
        made(tmp_path / "in", tmp_path / "out", text)


def test_what_would_clip_at_its_rate_is_left_out(tmp_path: Path) -> None:
    clip = np.sign(np.sin(2 * np.pi * 441 * np.arange(88200) / 44100))[None] * 0.97
    write(tmp_path / "a.wav", clip.astype(np.float32), subtype="FLOAT")
    text = SHORT.replace("clean", "as-recorded") + "\nsample_rate: 48000\nloudness_lufs: null"
    found = made(tmp_path / "a.wav", tmp_path / "out", text)
    assert (found.rows, found.rejected) == (0, 1)
    assert pq.read_table(tmp_path / "out" / "rejected.parquet")["peak"].to_pylist()[0] > 1


def test_channels_that_cancel_are_no_guitar(tmp_path: Path) -> None:
    take = guitar(2, channels=1)
    write(tmp_path / "a.wav", np.concatenate([take, -take]))
    made(tmp_path / "a.wav", tmp_path / "out", SHORT)
    (row,) = manifest.read_tracks(tmp_path / "out")
    assert row.error_code == "no_guitar"


def test_a_plan_of_what_cannot_be_read_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    jobs = settle_jobs(collect([str(tmp_path / "a.wav")], tmp_path / "out", ALONE, "generate"))
    recipe = parse_recipe(RECIPE, "recipe.yaml")
    found = plan(jobs, str(tmp_path / "out"), recipe, pool=Pool(), on_cluster=False)
    assert found.rows == 0
    assert len(found.problems) == 1
