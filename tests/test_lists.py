"""Lists as users have them: from spreadsheets, data sets, other programs."""

from __future__ import annotations

import codecs
import datetime
import io
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from morphsep import manifest
from morphsep.errors import SettingError
from morphsep.pipelines import REPROCESS
from morphsep.request.amount import parse_amount
from morphsep.request.delimited import SEPARATORS, read_delimited
from morphsep.request.inputs import collect
from morphsep.request.job import Command, Job
from morphsep.request.list_files import LISTS
from morphsep.request.settings import Settings
from morphsep.run import run, settle_jobs, verify
from morphsep.storage import location, packed_name
from tests import songs

SETTINGS = Settings(to="distortion")


def jobs_of(
    path: Path, settings: Settings = SETTINGS, command: Command = "morph"
) -> dict[str, Job]:
    jobs = collect([str(path)], path.parent / "out", settings, command)
    return {job.track: job for job in jobs}


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_a_csv_list_sets_things_per_row(tmp_path: Path) -> None:
    path = written(
        tmp_path / "list.csv", "path,to,amount,output\na.wav,fuzz,0.3,\nd/b.wav,,,deep/c.wav\n"
    )
    jobs = jobs_of(path)
    assert {t: (j.settings.to, j.settings.amount) for t, j in jobs.items()} == {
        "a.wav": ("fuzz", "0.3"), "deep/c.wav": ("distortion", "1"),
    }  # fmt: skip
    assert {job.list_columns for job in jobs.values()} == {None}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_spreadsheets_write_is_read(
    tmp_path: Path, separator: str, encoding: str, newline: str
) -> None:
    lines = [
        ["path", " Amount ", "TO", "Stem"],
        ["ü 🎸.wav", '"0,4"' if separator == "," else "0,4", "fuzz", ""],
        ["", "", "", ""],
        ["b.wav", "", "", " b.guitar.wav "],
        ["", "", "", ""],
    ]
    text = newline.join(separator.join(cells) for cells in lines)
    jobs = jobs_of(written(tmp_path / "list.csv", text, encoding))
    assert list(jobs) == ["b.wav", "ü 🎸.wav"]
    assert jobs["ü 🎸.wav"].settings.to == "fuzz"
    assert jobs["b.wav"].settings.stem == str(tmp_path / "b.guitar.wav")
    assert parse_amount(jobs["ü 🎸.wav"].settings.amount).points == ((0, 0.4),)


def test_a_spreadsheets_own_first_line_says_what_separates(tmp_path: Path) -> None:
    assert list(jobs_of(written(tmp_path / "l.csv", "sep=;\r\npath;to\r\na.wav;fuzz\r\n"))) == [
        "a.wav"
    ]
    with pytest.raises(SettingError, match="line 3 has 3 cells"):
        jobs_of(written(tmp_path / "l.csv", "sep=;\npath;to\na.wav;fuzz;x\n"))


