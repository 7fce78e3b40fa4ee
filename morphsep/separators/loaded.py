"""What a process keeps of a model, which must not outlive the model's files: keys of results hold
the checksums that these have today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from morphsep.models import Bag, identity

T = TypeVar("T")


class LoadedModel(Generic[T]):
    """A model's files, found once, and what was read from them: both anew once the files change.

    Travels to other processes and machines empty.
    """

    def __init__(self) -> None:
        self._bag: Bag | None = None
        self._found = self._read = ""
        self._content: T | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return LoadedModel, ()

    def files(self, find: Callable[[], Bag]) -> Bag:
        """The files as they are now; `find` gives them, checked."""
        if self._bag is None or _identity(self._bag) != self._found:
            self._bag = find()
            self._found = identity(self._bag)
        return self._bag

    def content(self, key: str, read: Callable[[], T]) -> T:
        """What `read` gives, kept as long as `key`, the checksum of what it reads, is the same."""
        if self._content is None or self._read != key:
            self._content = None  # memory may not hold two
            self._content, self._read = read(), key
        return self._content


def _identity(bag: Bag) -> str:
    """Empty where a file is gone."""
    try:
        return identity(bag)
    except OSError:
        return ""
