"""What a separator may say of itself besides what `Separator` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from morphsep.separators.separator import Separator


class SeparatorTraits:
    """Optional attributes of a separator, and what holds for a separator without them. Each is read
    when it is asked for."""

    def __init__(self, separator: Separator) -> None:
        self._separator = separator

    @property
    def exact(self) -> bool:
        """Whether its stem is the guitar itself and no estimate; default: no. An estimate holds
        some of the other instruments and lacks some of the guitar: that is measured, and its morph
        is put back with care."""
        return bool(getattr(self._separator, "exact", False))

    @property
    def weights_licence(self) -> str | None:
        """Whose its weights are and under which licence, as far as that is known; a sentence for
        the manifest. None: nothing is said, or it has none. The weights must be here."""
        said: str | None = getattr(self._separator, "weights_licence", None)
        return said
