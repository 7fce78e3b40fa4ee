"""What an access copy is made of: a master, and the steps that were done to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from morphsep.access.depth import Depth
from morphsep.access.differences import difference_name
from morphsep.access.doing import Done
from morphsep.access.layers import Layer, opened
from morphsep.access.sounds import Sound
from morphsep.audio import OutputFormat
from morphsep.provenance import Event
from morphsep.stages import Readable, Scan
from morphsep.storage import Location

GENERATED = "generated"
"""In the findings of a step: whether a generative model made what it added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A step: what it did, and where what it added lies."""

    done: Done
    layer: Layer
    is_taken_back: bool = False
    """Whether nothing of it is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessCopy:
    """An access copy that is to be written."""

    out: Location
    track: str
    master: Readable
    scan: Scan
    """Of the master."""
    form: OutputFormat
    parts: Sequence[Part]
    extends: bool = False
    """Whether sound may be added above what the master holds."""
    bounds: Mapping[str, str] = field(default_factory=dict)
    """What may change, where it is not as `morphsep.restoration.Bounds` has it."""
    made_before: Sequence[Event] = ()
    """When and how it was made, if it is made anew."""

    @property
    def is_generated(self) -> bool:
        """Whether a generative model made any of its sound."""
        return any(part.done.findings.get(GENERATED) for part in self.kept)

    @property
    def kept(self) -> list[Part]:
        """The steps that are not taken back altogether."""
        return [part for part in self.parts if not part.is_taken_back]

    @property
    def depth(self) -> Depth:
        """The values that its samples can have."""
        return Depth.of(self.form)

    @contextmanager
    def sound(self, num_parts: int | None = None) -> Iterator[Sound]:
        """How it sounds, for as long as the context lasts.

        Args:
            num_parts: after so many steps; None: all.
        """
        layers = [part.layer for part in self.parts[:num_parts]]
        with opened(self.master, layers, self.depth) as sound:
            yield sound

    @property
    def history(self) -> str:
        """What was done, for a coding history: ASCII without commas."""
        steps = "+".join(_told(part) for part in self.kept)
        return f"restore; access copy; {steps or 'no step'}"

    def difference_name(self, part: Part) -> str | None:
        """The path below OUT of what a step added; None where it changes the length."""
        if part.done.written is None:
            return None
        return difference_name(self.track, part.done.step, part.done.written.name)


def _told(part: Part) -> str:
    if not part.layer.reverted:
        return part.done.step
    return f"{part.done.step} (reverted in part)"
