"""What a repair step is: it looks at a whole recording once, then repairs it block by block.

    findings = step.look(recording)
    better = repaired(recording, step, findings)    # read like the recording itself
    next_findings = next_step.look(better)

Sound is float32 ``[C, T]`` at the recording's own rate, full scale = 1.0; integers of 24 bits are
exact in it. A step gives back the very samples that it does not repair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from morphsep.dsp import Reader, RecordingInfo, Signal


@runtime_checkable
class Findings(Protocol):
    """What a step has found in a recording. Frozen and picklable."""

    @property
    def step(self) -> str:
        """Name of the step."""
        ...

    @property
    def sample_rate(self) -> int:
        """Of the recording that was looked at, Hz."""
        ...

    @property
    def num_samples(self) -> int:
        """Its length."""
        ...

    def to_json(self) -> dict[str, Any]:
        """JSON's own types; `findings_from_json` makes the findings of it again."""
        ...

    def summary(self) -> str:
        """One sentence for people: what will be repaired."""
        ...


F = TypeVar("F", bound=Findings)


class Step(Protocol[F]):
    """A repair. Cheap to build, immutable, picklable."""

    @property
    def name(self) -> str:
        """``declick``, ``dehum``, ``dehiss`` or ``speed``."""
        ...

    def fingerprint(self) -> str:
        """All that its result depends on: settings, versions, weights."""
        ...

    def look(self, recording: Reader) -> F:
        """One pass over a recording of any length, in blocks: memory stays flat."""
        ...

    def context(self, findings: F) -> int:
        """Samples that `repair` needs on each side of a block."""
        ...

    def repair(self, block: Signal, start: int, findings: F) -> Signal:
        """A block repaired. The result does not depend on how the recording is cut into blocks.

        Args:
            block: ``[C, context + T + context]``; zeros outside the recording.
            start: the recording's sample at which ``block[:, context]`` stands.
            findings: of the whole recording.

        Returns:
            ``[C, T]``.
        """
        ...


@runtime_checkable
class Resizing(Protocol[F]):
    """A step whose result has another length (`Speed`): it is read, not repaired in blocks."""

    @property
    def name(self) -> str: ...
    def fingerprint(self) -> str:
        """See `Step`."""
        ...

    def look(self, recording: Reader) -> F:
        """See `Step`."""
        ...

    def reader(self, recording: Reader, findings: F) -> Reader:
        """The result, of its own length; any spans give the same samples."""
        ...


def repaired(recording: Reader, step: Step[F] | Resizing[F], findings: F) -> Reader:
    """The recording after a step, read like the recording; nothing is computed before it is read.

    Raises:
        ValueError: the findings are those of a recording of another length or rate.
    """
    info = recording.info
    if (findings.num_samples, findings.sample_rate) != (info.num_samples, info.sample_rate):
        raise ValueError(f"{step.name}: these findings are another recording's")
    if isinstance(step, Resizing):
        return step.reader(recording, findings)
    return _Repaired(recording, step, findings)


@dataclass(frozen=True, slots=True)
class _Repaired:
    recording: Reader
    step: Step[Any]
    findings: Findings

    @property
    def info(self) -> RecordingInfo:
        return self.recording.info

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]``; zeros outside the recording."""
        info = self.recording.info
        span = np.zeros((info.num_channels, max(num_samples, 0)), np.float32)
        first, last = max(start, 0), min(start + num_samples, info.num_samples)
        if last > first:
            context = self.step.context(self.findings)
            block = self.recording.read(first - context, last - first + 2 * context)
            span[:, first - start : last - start] = self.step.repair(block, first, self.findings)
        return span
