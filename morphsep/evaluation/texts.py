"""Texts of reports, shown as they are whatever they hold; and how Markdown is told so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A name as programs write it."""

    text: str


Text = str | tuple[str | Code, ...]
"""Some words."""


def parts(text: Text) -> tuple[str | Code, ...]:
    """What a text consists of."""
    return (text,) if isinstance(text, str) else text


def joined(separator: str, texts: Iterable[Text]) -> Text:
    """One text of several."""
    found = [part for text in texts for part in (separator, *parts(text))]
    return tuple(found[1:])


def markdown(text: Text) -> str:
    """One line that Markdown shows as it is: nothing in it is a mark, a link or HTML. Not for code
    in cells of tables.

    >>> print(markdown(("[as_recorded](x) by ", Code("chain"))))
    \\[as_recorded\\](x) by `chain`
    """
    written = (_code(part.text) if isinstance(part, Code) else _plain(part) for part in parts(text))
    return _BLOCK.sub(r"\1\\", "".join(written).strip())


_SPECIAL = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*[]#"}
    # as entities: not all Markdown knows a backslash before these
    | {mark: f"&#{ord(mark)};" for mark in "|~$"}
    | {"&": "&amp;", "<": "&lt;"}
)
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""One that does not stand within a word, where it is no mark."""
_ADDRESS = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
"""What makes a link of plain text."""
_BLOCK = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=>|[-+](?![\w.])))")
"""Where a line would be a list, a quotation or a rule."""
_SPACE = re.compile(r"\s+")


def _plain(text: str) -> str:
    line = _SPACE.sub(" ", text).translate(_SPECIAL)
    line = _UNDERSCORE.sub(r"\_", line)
    return _ADDRESS.sub(lambda mark: f"&#{ord(mark[0])};", line)


def _code(text: str) -> str:
    line = _SPACE.sub(" ", text).strip()
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    room = " " if "`" in line[:1] + line[-1:] else ""
    return f"{fence}{room}{line}{room}{fence}"
