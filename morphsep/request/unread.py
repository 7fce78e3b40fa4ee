"""Files of kinds of sound that are not read: never passed over without being counted."""

from __future__ import annotations

from collections import Counter

from morphsep.request.extensions import extension


class Unread:
    """How many there were of each kind; false if there was none, a line as text."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Counts a file by the extension of its name."""
        self.kinds[f".{extension(name)}"] += 1

    def __bool__(self) -> bool:
        return bool(self.kinds)

    def __str__(self) -> str:
        number, kinds = self.kinds.total(), self.kinds.most_common()
        if not number:
            return ""
        files = "1 file of a kind that is" if number == 1 else f"{number} files of kinds that are"
        is_one = len(kinds) == 1
        named = ", ".join(kind if is_one else f"{kind} ({count})" for kind, count in kinds)
        return f"{files} not read: {named}"
