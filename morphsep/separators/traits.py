"""What a separator may say of itself besides what `Separator` asks for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from morphsep.separators.separator import Separator


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatorTraits:
    """Optional attributes of a separator, and what holds for a separator without them."""

    exact: bool = False
    """Whether its stem is the guitar itself and no estimate. An estimate holds some of the other
    instruments and lacks some of the guitar: that is measured, and its morph is put back with
    care."""

    @classmethod
    def of(cls, separator: Separator) -> SeparatorTraits:
        """The attributes of a separator."""
        said: dict[str, Any] = {f.name: getattr(separator, f.name, f.default) for f in fields(cls)}
        return cls(**said)
