"""What listeners are asked, and on which scale they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Question = Literal["mos", "fusion", "position", "quality"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
"""In the order in which they are asked: answers about one sound alone come before those that
compare, so that what was compared teaches nothing about what is still to be judged alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A question's words and the answers it takes."""

    ask: str
    low: int
    high: int
    words: tuple[str, ...]
    """What the ends of the scale mean, or each of its equal parts, from low to high."""
    whole_numbers: bool = False

    def takes(self, value: object) -> bool:
        """Whether this is an answer: a number on the scale."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and not (self.whole_numbers and value % 1)

    def __str__(self) -> str:
        kind = "a whole number" if self.whole_numbers else "a number"
        return f"{kind} from {self.low} to {self.high}"


_FIVE = ("Bad", "Poor", "Fair", "Good", "Excellent")

SCALES: dict[Question, Scale] = {
    # ITU-T P.800's scale, as in "Guitar Tone Morphing by Diffusion-based Model" (2025)
    "mos": Scale(
        ask="How natural does this guitar sound?", low=1, high=5, words=_FIVE, whole_numbers=True
    ),
    "fusion": Scale(
        ask="Do you hear one guitar or two?",
        low=1,
        high=2,
        words=("One", "Two"),
        whole_numbers=True,
    ),
    "position": Scale(
        ask="Where does each sound lie between A and B?", low=0, high=100, words=("A", "B")
    ),
    # the continuous quality scale of Recommendation ITU-R BS.1534-3
    "quality": Scale(
        ask="How good is each sound, compared with the reference?", low=0, high=100, words=_FIVE
    ),
}
