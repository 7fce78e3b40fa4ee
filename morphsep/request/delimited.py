"""Text tables as spreadsheets write them: commas, semicolons or tabs, in any Unicode encoding."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = ("\t", ";", ",")
"""In this order: a comma may be a decimal comma where there is one of the others."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)  # fmt: skip
"""Byte order marks and their encodings; the longer ones first, since one begins another."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table that holds anything."""

    number: int
    """From 1, of the line in the file that it begins in."""
    cells: list[str]
    """Without white space around them, and without empty ones at the end."""


def read_delimited(path: Path, columns: Collection[str]) -> list[Line]:
    """The lines of a text table, without those that are empty.

    Args:
        columns: names that its first line may hold, in lower case: they tell what separates cells.

    Raises:
        ValueError: it is no Unicode text, or no table.
        OSError: it cannot be read.
    """
    text = decode(path.read_bytes())
    first, _, rest = text.partition("\n")
    told = first.strip().lower().removeprefix("sep=")
    if first.lower().startswith("sep=") and len(told) == 1:  # a spreadsheet's own first line
        return list(_lines(rest, told, 1))
    return list(_lines(text, _separator(text, columns)))


def decode(data: bytes) -> str:
    """Text in UTF-8, -16 or -32.

    Raises:
        ValueError: it is none of these; the message says what to do.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and 0 in data[:2]:  # UTF-16 without a mark: a header is ASCII
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"line {line} is not {encoding.upper()} text; save it as UTF-8 "
            "(in a spreadsheet: CSV UTF-8)"
        ) from error


def _separator(text: str, columns: Collection[str]) -> str:
    """What separates cells: that by which most cells of the first line are names of columns."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def names(separator: str) -> int:
        cells = next(csv.reader([first], delimiter=separator), [])
        return sum(cell.strip().lower() in columns for cell in cells)

    return max(SEPARATORS, key=lambda each: (names(each), each in first))


def _lines(text: str, separator: str, before: int = 0) -> Iterator[Line]:
    """The lines that hold anything; `before` lines were taken off."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        begins = 1
        for found in reader:
            cells = [cell.strip() for cell in found]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield Line(before + begins, cells)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(str(error)) from error
