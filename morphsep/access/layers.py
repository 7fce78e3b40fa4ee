"""The steps that were done to a master, and the sound that they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from morphsep import audio
from morphsep.access.depth import Depth
from morphsep.access.sounds import Added, Master, Resized, Sound
from morphsep.dsp import Span
from morphsep.morphing import Repair
from morphsep.restoration import repaired
from morphsep.stages import Readable
from morphsep.storage import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A step, done to a sound."""

    step: str
    difference: Location | None
    """Where what it adds lies; None where it changes the length."""
    repair: Repair | None = None
    """What changes the length."""
    reverted: tuple[Span, ...] = ()
    """Where it is taken back."""


@contextmanager
def opened(master: Readable, layers: Iterable[Layer], depth: Depth) -> Iterator[Sound]:
    """The sound of a master and what was done to it, for as long as the context lasts."""
    with ExitStack() as stack:
        sound: Sound = Master(stack.enter_context(master.open()), depth)
        for layer in layers:
            sound = after(sound, layer, depth, stack)
        yield sound


def after(sound: Sound, layer: Layer, depth: Depth, stack: ExitStack) -> Sound:
    """The sound after one more step; its files stay open as long as the stack."""
    if layer.difference is not None:
        path = stack.enter_context(layer.difference.reading())
        reader = stack.enter_context(audio.AudioReader(str(path)))
        return Added(sound, reader, depth, layer.reverted)
    assert layer.repair is not None
    if layer.reverted:
        return sound
    return Resized(repaired(sound, layer.repair, layer.repair.look(sound)), depth)
