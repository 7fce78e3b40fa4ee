"""What `verify` can find."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that does not hold, or that could not be checked."""

    track: str
    promise: int | None
    """Number in the design's section 3; None: the track could not be checked."""
    message: str

    def __str__(self) -> str:
        about = "not checked" if self.promise is None else f"promise {self.promise}"
        return ": ".join(filter(None, (about, self.track, self.message)))


def unchecked(track: str, why: str) -> Finding:
    """The finding of a track that could not be checked."""
    return Finding(track, None, why)
