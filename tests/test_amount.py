from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.errors import SettingError
from morphsep.request.amount import Curve, parse_amount, parse_time


def test_a_number_is_that_amount_everywhere() -> None:
    curve = parse_amount("0.6")
    assert curve.is_constant
    np.testing.assert_array_equal(curve.at(123, 4), np.full(4, 0.6, np.float32))


def test_points_are_joined_by_straight_lines_and_held_at_the_ends() -> None:
    curve = parse_amount("0:01=0 0:03=1 1:00:00=0.5")
    got = [float(curve.at(round(s * 44100), 1)[0]) for s in (0, 1, 2, 3, 3600, 4000)]
    assert got == pytest.approx([0, 0, 0.5, 1, 0.5, 0.5])


@given(st.integers(-1000, 400_000), st.integers(1, 5000), st.integers(0, 5000))
def test_any_cut_of_a_curve_gives_the_same_values(start: int, length: int, cut: int) -> None:
    curve, cut = parse_amount("0=0.1 2=0.9 2.5=0 7=1"), min(cut, length)
    parts = [curve.at(start, cut), curve.at(start + cut, length - cut)]
    np.testing.assert_array_equal(np.concatenate(parts), curve.at(start, length))


def test_a_csv_file_is_a_curve(tmp_path: Path) -> None:
    path = tmp_path / "kürve.csv"
    path.write_text("time,amount\n0:00,0\n0:05,1\n")
    assert parse_amount(str(path)) == parse_amount("0:00=0 0:05=1")


@pytest.mark.parametrize(
    "text", ["time;amount\n0:00;0\n0:05;0,5\n", "# mine\nTime\tAmount\n0:00\t0\n0:05\t0.5\n\t\n",
             "0:00;0,0\n0:05;0,5\n", 'time,amount\n0:00,0\n"0:05","0,5"\n,\n'],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_curve_from_a_spreadsheet(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(text, encoding)
    assert parse_amount(str(path)) == parse_amount("0:00=0 0:05=0.5")


def test_a_comma_in_a_number_is_a_decimal_comma_and_else_stands_between_points() -> None:
    assert parse_amount("0,6") == parse_amount("0.6")
    assert parse_amount("0:00=0,2 0:05,5=0,75") == parse_amount("0:00=0.2 0:05.5=0.75")
    assert parse_amount("0=0,5=1") == parse_amount("0=0, 5=1") == parse_amount("0=0 5=1")


def test_zero_means_zero_throughout() -> None:
    assert parse_amount("0").is_zero
    assert parse_amount("0=0 5=0").is_zero
    assert not parse_amount("0=0 5=0.01").is_zero


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.1", "between 0 and 1"),
        ("-0.1", "between 0 and 1"),
        ("nan", "between 0 and 1"),
        ("loud", "not an amount"),
        ("", "not an amount"),
        ("0:05=1 0:01=0", "increase"),
        ("0:05=1 0:05=0", "increase"),
        ("x=1", "not a time"),
        ("missing.csv", "cannot be read"),
    ],
)
def test_a_bad_amount_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        parse_amount(text)


def test_times() -> None:
    assert [parse_time(t) for t in ("5", "0:05.5", "2:01:00")] == [5, 5.5, 7260]


def test_text_and_back() -> None:
    assert str(parse_amount("0.60")) == "0.6"
    assert str(Curve(((0, 0.0), (10, 1.0)))) == "0=0.0 10=1.0"
