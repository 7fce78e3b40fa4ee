"""What a plan says, and how little of what lies in a bucket it reads for that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from morphsep import audio
from morphsep.audio import foreign
from morphsep.audio.containers import mpeg
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run import estimate
from morphsep.storage.locations import Location, location
from tests import songs
from tests.object_store import ObjectStore

SECONDS = 60.0
LAYOUTS = {
    "a.wav": ("WAV", "PCM_24"), "b.flac": ("FLAC", "PCM_16"), "c.aiff": ("AIFF", "PCM_16"),
    "d.w64": ("W64", "PCM_16"), "e.caf": ("CAF", "FLOAT"), "f.ogg": ("OGG", "VORBIS"),
    "g.mp3": ("MP3", "MPEG_LAYER_III"), "h.opus": ("OGG", "OPUS"),
}  # fmt: skip
FEW = 9 << 16
"""Bytes: a few blocks from the beginning, and some from the end."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs of every kind; mp3 once more behind a large tag and without a promise of its length."""
    place = tmp_path_factory.mktemp("plan") / "in"
    place.mkdir()
    sound = songs.guitar(SECONDS, 48000) + songs.backing(SECONDS, 48000)
    for name, (container, subtype) in LAYOUTS.items():
        kind = {"subtype": subtype, "format": container}
        with soundfile.SoundFile(place / name, "w", 48000, 2, **kind) as file:
            for start in range(0, sound.shape[1], 48000):  # libsndfile's Vorbis dies of more
                file.write(sound[:, start : start + 48000].T)
    plain = (place / "g.mp3").read_bytes()
    first = plain.index(b"\xff\xfb")
    frame = mpeg.parse(plain[first : first + 4])
    assert frame is not None
    picture = b"\0" * 300_000
    size = bytes(len(picture) >> shift & 0x7F for shift in (21, 14, 7, 0))
    tagged = b"ID3\x04\0\0" + size + picture + plain[first + frame.length :]
    (place / "i tagged.mp3").write_bytes(tagged)
    (place / "j broken.wav").write_bytes(b"no audio at all")
    (place / "k cut.wav").write_bytes((place / "a.wav").read_bytes()[:1_000_000])
    (place / "l empty.wav").write_bytes(b"")
    return place


@pytest.fixture(scope="module")
def filled(server: ObjectStore, folder: Path) -> Location:
    with server.used():
        place = location(server.url("estimate-in"))
        for path in folder.iterdir():
            (place / path.name).write_bytes(path.read_bytes())
    return place


@pytest.fixture
def bucket(store: ObjectStore, filled: Location) -> Location:
    return filled


def planned(inputs: object, out: Path) -> estimate.Plan:
    jobs = collect([str(inputs)], out, make_settings(to="fuzz", separator="none"))
    found = estimate.plan(jobs, out)
    return replace(found, problems=[text.replace(str(inputs), "") for text in found.problems])


def test_a_plan_of_a_bucket_reads_headers_only(
    folder: Path, bucket: Location, store: ObjectStore, tmp_path: Path
) -> None:
    here = planned(folder, tmp_path / "out")
    before = store.sent()
    there = planned(bucket, tmp_path / "out")
    read = store.sent() - before
    assert read < len(LAYOUTS) * FEW
    assert read < sum(path.stat().st_size for path in folder.iterdir()) / 20
    assert (there.files, there.readable) == (here.files, here.readable) == (12, 9)
    assert here.hours == pytest.approx(9 * SECONDS / 3600, rel=1e-3)
    assert there.hours == pytest.approx(here.hours, rel=0.03), "one of them is guessed"
    assert there.disk_gb == pytest.approx(here.disk_gb, rel=0.03)
    assert there.sections == here.sections
    for a, b in zip(here.problems, there.problems, strict=True):
        assert a == b


@pytest.mark.parametrize("name", [*LAYOUTS, "i tagged.mp3"])
def test_a_header_over_there_is_the_header_here(
    folder: Path, bucket: Location, store: ObjectStore, name: str
) -> None:
    before = store.sent()
    with (bucket / name).open_header() as file:
        there = audio.probe_open(file, str(folder / name))
    assert store.sent() - before <= FEW, "bytes"
    here = audio.probe(str(folder / name))
    assert replace(there, num_samples=0) == replace(here, num_samples=0)
    exact = not name.endswith("tagged.mp3")
    assert there.num_samples == pytest.approx(here.num_samples, rel=0 if exact else 0.2)


def test_what_is_gone_is_a_problem(bucket: Location, tmp_path: Path) -> None:
    settings = make_settings(to="fuzz", separator="none")
    jobs = collect([str(bucket / "no.wav")], tmp_path, settings)
    assert "no such object" in estimate.plan(jobs, tmp_path).problems[0]


@pytest.mark.parametrize(("name", "sign"), [("x.wv", b"wvpk"), ("x.tta", b"TTA1")])
def test_what_only_ffmpeg_reads_is_there_all_the_same(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sign: bytes
) -> None:
    monkeypatch.setattr(foreign, "has_ffmpeg", lambda: True)
    place = location(store.url("estimate-ffmpeg")) / name
    block = sign + (65_528).to_bytes(4, "little") + bytes(65_528)
    place.write_bytes(block * 50)
    jobs = collect([str(place)], tmp_path, make_settings(to="fuzz", separator="none"))
    before = store.sent()
    found = estimate.plan(jobs, tmp_path)
    assert store.sent() - before <= FEW, "bytes"
    assert (found.readable, found.of_unknown_length, found.hours, found.problems) == (1, 1, 0, [])
    assert "besides   1 file is not in these sums" in "\n".join(found.lines())
