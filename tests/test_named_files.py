"""Files that settings name: brought here from a bucket, carried to workers that do not see them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from morphsep.errors import SettingError
from morphsep.morphing.recipe import Recipe, build
from morphsep.morphing.settling import forget, settle
from morphsep.pipelines import REPROCESS
from morphsep.request import named_files, packed_files
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors.executor import get_executor
from morphsep.run.executors.step import Pool, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.storage.files import temporary_beside
from morphsep.storage.locations import Location, location
from tests import songs
from tests.checkpoints import write_htdemucs
from tests.guitarml_captures import write_capture
from tests.object_store import ObjectStore

CHAIN = """name: my room
pedals:
  - Drive: {drive_db: 12.5}
  - Convolution: {impulse_response_filename: %s, mix: 0.3}
"""
RIG = """name: my rig
pedals:
  - Capture: {capture_filename: knob.json, gain: 0.75}
"""
CAPTURE = {"receptive_field": 2, "bias": False}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "cache"))
    packed_files._unpacked.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file of each kind."""
    place = tmp_path / "mine"
    songs.write(place / "rooms" / "ir.wav", songs.guitar(0.3, channels=1), subtype="FLOAT")
    (place / "room.yaml").write_text(CHAIN % "rooms/ir.wav")
    (place / "curve.csv").write_text("time,amount\n0,0.25\n0:04,0.75\n")
    songs.write(place / "take.wav", songs.guitar(2.0, seed=3) ** 3)
    capture = {"architecture": "Linear", "config": CAPTURE, "weights": [0.5, 0.25]}
    (place / "amp.nam").write_text(json.dumps(capture))
    write_capture(place / "knob.json")
    (place / "rig.yaml").write_text(RIG)
    (place / "adapter" / "both").mkdir(parents=True)
    for name in ("adapter.json", "both/x.safetensors"):
        (place / "adapter" / name).write_text(name)
    return place


@pytest.fixture
def bucket(store: ObjectStore, tmp_path: Path, folder: Path) -> Location:
    """The same in a bucket."""
    place = location(store.url(tmp_path.name)) / "mine"
    for path in folder.rglob("*.*"):
        if path.is_file():
            (place / path.relative_to(folder).as_posix()).write_bytes(path.read_bytes())
    return place


@pytest.fixture
def carried(place: Location) -> Location:
    """Where the driver puts the copies."""
    return place / "work" / "files"


def prints(recipe: Recipe) -> tuple[object, ...]:
    return recipe.source.fingerprint(), recipe.target.fingerprint(), str(recipe.curve)


def some(place: object) -> list[Any]:
    """Settings that name every kind of file, as far as what plays them is installed."""
    files = make_settings(
        to=f"{place}/room.yaml", amount=f"{place}/curve.csv", from_=f"{place}/take.wav",
        separator="none", uniform=False,
    )  # fmt: skip
    knobs = make_settings(
        to=f"{place}/knob.json@gain=0.25", from_=f"{place}/rig.yaml", separator="none"
    )
    capture = make_settings(to=f"{place}/amp.nam", separator="none")
    return [files, knobs, capture] if find_spec("nam") else [files, knobs]


def test_workers_need_not_see_the_drivers_files(
    tmp_path: Path, folder: Path, carried: Location
) -> None:
    many = some(folder)
    there = [prints(build(settings)) for settings in many]
    packed = packed_files.pack(many, carried)
    assert packed_files.pack(many, carried) == packed, "what is there stays"
    assert len(packed) == 3 + len(many)
    folder.rename(tmp_path / "elsewhere")
    forget()
    for settings, wanted in zip(many, there, strict=True):
        places = packed_files.unpack(settings, packed, carried)
        recipe = build(settings, places)
        assert prints(recipe) == wanted
        assert recipe.settings == settings, "the manifest says what the user wrote"
        assert Path(recipe.target.name).stem in ("my room", "knob@gain=0", "amp")
    forget()


