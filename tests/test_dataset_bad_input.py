"""What goes wrong while a data set is made, and what is left then. See also `test_dataset`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from morphsep import manifest
from morphsep.dataset import Running, Wanted, generate, generating
from morphsep.dataset.recipe import parse_recipe
from morphsep.errors import RefusedError, SettingError
from morphsep.request import collect
from morphsep.run import settle_jobs
from morphsep.storage import TEMPORARY, location
from tests.data_sets import ALONE, digests, made, rows_of
from tests.object_store import ObjectStore
from tests.songs import guitar, write

SHORT = "clip_seconds: 1\nclips_per_song: 1\nrender: [{tones: [clean]}]"


def hiss(seconds: int) -> np.ndarray:
    """What FLAC cannot make much smaller: some 130 kB a second, in 24 bits."""
    noise = np.random.default_rng(0).normal(0, 0.02, (1, 44100 * seconds))
    return np.asarray(guitar(seconds, channels=1) + noise, np.float32)


@pytest.mark.parametrize(
    ("per_clip", "when"), [(20, "while it is rendered"), (9, "while its shards are written")]
)
def test_a_full_disk_leaves_nothing_half_written_and_the_same_command_goes_on(
    tmp_path: Path, small_disk: Path, per_clip: int, when: str
) -> None:
    write(tmp_path / "in" / "a.wav", hiss(6), subtype="FLOAT")
    write(tmp_path / "in" / "b.wav", guitar(1.2, channels=1))
    text = (
        "clip_seconds: 1\n"
        f"render: [{{chains: {{per_clip: {per_clip}, pedals: [{{Gain: {{gain_db: [0, 9]}}}}]}}}}]"
    )
    out = small_disk / "set"
    if when == "while it is rendered":
        assert made(tmp_path / "in", out, text).exit_code == 2
        rows = {row.track: row for row in manifest.read_tracks(out)}
        assert (rows["a.wav"].status, rows["a.wav"].error_code) == ("failed", "disk_full")
        assert rows["b.wav"].status == "ok"
    else:
        with pytest.raises(OSError, match=r"(?i)no space|disk is full"):
            made(tmp_path / "in", out, text)
        assert not list(out.glob("data/*"))
    assert not list(out.rglob(TEMPORARY))
    larger = ["mount", "-o", "remount,size=100m", str(small_disk)]
    subprocess.run(larger, check=True)
    assert made(tmp_path / "in", out, text).exit_code == 0
    made(tmp_path / "in", tmp_path / "undisturbed", text)
    assert digests(out) == digests(tmp_path / "undisturbed")


def test_a_bucket_that_cannot_be_written_is_said_and_left_as_it_was(
    tmp_path: Path, store: ObjectStore
) -> None:
    write(tmp_path / "in" / "a.wav", guitar(1.2, channels=1))
    out = location(store.url("unwritable"))
    store.fail("403", times=-1, method="PUT")
    jobs = settle_jobs(collect([str(tmp_path / "in")], out.text, ALONE, "generate"))
    wanted = Wanted(recipe=parse_recipe(SHORT, "recipe.yaml"), text=SHORT)
    with pytest.raises(RefusedError, match="unwritable"):
        generate(jobs, out, wanted, Running())
    store.recover()
    assert out.walk() == []


def test_rows_of_a_chain_that_explodes_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", guitar(1.2, channels=1))
    louder = ", ".join(["{Gain: {gain_db: 119}}"] * 8)
    text = f"clip_seconds: 1\nrender:\n  - chains: {{pedals: [{louder}]}}\n  - tones: [clean]\n"
    found = made(tmp_path / "in", tmp_path / "out", text)
    assert (found.rows, found.rejected, found.exit_code) == (1, 1, 0)
    rejected = pq.read_table(tmp_path / "out" / "rejected.parquet").to_pylist()
    assert [row["reason"] for row in rejected] == ["non_finite"]
    assert "1 rows: wet holds NaN or infinity" in (tmp_path / "out" / "README.md").read_text()


def test_another_recipe_under_a_half_made_data_set_is_refused_and_the_same_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        write(tmp_path / "in" / f"{name}.wav", guitar(1.2, channels=1, seed=ord(name)))
    out = tmp_path / "out"
    run = generating.run

    def stopped(jobs: Any, *given: Any, **others: Any) -> Any:
        run(jobs[:1], *given, **others)
        raise KeyboardInterrupt

    monkeypatch.setattr(generating, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "in", out, SHORT)
    monkeypatch.undo()
    assert not (out / "data").exists()
    with pytest.raises(SettingError, match=r"begun otherwise: the recipe.*--new"):
        made(tmp_path / "in", out, SHORT.replace("clean", "fuzz"))
    (tmp_path / "in" / "b.wav").rename(tmp_path / "b.wav")
    with pytest.raises(SettingError, match=r"begun otherwise: gone: b\.wav"):
        made(tmp_path / "in", out, SHORT)
    (tmp_path / "b.wav").rename(tmp_path / "in" / "b.wav")
    assert made(tmp_path / "in", out, SHORT).rows == 2
    assert len(rows_of(out)) == 2


def two_sources(folder: Path) -> tuple[Path, Path]:
    """Folders with a recording each, both of one name."""
    for seed, name in enumerate(("ours", "theirs")):
        write(folder / name / "a.wav", guitar(1.2, channels=1, seed=seed))
    return folder / "ours", folder / "theirs"


@pytest.mark.parametrize("by_whom", ["morphsep", "somebody else"])
def test_what_appears_in_the_folder_while_sources_are_looked_at_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_whom: str
) -> None:
    ours, theirs = two_sources(tmp_path)
    out, ready = tmp_path / "out", generating.ready

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(generating, "ready", ready)
        if by_whom == "morphsep":
            made(theirs, out, SHORT)
        else:
            (out / "data").mkdir(parents=True)
            (out / "data" / "theirs.parquet").write_bytes(b"theirs")
        before.update(digests(out))
        return ready(*given)

    before = dict[str, str]()
    monkeypatch.setattr(generating, "ready", overtaken)
    with pytest.raises(SettingError, match=r"changed: a\.wav|that is not ours"):
        made(ours, out, SHORT)
    assert digests(out) == before != {}


def test_the_same_command_twice_at_once_makes_the_data_set_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = two_sources(tmp_path)
    out, ready = tmp_path / "out", generating.ready

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(generating, "ready", ready)
        assert made(ours, out, SHORT).summary is not None
        return ready(*given)

    monkeypatch.setattr(generating, "ready", overtaken)
    found = made(ours, out, SHORT)
    assert (found.rows, found.summary) == (1, None)


def test_a_data_set_that_was_given_up_while_it_was_made_is_not_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = two_sources(tmp_path)
    out, run = tmp_path / "out", generating.run
    before = dict[str, str]()

    def overtaken(*given: Any, **others: Any) -> Any:
        monkeypatch.setattr(generating, "run", run)
        summary = run(*given, **others)
        made(theirs, out, SHORT, new=True)
        before.update(digests(out))
        return summary

    monkeypatch.setattr(generating, "run", overtaken)
    with pytest.raises(SettingError, match=r"changed: a\.wav"):
        made(ours, out, SHORT)
    assert digests(out) == before != {}


@pytest.mark.parametrize("lost", ["*.parquet", "*.json", "*"])
def test_rendered_clips_that_were_lost_are_made_again(
    tmp_path: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the shards are joined, and while: the next run goes on."""
    for name in "ab":
        write(tmp_path / "in" / f"{name}.wav", guitar(1.2, channels=1, seed=ord(name)))
    out, run = tmp_path / "out", generating.run
    clips = out / ".morphsep" / "clips"

    def removed(*given: Any, **others: Any) -> Any:
        summary = run(*given, **others)
        for file in sorted(clips.glob(f"*/{lost}"))[: 2 if lost == "*" else 1]:
            file.unlink()
        return summary

    monkeypatch.setattr(generating, "run", removed)
    with pytest.raises(OSError, match="clips were removed"):
        made(tmp_path / "in", out, SHORT)
    assert list(clips.glob("*/*.parquet"))  # one is left
    monkeypatch.undo()
    assert made(tmp_path / "in", out, SHORT).exit_code == 0
    made(tmp_path / "in", tmp_path / "undisturbed", SHORT)
    assert digests(out) == digests(tmp_path / "undisturbed")
