"""What a backend may say of itself besides what `Backend` asks for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from morphsep.backends.backend import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTraits:
    """Optional attributes of a backend, and what holds for a backend without them."""

    batch: int = 1
    """How many passages it likes at once."""
    uniform: bool = True
    """Whether amounts may be spaced by what is heard, at the price of morphing some 70 passages of
    2.5 s more per track."""
    device: str | None = None
    """Where it computes (auto, cpu, cuda, ...). A backend with a device has weights: on a cluster
    its workers get the GPUs that were asked for."""

    @classmethod
    def of(cls, backend: Backend) -> BackendTraits:
        """The attributes of a backend."""
        said: dict[str, Any] = {f.name: getattr(backend, f.name, f.default) for f in fields(cls)}
        return cls(**said)