@pytest.mark.parametrize("how", ["../mine/rooms/ir.wav", "absolute"])
def test_a_chains_own_files_come_along_from_anywhere(
    tmp_path: Path, folder: Path, carried: Location, how: str
) -> None:
    ir = str(folder / "rooms/ir.wav") if how == "absolute" else how
    (folder / "room.yaml").write_text(CHAIN % ir)
    settings = make_settings(to=str(folder / "room.yaml"), separator="none")
    wanted = prints(build(settings))
    packed = packed_files.pack([settings], carried)
    folder.rename(tmp_path / "elsewhere")
    forget()
    assert prints(build(settings, packed_files.unpack(settings, packed, carried))) == wanted
    forget()


def test_an_adapter_is_a_folder(folder: Path, carried: Location) -> None:
    options = (("adapter", str(folder / "adapter")), ("negative_prompt", "x"), ("weights", "a/b"))
    settings = make_settings(to="fuzz", options=options)
    packed = packed_files.pack([settings], carried)
    assert list(packed) == [str(folder / "adapter")], "no checkpoint, no name of a tone"
    here = named_files.with_local_files(settings, packed_files.unpack(settings, packed, carried))
    (adapter,) = [Path(value) for name, value in here.options if name == "adapter"]
    assert here.options[1:] == options[1:]
    assert (adapter / "both/x.safetensors").read_text() == "both/x.safetensors"
    assert adapter != folder / "adapter"


