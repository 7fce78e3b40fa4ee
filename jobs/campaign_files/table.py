"""What came of a campaign, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from jobs.campaign_files.cases import Case
from jobs.campaign_files.trials import Trial
from jobs.campaign_files.verdicts import Kind, Verdict

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One file of the campaign."""

    case: Case
    trial: Trial
    verdict: Verdict

    @property
    def line(self) -> str:
        """The file, in one line of printable characters."""
        shown = f"{self.case.path.parent.name}: {self.case.encoder.name} ({self.case.what})"
        why = self.verdict.why.strip().splitlines()[-1] if self.verdict.why else ""
        return f"{shown}: {ascii(why)[1:-1]}" if not why.isprintable() else f"{shown}: {why}"


def table(results: Sequence[Result]) -> str:
    """Rows: what was done to files; columns: what became of them."""
    lines = [f"| | {' | '.join(KINDS)} |", f"|---|{'---:|' * len(KINDS)}"]
    counts = Counter((result.case.what, result.verdict.kind) for result in results)
    for what in sorted({result.case.what for result in results}):
        lines.append(_row(what, [counts[what, kind] for kind in KINDS]))
    totals = Counter(result.verdict.kind for result in results)
    lines.append(_row(f"**all {len(results)}**", [totals[kind] for kind in KINDS]))
    return "\n".join(lines)


def refusals(results: Sequence[Result]) -> str:
    """How often each error code was the reason."""
    codes = Counter(result.verdict.code for result in results if result.verdict.code)
    return ", ".join(f"{code} {count}" for code, count in codes.most_common())


def faults(results: Sequence[Result]) -> list[str]:
    """The files that should have become something else, one line each."""
    good = ("read whole", "refused with a reason")
    return [
        f"{result.verdict.kind}: {result.line}"
        for result in results
        if result.verdict.kind not in good
    ]


def whole_but_refused(results: Sequence[Result]) -> list[str]:
    """The files that were refused though nothing was done to them, one line each."""
    return [
        result.line
        for result in results
        if result.case.what == "as written" and result.verdict.kind == "refused with a reason"
    ]


def _row(name: str, numbers: Sequence[int]) -> str:
    return f"| {name} | {' | '.join(str(number or '') for number in numbers)} |"
