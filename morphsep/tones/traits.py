"""What a tone may say of itself besides what `Tone` asks for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from morphsep.tones.tone import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneTraits:
    """Optional attributes of a tone, and what holds for a tone without them."""

    same_notes: bool = True
    """Whether it plays the stem's notes. Where one of two tones does not, backends must find out
    which of their partials belong together, and amounts are not spaced by what is heard."""
    tail: int = 0
    """Samples at 44.1 kHz for which it sounds on after the stem has ended: echoes, rooms."""
    reference: Any = None
    """The recording of other notes (`morphsep.tones.recordings.Recording`) that it takes its sound
    from."""
    becomes: Tone | None = None
    """Roughly what ``fitted`` will return, where a backend has to know the tone's kind before: the
    backend chain takes no tones but effect chains."""

    @classmethod
    def of(cls, tone: Tone) -> ToneTraits:
        """The attributes of a tone."""
        said: dict[str, Any] = {f.name: getattr(tone, f.name, f.default) for f in fields(cls)}
        return cls(**said)
