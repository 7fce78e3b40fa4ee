"""What ``morphsep restore`` is asked to repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.assignments import assignments

if TYPE_CHECKING:
    from morphsep.request import Restoration


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOptions:
    """What is repaired, and how. Each field is an option."""

    like: Annotated[
        str | None,
        typer.Option(
            metavar="RECORDING",
            help="Let the guitar sound like that of a recording, instead of --to.",
        ),
    ] = None
    steps: Annotated[
        str,
        typer.Option(
            metavar="STEP,...|none",
            help="Repairs, done in this order: declick, dehum, dehiss, speed.",
        ),
    ] = "declick,dehum"
    set_step: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP.NAME=VALUE",
            help="Any option of a repair, such as declick.sensitivity=0.3.",
            show_default=False,
        ),
    ] = None
    set_bound: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="How much may change: pitch_cents, timing_ms, onset_f1, rests_db, level_db, "
            "added_above_db.",
            show_default=False,
        ),
    ] = None
    speed: Annotated[
        float | None,
        typer.Option(
            metavar="RATIO",
            help="Play it so many times as fast: the speed it should have had over the speed of "
            "the transfer. The length changes.",
        ),
    ] = None
    extend: Annotated[
        bool,
        typer.Option(
            "--extend", help="Allow sound above what the recording holds; it is labelled."
        ),
    ] = False
    anyway: Annotated[bool, typer.Option("--anyway", help="Declick lossy files, too.")] = False
    inside: Annotated[
        bool, typer.Option("--inside", help="Let ACCESS lie in a folder of masters.")
    ] = False

    def restoration(self) -> Restoration:
        """What is asked for.

        Raises:
            SettingError: there is no such repair, or a text that is no option.
        """
        from morphsep.request import Restoration, parse_steps

        steps = self.steps
        options = assignments("--set-step", self.set_step, "STEP.NAME")
        if self.speed is not None:
            steps = f"{steps},speed".removeprefix("none,")
            options["speed.ratio"] = repr(self.speed)
        return Restoration(
            steps=parse_steps(steps), options=tuple(sorted(options.items())),
            bounds=tuple(sorted(assignments("--set-bound", self.set_bound).items())),
            extend=self.extend, anyway=self.anyway,
        )  # fmt: skip
