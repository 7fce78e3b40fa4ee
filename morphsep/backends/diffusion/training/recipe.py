"""The settings of one training, with the papers' values as defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import get_args

from morphsep.backends.diffusion.lora.adapter import Role, Variant
from morphsep.dsp import Seconds
from morphsep.errors import SettingError

PROMPT = "a audio clip of music composition."
NEGATIVE_PROMPT = "low quality"
"""Both as in SoundMorpher's code."""
DEFAULT_RANK: dict[Variant, int] = {"one-sided": 4, "two-sided": 2}
"""Rank of the conditional adapter: SoundMorpher's; for two of them, arXiv 2510.07908, section
III-D."""
SHORTEST_CROP: Seconds = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of a training; SoundMorpher's values where the guitar paper (arXiv 2510.07908) is
    silent.

    Raises:
        SettingError: at construction: a value is invalid.
    """

    variant: Variant = "one-sided"
    prompt: str = PROMPT
    negative_prompt: str = NEGATIVE_PROMPT
    inversion_steps: int = 2500
    inversion_rate: float = 2e-3
    """Adam, for the two embeddings of a clip."""
    steps: int = 150
    rank: int | None = None
    """None: `DEFAULT_RANK`."""
    unconditional_steps: int = 15
    unconditional_rank: int = 2
    rate: float = 1e-3
    """AdamW, for both kinds of adapter."""
    seconds: Seconds = 10.0
    """Length of the crops from longer clips."""
    crops: int = 8
    """Most crops of a clip."""
    seed: int = 0
    half: bool = False
    """bfloat16 activations; on CUDA only."""

    def __post_init__(self) -> None:
        checked_variant(self.variant)
        for name in ("inversion_steps", "steps", "unconditional_steps"):
            if getattr(self, name) < 0:
                raise SettingError(f"{name.replace('_', ' ')}: a number from 0, not negative")
        for name in ("rank", "unconditional_rank", "crops"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name.replace('_', ' ')}: a number from 1, got {value}")
        if not (self.rate > 0 and self.inversion_rate > 0):
            raise SettingError("a learning rate must be above 0")
        if self.seconds < SHORTEST_CROP:
            raise SettingError(f"crops need at least {SHORTEST_CROP:g} s, got {self.seconds:g}")

    def ranks(self) -> dict[Role, int]:
        """Ranks of the two kinds of adapter."""
        conditional = DEFAULT_RANK[self.variant] if self.rank is None else self.rank
        return {"conditional": conditional, "unconditional": self.unconditional_rank}

    def role_steps(self, role: Role) -> int:
        """Training steps for a kind of adapter."""
        return self.steps if role == "conditional" else self.unconditional_steps

    def facts(self) -> dict[str, object]:
        """All settings, for the card and for telling one training from another."""
        return asdict(self) | {"rank": self.ranks()["conditional"]}


def checked_variant(name: str) -> Variant:
    """
    Raises:
        SettingError: there is no such variant.
    """
    known: tuple[Variant, ...] = get_args(Variant)
    for variant in known:
        if name == variant:
            return variant
    raise SettingError(f"there is no LoRA variant {name!r}; there are: {', '.join(known)}")