def test_names_travel_as_they_are(
    carried: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("fuzz", "0.5"):  # names of tones and amounts, not of what lies here by chance
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    curve = " ".join(f"0:{second:02}=0.{second}" for second in range(60))
    for amount in ("0.5", curve):
        settings = make_settings(to="fuzz", from_="clean", amount=amount)
        assert packed_files.pack([settings], carried) == {}
        assert named_files.with_local_files(settings) is settings


def test_a_copy_that_is_not_what_it_was_is_refused(folder: Path, carried: Location) -> None:
    settings = make_settings(to=str(folder / "room.yaml"))
    packed = packed_files.pack([settings], carried)
    (carried / packed[str(folder / "room.yaml")]).write_bytes(b"pedals: []")
    with pytest.raises(SettingError, match=r"room\.yaml in .* is missing or was changed"):
        packed_files.unpack(settings, packed, carried)


def test_what_a_killed_process_left_half_written_is_not_counted(
    folder: Path, carried: Location, tmp_path: Path
) -> None:
    """In the node's copies (of a bucket), in the driver's (on a disk), in the user's own folder."""
    options = (("adapter", str(folder / "adapter")),)
    settings = make_settings(to=str(folder / "room.yaml"), options=options)
    half = temporary_beside(folder / "adapter" / "x")
    half.write_bytes(b"half")
    packed = packed_files.pack([settings], carried)
    half.unlink()
    assert packed_files.pack([settings], carried) == packed
    copies = carried.path if carried.is_local else tmp_path / "cache" / "remote"
    for name in packed.values():
        temporary_beside(copies / name).parent.mkdir(parents=True, exist_ok=True)
        temporary_beside(copies / name).write_bytes(b"half")
    there = dict(packed_files.unpack(settings, packed, carried))
    assert Path(there[settings.to]).read_text().startswith("name: my room")


def test_a_bucket_holds_them_all(bucket: Location, folder: Path, store: ObjectStore) -> None:
    assert [prints(build(s)) for s in some(bucket)] == [prints(build(s)) for s in some(folder)]

    def read() -> int:
        return len([line for line in store.requests() if "GET" in line and "mine/" in line])

    before = read()
    forget()
    for settings in some(bucket):
        build(settings)
    assert read() == before, "copied here once"
    adapter = make_settings(to="fuzz", options=(("adapter", str(bucket / "adapter")),))
    ((_, here),) = named_files.with_local_files(adapter).options
    assert (Path(here) / "both/x.safetensors").read_text() == "both/x.safetensors"
    forget()


def test_what_is_not_in_the_bucket_is_said(bucket: Location) -> None:
    for name in ("no.yaml", "no.wav", "no.nam", "no.json"):
        with pytest.raises(SettingError, match=f"nothing at {bucket / name}"):
            build(make_settings(to=str(bucket / name)))
    with pytest.raises(SettingError, match="nothing at"):
        build(make_settings(to="fuzz", amount=str(bucket / "no.csv")))


def test_one_stem_is_the_same_file_wherever_a_worker_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs.song(tmp_path, 2.0, name="so{ng}.wav")
    monkeypatch.chdir(tmp_path)
    settings = make_settings(to="fuzz", stem="so{{ng}}.guitar.wav")
    jobs = settle_jobs(collect(["so{ng}.wav"], tmp_path / "out", settings))
    assert jobs[0].settings.stem == f"{tmp_path}/so{{{{ng}}}}.guitar.wav"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert [row.status for row in run(jobs, tmp_path / "out", REPROCESS).done] == ["ok"]
    pattern = make_settings(to="fuzz", stem="{stem}.guitar.wav")
    assert (
        settle_jobs(collect([f"{tmp_path}/so{{ng}}.wav"], "out", pattern))[0].settings
        == (settle(pattern)[0])
    )
    assert settle(pattern)[0].stem == pattern.stem


def test_a_run_with_everything_in_a_bucket(bucket: Location, folder: Path, tmp_path: Path) -> None:
    model = write_htdemucs(tmp_path / "model", kind="safetensors")
    for path in model.iterdir():
        (bucket / "model" / path.name).write_bytes(path.read_bytes())
    songs.song(tmp_path / "in", 6.0)
    (tmp_path / "in" / "song.guitar.wav").unlink()
    hashes = []
    for place, weights in ((bucket, bucket / "model"), (folder, model)):
        settings = make_settings(
            to=f"{place}/room.yaml",
            amount=f"{place}/curve.csv",
            separator=f"demucs:{weights}",
            uniform=False,
        )
        out = tmp_path / f"out-{len(hashes)}"
        (row,) = run(
            settle_jobs(collect([str(tmp_path / "in")], out, settings)), out, REPROCESS
        ).done
        hashes.append(row.output_hash)
    assert hashes[0] == hashes[1]
    assert json.loads(row.settings or "")["to"] == f"{folder}/room.yaml"


@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
@pytest.mark.usefixtures("cluster")
def test_ray_workers_that_see_neither_files_nor_folder(
    bucket: Location, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is renamed when the plan is made; tone and checkpoint of one row in a bucket."""
    model = write_htdemucs(tmp_path / "model", kind="safetensors")
    for path in model.iterdir():
        (bucket / "model" / path.name).write_bytes(path.read_bytes())
    songs.write(tmp_path / "in" / "a.wav", songs.guitar(5.0) + songs.backing(5.0))
    rows = [
        "path,output,to,amount,separator",
        "in/a.wav,1.wav,mine/room.yaml,mine/curve.csv,none",
        "in/a.wav,2.wav,mine/take.wav,0.5,none",
        f"in/a.wav,3.wav,{bucket}/room.yaml,{bucket}/curve.csv,demucs:{bucket}/model",
    ]
    (tmp_path / "list.csv").write_text("\n".join(rows))

    def ray_without_them(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        folder.rename(tmp_path / "elsewhere")
        shutil.rmtree(tmp_path / "cache")
        return get_executor("ray")(steps, records, pool)

    hashes = []
    for executor in ("local", "ray"):
        out = tmp_path / executor
        if executor == "ray":
            monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: ray_without_them)
        jobs = settle_jobs(collect([str(tmp_path / "list.csv")], out, make_settings(uniform=False)))
        pool = Pool(max_workers=1)
        summary = run(jobs, out, REPROCESS, executor=executor, pool=pool)
        assert [(row.track, row.message) for row in summary.failed] == []
        hashes.append({row.track: row.output_hash for row in summary.done})
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 3
    assert not list((tmp_path / "ray/.morphsep/files").rglob("*.*"))