@pytest.mark.parametrize("extension", LISTS)
def test_columns_that_mean_nothing_are_kept_and_named_once(
    tmp_path: Path, extension: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"list.{extension}"
    rows = [{"path": "a.wav", "ID": "007", "ammount": "x"}, {"path": "b.wav", "ID": "ü,2"}]
    if extension == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif extension == "jsonl":
        written(path, "".join(json.dumps(row) + "\n" for row in rows))
    else:
        written(path, 'path,ID,ammount\na.wav,007,x\nb.wav,"ü,2",\n')
    with caplog.at_level(logging.WARNING):
        jobs = jobs_of(path)
    a, b = (json.loads(jobs[name].list_columns or "") for name in ("a.wav", "b.wav"))
    assert a == {"ID": "007", "ammount": "x"}
    assert b["ID"] == "ü,2"
    (note,) = caplog.messages
    assert "ID, ammount (did you mean amount?)" in note


def test_users_get_their_ids_back_from_the_manifest(tmp_path: Path) -> None:
    songs.write(tmp_path / "a.wav", songs.guitar(0.3))
    path = written(tmp_path / "list.csv", "id;path;to\n0017;a.wav;fuzz\n1;gone.wav;fuzz\n")
    out = tmp_path / "out"
    jobs = settle_jobs(collect([str(path)], out, Settings(separator="none")))
    run(jobs, out, REPROCESS, executor="local")
    rows = {row.track: row for row in manifest.read_tracks(out)}
    assert {t: (r.status, json.loads(r.list_columns or "")) for t, r in rows.items()} == {
        "a.wav": ("ok", {"id": "0017"}), "gone.wav": ("failed", {"id": "1"}),
    }  # fmt: skip


PATHS = ["a.wav", "ü.wav"]
SOUND = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.mark.parametrize(
    "column",
    [
        pa.array(PATHS, pa.large_string()),
        pa.array([path.encode() for path in PATHS], pa.binary()),
        pa.array([path.encode() for path in PATHS], pa.large_binary()),
        pa.array(PATHS).dictionary_encode(),
        pa.array([{"bytes": None, "path": path} for path in PATHS], SOUND),
        pa.array([{"path": path} for path in PATHS], pa.struct([("path", pa.string())])),
    ],
    ids=lambda column: str(column.type),
)
@pytest.mark.parametrize("name", ["path", "Audio"])
def test_paths_of_any_arrow_type(tmp_path: Path, column: pa.Array, name: str) -> None:
    path = tmp_path / "list.parquet"
    ids = [b"x", b"y"]
    pq.write_table(pa.table({name: column, "id": ids, "amount": [0.5, None]}), path)
    jobs = jobs_of(path)
    assert sorted(jobs) == PATHS
    assert jobs["a.wav"].settings.amount == "0.5"
    assert [json.loads(jobs[p].list_columns or "") for p in PATHS] == [{"id": "x"}, {"id": "y"}]


def data_set(path: Path, cells: list[dict[str, object] | None], **columns: list[object]) -> Path:
    """A Parquet file as data sets are, in groups of two rows."""
    table = pa.table({"audio": pa.array(cells, SOUND), **columns})
    pq.write_table(table, path, row_group_size=2)
    return path


def sound_bytes(name: str, seed: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(seed).standard_normal(4_000) * 0.1
    soundfile.write(file, noise, 8_000, format=name.rpartition(".")[2].upper())
    return file.getvalue()


def test_sound_that_lies_in_a_data_set_is_done(tmp_path: Path) -> None:
    names = ["a.wav", "cds/b.flac", "/elsewhere/c.wav", None, "a.wav", "on_disk.wav"]
    sounds = [sound_bytes(name or "x.wav", seed) for seed, name in enumerate(names)]
    (tmp_path / "on_disk.wav").write_bytes(sounds[5])
    cells = [
        {"bytes": data if name != "on_disk.wav" else None, "path": name}
        for name, data in zip(names, sounds, strict=True)
    ]
    path = data_set(tmp_path / "list.parquet", [*cells, None], speaker=[*list("abcdef"), None])
    out = tmp_path / "out"
    settings = Settings(separator="none", uniform=False)
    jobs = collect([str(path)], out, replace(settings, to="fuzz"))
    assert not any(job.refusal for job in jobs)
    assert run(jobs, out, REPROCESS).exit_code == 0
    rows = {row.track: row for row in manifest.read_tracks(out)}
    assert sorted(rows) == ["a.wav", "a.wav.wav", "c.wav", "cds/b.flac", "on_disk.wav", "row 4"]
    assert {row.status for row in rows.values()} == {"ok"}
    assert json.loads(rows["cds/b.flac"].list_columns or "") == {"speaker": "b"}
    digests = [location(rows[track].input).stamp() for track in ("a.wav", "cds/b.flac")]
    assert digests[0] == digests[1] == location(path).stamp()
    hashes = {rows[track].content_hash for track in rows}
    assert len(hashes) == 6  # no two are the same
    assert not verify(out)[1]
    again = run(collect([str(path)], out, replace(settings, to="fuzz")), out, REPROCESS)
    assert not again.done


def test_a_data_set_whose_files_are_there_is_read_from_them(tmp_path: Path) -> None:
    path = data_set(tmp_path / "list.parquet", [{"bytes": b"RIFF", "path": "a.wav"}])
    assert [job.path.partition("://")[0] for job in jobs_of(path).values()] == ["parquet"]
    (tmp_path / "a.wav").touch()
    assert [job.path for job in jobs_of(path).values()] == [str(tmp_path / "a.wav")]


@pytest.mark.parametrize("statistics", [True, False])
def test_rows_that_hold_nothing_and_name_nothing(tmp_path: Path, statistics: bool) -> None:
    path = tmp_path / "list.parquet"
    cells = [{"bytes": b"x", "path": "a.wav"}, {"bytes": None, "path": None}, None]
    table = pa.table({"audio": pa.array(cells, SOUND), "id": [1, 2, 3]})
    pq.write_table(table, path, write_statistics=statistics)
    with pytest.raises(SettingError, match="row 2 has no path"):
        jobs_of(path)


def test_what_lies_in_a_list_is_only_read(tmp_path: Path) -> None:
    path = data_set(tmp_path / "list.parquet", [{"bytes": b"abc", "path": "a.wav"}] * 3)
    cell = location(packed_name(str(path), "audio.bytes", 2, "a.wav"))
    assert (cell.name, cell.exists(), cell.size(), cell.is_local) == ("a.wav", True, 3, False)
    assert cell.read_bytes() == b"abc" == cell.open().read() == cell.open_header().read()
    with cell.reading() as copy:
        assert (copy.name, copy.read_bytes()) == ("a.wav", b"abc")
    for act in (lambda: cell.write_bytes(b""), cell.remove, cell.remove_tree,
                lambda: cell.create_json(1), cell.writing().__enter__):  # fmt: skip
        with pytest.raises(SettingError, match="only read"):
            act()
    for column, row in (("audio.bytes", 3), ("image.bytes", 0)):
        with pytest.raises((FileNotFoundError, SettingError), match=r"list\.parquet"):
            location(packed_name(str(path), column, row, "a.wav")).read_bytes()
    assert not location(packed_name(f"{path}x", "audio.bytes", 0, "a.wav")).exists()
    with pytest.raises(SettingError, match="name a cell"):
        location("parquet:///x").read_bytes()


def test_a_data_frames_index_and_missing_values_do_no_harm(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"path": ["a.wav", "b.wav"], "amount": [0.5, float("nan")]}, [4, 5])
    frame.to_parquet(tmp_path / "list.parquet")
    assert {t: j.settings.amount for t, j in jobs_of(tmp_path / "list.parquet").items()} == {
        "a.wav": "0.5", "b.wav": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("path,to\n", "has no rows"),
        ("path,to\n,,\n", "has no rows"),
        ("a.wav;0,4\nb.wav;1\n", r"no column path. The first line .* it is: a.wav, 0,4"),
        ("to\nfuzz\n", "no column path"),
        ("path,to\na.wav,fuzz\n,fuzz\n", "line 3 has no path"),
        ("path,amount\na.wav,0,4\n", 'line 2 has 3 cells.*"0,5", has to be in quotes'),
        ("path,Path\na.wav,b.wav\n", "two columns path"),
        ("path,id,id\na.wav,1,2\n", "names id twice"),
        ("path,to,transition\na.wav,fuzz,clean-to-distortion\n", "line 2: a transition names both"),
        ('path,to\n"a.wav,fuzz\n', "no column|has no|changes nothing|unexpected end"),
    ],
)
def test_a_bad_list_says_what_is_wrong_and_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingError, match=says) as caught:
        jobs_of(written(tmp_path / "list.csv", text), Settings())
    assert "list.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [('{"path": "a.wav"}\n[1]\n', "line 2 is no JSON object"), ("[" * 100_000, "line 1 is no JSON"),
     ('{"path": "a.wav"}\n\n{"to": "fuzz"}\n', "line 3 has no path"), ("{", "line 1 is no JSON")],
)  # fmt: skip
def test_bad_json_lines_say_which(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        jobs_of(written(tmp_path / "list.jsonl", text))


def test_a_list_in_an_old_encoding_says_how_to_save_it(tmp_path: Path) -> None:
    path = written(tmp_path / "list.csv", "path\na.wav\nMötley.wav\n", "cp1252")
    with pytest.raises(SettingError, match=r"line 3 is not UTF-8.*CSV UTF-8"):
        jobs_of(path)


@pytest.mark.parametrize(
    ("header", "row"),
    [("path", "b.wav"), ("path,amount", "b.wav,0.5"), ("path,to", "b.wav,"),
     ("path,to,from", "b.wav,as-recorded,as-recorded"), ("path,stem", "b.wav,b.guitar.wav")],
)  # fmt: skip
def test_a_row_that_would_change_nothing_is_refused_before_the_run(
    tmp_path: Path, header: str, row: str
) -> None:
    path = written(tmp_path / "list.csv", f"{header}\n{row}\n")
    with pytest.raises(SettingError, match=r"list\.csv, line 2 changes nothing.*--to TONE"):
        jobs_of(path, Settings())
    assert len(jobs_of(path, Settings(), "separate")) == 1
    if "as-recorded" not in row:
        assert len(jobs_of(path, SETTINGS)) == 1


@pytest.mark.parametrize(
    ("output", "track"),
    [
        ("loud/", "loud/x.wav"),
        ("loud/deep/", "loud/deep/x.wav"),
        ("./", "x.wav"),
        ("Song feat. Someone", "Song feat. Someone.wav"),
        ("No. 9", "No. 9.wav"),
        ("take1", "take1.wav"),
        ("y.flac", "y.flac"),
        ("y.aif", "y.aif"),
        ("y.ogg", "y.ogg"),
        ("y.OGA", "y.OGA"),
    ],
)
def test_an_output_is_a_name_or_a_folder(tmp_path: Path, output: str, track: str) -> None:
    path = written(tmp_path / "list.csv", f"path,output\nd/x.wav,{output}\n")
    assert list(jobs_of(path)) == [track]


def test_an_output_of_a_lossy_input_is_named_by_what_is_written(tmp_path: Path) -> None:
    path = written(tmp_path / "list.csv", "path,output\nx.mp3,loud/\nx.mp3,take\nx.mp3,y.mp3\n")
    assert sorted(jobs_of(path)) == ["loud/x.mp3.flac", "take.flac", "y.flac"]


cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"]) | st.sampled_from(' ,;\t"'), max_size=8
).filter(lambda text: not text.lower().startswith("sep="))


