"""Records that wait for a worker, and which of them comes next."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Kind = int
"""Which kind of worker a step needs: its place in the list of kinds."""


@dataclass(eq=False, slots=True)
class Item:
    """A record on its way."""

    track: int
    """Which of the source's records it comes from."""
    at: int
    """The step that is next."""
    record: bytes
    losses: int = 0
    """Workers that died while they had it."""


class Waiting:
    """Records between steps, and the source of new ones.

    Those for the latest step come first, so that tracks are finished early and few are open.

    Args:
        kinds: for each step, the kind of worker that does it.
    """

    def __init__(self, source: Sequence[Any], kinds: Sequence[Kind]) -> None:
        self._source = iter(enumerate(source))
        self._kinds = kinds
        self._steps: list[OrderedDict[int, deque[Item]]] = [OrderedDict() for _ in kinds]
        self._numbers = [0] * len(kinds)
        """How many wait for each step."""
        self._alive: Counter[int] = Counter()
        """Records of each track that wait or are at work."""
        self._at_work: Counter[int] = Counter()
        self.not_begun = len(source)

    @property
    def open(self) -> int:
        """Tracks that have begun and have not ended."""
        return len(self._alive)

    def number(self, kind: Kind) -> int:
        """Records that workers of this kind could be given, the source's among them."""
        begun = sum(n for n, of in zip(self._numbers, self._kinds, strict=True) if of == kind)
        return begun + (self.not_begun if self._kinds[0] == kind else 0)

    def take(self, kind: Kind, most: int, may_open: bool) -> Item | None:
        """The next record for a worker of this kind; None if there is none.

        Args:
            most: records of one track at work, as long as others wait or have not begun.
            may_open: whether a new track may begin.
        """
        held_back: tuple[int, int] | None = None
        for at in reversed(range(len(self._kinds))):
            if self._kinds[at] != kind:
                continue
            for track in self._steps[at]:
                if self._at_work[track] < most:
                    return self._begun(self._pop(at, track))
                held_back = held_back or (at, track)
        if may_open and self.not_begun and self._kinds[0] == kind:
            return self._begun(self._next_of_source())
        return self._begun(self._pop(*held_back)) if held_back else None

    def finished(self, item: Item, at: int, records: Iterable[bytes]) -> list[bytes]:
        """What followed from a record that was taken now waits for step `at`.

        Returns:
            The records, if that was the last step.
        """
        following = list(records)
        is_end = at == len(self._kinds)
        self._alive[item.track] += (0 if is_end else len(following)) - 1
        self._ended(item)
        if not self._alive[item.track]:
            del self._alive[item.track]
        if is_end:
            return following
        for record in following:
            self._steps[at].setdefault(item.track, deque()).append(Item(item.track, at, record))
            self._numbers[at] += 1
        return []

    def put_back(self, item: Item) -> None:
        """A record that was taken waits again, before all others."""
        self._ended(item)
        self._steps[item.at].setdefault(item.track, deque()).appendleft(item)
        self._steps[item.at].move_to_end(item.track, last=False)
        self._numbers[item.at] += 1

    def _next_of_source(self) -> Item:
        track, record = next(self._source)
        self.not_begun -= 1
        self._alive[track] = 1
        return Item(track, 0, pickle.dumps(record))

    def _pop(self, at: int, track: int) -> Item:
        items = self._steps[at][track]
        item = items.popleft()
        self._numbers[at] -= 1
        if not items:
            del self._steps[at][track]
        return item

    def _begun(self, item: Item) -> Item:
        self._at_work[item.track] += 1
        return item

    def _ended(self, item: Item) -> None:
        self._at_work[item.track] -= 1
        if not self._at_work[item.track]:
            del self._at_work[item.track]
