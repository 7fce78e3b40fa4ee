"""Tones: what a guitar can be morphed from or towards.

A tone renders the stem as it would sound through it. ``get_tone`` finds one by name
(``morphsep tones`` lists them), or builds one from a YAML file that describes a chain.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from morphsep.signal import Signal
from morphsep.tones.transitions import TRANSITIONS, get_transition

__all__ = ["TRANSITIONS", "Tone", "get_tone", "get_transition", "list_tones"]


@runtime_checkable
class Tone(Protocol):
    """What a backend needs to know of a tone. Cheap to build, picklable, immutable."""

    @property
    def name(self) -> str:
        """Name on the command line and in the manifest."""
        ...

    @property
    def description(self) -> str:
        """One sentence for ``morphsep tones``."""
        ...

    @property
    def context(self) -> tuple[int, int]:
        """(before, after): samples at 44.1 kHz that ``render`` needs on each side to settle."""
        ...

    def fingerprint(self) -> str:
        """Everything that the sound depends on, as a stable string: goes into the track's key."""
        ...

    def render(self, stem: Signal, start: int, level: float) -> Signal:
        """The stem through this tone.

        Args:
            stem: ``[C, T]`` at 44.1 kHz, C in {1, 2}.
            start: the song's sample at which ``stem[:, 0]`` stands; LFOs take their phase from it.
            level: integrated loudness of the whole track's stem in LUFS (``-inf`` if silent):
                drives are relative to it, so that a quiet recording distorts like a loud one.

        Returns:
            ``[C, T]``, aligned with the stem sample by sample. The first ``context[0]`` and the
            last ``context[1]`` samples may not have settled.
        """
        ...


def list_tones() -> list[Tone]:
    """Every tone that has a name: ours, and those of the entry-point group ``morphsep.tones``."""
    from morphsep.tones.catalogue import named_tones

    return list(named_tones().values())


def get_tone(spec: str) -> Tone:
    """The tone of that name, or the chain described by that ``.yaml`` file.

    Raises:
        SettingError: there is no such tone, or the file describes none.
    """
    from morphsep.tones.catalogue import find_tone

    return find_tone(spec)