@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=6), st.sampled_from(SEPARATORS))
def test_what_is_written_as_a_table_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], separator: str
) -> None:
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    lines = ["path" + separator + "to", *(separator.join(row) for row in quoted)]
    path = written(tmp_path_factory.mktemp("table") / "t.csv", "\n".join(lines))
    expected = [[cell.strip() for cell in row] for row in rows]
    for row in expected:
        while row and not row[-1]:
            row.pop()
    read = [line.cells for line in read_delimited(path, ["path", "to"])]
    assert read == [["path", "to"], *filter(None, expected)]


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda b: codecs.BOM_UTF16_LE + b))
def test_whatever_is_called_a_list_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("list")
    for extension in LISTS:
        path = folder / f"list.{extension}"
        path.write_bytes(data)
        with pytest.raises(SettingError):
            collect([str(path)], folder / "out", Settings())


def test_whatever_lies_in_an_unknown_column_ends_up_in_the_manifest(tmp_path: Path) -> None:
    songs.song(tmp_path, 1.0, name="a.wav")
    table = pa.table({
        "path": ["a.wav"],
        "raw": pa.array([b"\xff\xfe"], pa.binary()),
        "numbers": [[1.0, float("nan"), float("inf")]],
        "deep": [{"when": datetime.date(2026, 1, 2)}],
        "none": [None],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "list.parquet")
    line = '{"path": "a.wav", "half": "\\ud83d", "sure": true}'
    (tmp_path / "list.jsonl").write_text(line + "\n")
    expected = {
        "list.parquet": {
            "raw": "\\xff\\xfe", "numbers": [1.0, None, None],
            "deep": {"when": "2026-01-02"}, "none": None,
        },
        "list.jsonl": {"half": "\\ud83d", "sure": True},
    }  # fmt: skip
    for name, columns in expected.items():
        settings = Settings(to="chorus", separator="none", uniform=False)
        out = tmp_path / f"out of {name}"
        run(settle_jobs(collect([str(tmp_path / name)], out, settings)), out, REPROCESS)
        (row,) = manifest.read_tracks(out)
        assert row.status == "ok"
        assert json.loads(row.list_columns or "") == columns
