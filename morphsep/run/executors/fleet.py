"""The workers of one kind, as the driver sees them: started, given work, lost, let go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from morphsep.run.executors.waiting import Item

if TYPE_CHECKING:
    from morphsep.run.executors.place import Remote

AT_ONCE = 2
"""Records that a worker has in hand while others wait: one at work, and one so that it need not
wait for the driver."""
IDLE = 120.0
"""Seconds without any work for a worker, after which it is let go: its node may be, too."""
COMING = 900.0
"""Seconds in which a worker should have begun: a node may have to be started for it first. Then
another takes its place."""
SILENCE = 60.0
"""Seconds that work waits for a first worker before that is said."""
PAUSES = (0.0, 1.0, 5.0, 20.0, 60.0)
"""Seconds before another worker is started, after none, one, two ... could not begin in a row."""


@dataclass(eq=False, slots=True)
class Hand:
    """A worker."""

    remote: Remote = field(init=False)
    is_ready: bool = False
    """Whether it has answered: one that waits for a node is not, and gets no work."""
    items: list[Item] = field(default_factory=list)
    """What it has in hand."""
    last_used: float = field(default_factory=time.monotonic)
    """When it last had work, on the clock `time.monotonic`; at first, when it was started."""


class Fleet:
    """Workers of one kind.

    Args:
        start: starts a worker of this fleet and sets `Hand.remote`.
        least: how many there are at first, and stay.
        most: how many there may be; None: as many as the cluster takes.
    """

    def __init__(self, start: Callable[[Fleet, Hand], None], least: int, most: int | None) -> None:
        self._start = start
        self._least = least
        self._most = float("inf") if most is None else most
        self.hands: list[Hand] = []
        self._failures = 0
        """Workers in a row that could not begin."""
        self._not_before = 0.0
        self._has_said = False
        """Whether it has been said that no worker begins."""

    @property
    def ready(self) -> list[Hand]:
        """Those that can be given work."""
        return [hand for hand in self.hands if hand.is_ready]

    def most_of_a_track(self, hand: Hand) -> int:
        """Records of one track that may be at work when this worker is given one: as many as it
        has then for each worker but one, which is left to other tracks."""
        return max(1, (len(self.ready) - 1) * (len(hand.items) + 1))

    def free(self, waiting: Callable[[], int]) -> Iterator[Hand]:
        """Workers that should be given one of the records that wait: all that have none in hand;
        then one more for each, while there are enough for all. A record behind a busy worker is
        one that nobody else can take."""
        ready = self.ready
        yield from (hand for hand in ready if not hand.items)
        for hand in ready:
            if waiting() < len(ready):
                return
            if len(hand.items) < AT_ONCE:
                yield hand

    def grow(self, waiting: int) -> None:
        """Starts workers: `least` at first; then, each time that all are at work and something
        waits, up to as many as there are. None while one is still coming: it may be waiting for a
        node, which Ray's autoscaler sees."""
        count = len(self.hands)
        if any(not hand.is_ready for hand in self.hands) or time.monotonic() < self._not_before:
            return
        if not count:
            more = self._least if waiting else 0
        elif waiting and all(hand.items for hand in self.hands):
            more = min(count, waiting)
        else:
            more = 0
        for _ in range(int(min(more, self._most - count))):
            hand = Hand()
            self._start(self, hand)
            self.hands.append(hand)

    def began(self, hand: Hand) -> None:
        """A worker has answered."""
        hand.is_ready = True
        hand.last_used = time.monotonic()
        self._failures = 0
        self._has_said = False

    def failed(self, hand: Hand) -> int:
        """A worker could not begin; the next ones are started later and later.

        Returns:
            How many in a row could not.
        """
        self.drop(hand)
        self._failures += 1
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._not_before = time.monotonic() + pause
        return self._failures

    def drop(self, hand: Hand) -> list[Item]:
        """Forgets a worker, and ends it if it still is there.

        Returns:
            What it had in hand.
        """
        self.hands.remove(hand)
        hand.remote.end()
        return hand.items

    def rest(self, waiting: int) -> None:
        """Lets workers go that have had nothing to do for a while, but for `least`, and those that
        have not begun for long."""
        now = time.monotonic()
        for hand in list(self.hands):
            if not hand.is_ready:
                if now - hand.last_used > COMING:
                    self.drop(hand)
            elif hand.items or waiting:
                hand.last_used = now
            elif now - hand.last_used > IDLE and len(self.hands) > self._least:
                self.drop(hand)

    def waits_in_vain(self, waiting: int) -> bool:
        """Whether it should be said that work waits and no worker begins: once."""
        if self._has_said or not waiting or not self.hands or self.ready:
            return False
        now = time.monotonic()
        self._has_said = any(now - hand.last_used > SILENCE for hand in self.hands)
        return self._has_said
