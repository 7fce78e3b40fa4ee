"""The table of what was rendered: what is written is read, what cannot be is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morphsep.errors import SettingError
from morphsep.evaluation.sounds import TABLE, Sound, read_sounds, write_sounds
from morphsep.storage import Location, location

A = Sound(item="x", transition="t", source="s", role="a", amount=0.0, path="x/a.flac")
B = replace(A, role="b", amount=1.0, path="x/b.flac")
TRUTH = replace(A, role="truth", amount=0.5, path="x/true.flac")
MORPH = replace(A, role="morph", backend="spectral", amount=0.5, path="x/m.flac")
ALL = [A, B, MORPH, TRUTH]


def test_what_is_written_is_read(place: Location) -> None:
    write_sounds(place, ALL)
    assert sorted(read_sounds(place), key=Sound.key) == sorted(ALL, key=Sound.key)


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for name, rows in (("one", ALL), ("two", ALL[::-1])):
        write_sounds(location(tmp_path / name), rows)
    assert (tmp_path / "one" / TABLE).read_bytes() == (tmp_path / "two" / TABLE).read_bytes()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ALL, MORPH], "2 rows"),
        ([A, MORPH], "lacks an end"),
        ([*ALL, replace(TRUTH, amount=0.7, transition="u")], "several transitions"),
        ([*ALL, replace(TRUTH, amount=0.7, source="u")], "several transitions or sources"),
        ([A, replace(B, amount=0.9)], "amount of end b is 1"),
        ([*ALL, replace(MORPH, amount=1.5)], "within 0"),
        ([*ALL, replace(MORPH, amount=float("nan"))], "within 0"),
        ([*ALL, replace(MORPH, backend="")], "a morph has a backend"),
        ([*ALL, replace(TRUTH, amount=0.7, backend="chain")], "nothing else has one"),
        ([*ALL, replace(TRUTH, amount=0.7, path="")], "must not be empty"),
        ([*ALL, replace(TRUTH, role="reference")], "role must be one of"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path: Path, rows: list[Sound], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        write_sounds(location(tmp_path), rows)
    assert not (tmp_path / TABLE).exists()


def test_a_folder_without_the_table_is_refused(place: Location) -> None:
    with pytest.raises(SettingError, match="name the folder"):
        read_sounds(place)


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    write_sounds(location(tmp_path), ALL)
    (tmp_path / TABLE).write_bytes((tmp_path / TABLE).read_bytes()[:-20])
    with pytest.raises(SettingError, match="damaged"):
        read_sounds(location(tmp_path))


def test_a_table_of_another_version_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item": ["x"]}), tmp_path / TABLE)
    with pytest.raises(SettingError, match="another version"):
        read_sounds(location(tmp_path))
