"""``morphsep match``: the pedals that make one guitar sound like another recording."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.answers import print_result
from morphsep.cli.options import Json, Seed, local_path

if TYPE_CHECKING:
    from morphsep.tones.match import OnProgress

FAR = 0.5
"""Part of the distance that may be left before a person should be told."""


def match(
    stem: Annotated[
        Path,
        typer.Argument(
            parser=local_path, metavar="PATH", help="The guitar that is to sound different."
        ),
    ],
    reference: Annotated[
        Path,
        typer.Argument(
            parser=local_path, metavar="PATH", help="A recording that sounds as wanted."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            parser=local_path,
            metavar="PATH",
            help="YAML file to write; --to takes it.",
        ),
    ] = Path("found.yaml"),
    seed: Seed = 0,
    budget: Annotated[
        int | None,
        typer.Option(min=50, help="Trials; more come closer. 2200 take a minute or two."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the pedals that make a guitar sound like a recording. Writes them as a chain that can
    be edited."""
    from morphsep.errors import SettingError
    from morphsep.tones import Stem
    from morphsep.tones.match import BUDGET, Match, write_chain
    from morphsep.tones.recordings import Recording

    if out.suffix.lower() not in (".yaml", ".yml"):
        raise SettingError(f"--out must end in .yaml, so that --to takes it; got {out}")
    guitar = Recording(path=str(stem))
    heard = Stem(
        read=guitar.read,
        num_samples=guitar.num_samples,
        num_channels=guitar.num_channels,
        rms_per_second=guitar.rms_per_second,
        level=guitar.lufs,
    )
    tone = Match(recording=Recording(path=str(reference)), seed=seed, budget=budget or BUDGET)
    with _progress(as_json) as report:
        facts = tone.fit(heard, report)
    chain = tone.fitted(facts)
    write_chain(chain, out)
    before, after = facts["distance_before"], facts["distance_after"]
    lines = [
        f"{out}: {', '.join(pedal.kind for pedal in chain.pedals)}",
        f"distance to {reference.name}: {before:.2f} dB before, {after:.2f} dB after",
    ]
    if facts["warning"]:
        lines.append(facts["warning"])
    elif after > FAR * before:
        lines.append(
            "most of the difference is left: other notes, another instrument, or effects that no "
            "pedal here has"
        )
    shown = {key: facts[key] for key in ("distance_before", "distance_after", "trials", "warning")}
    pedals = [{"kind": pedal.kind, **pedal.values} for pedal in chain.pedals]
    print_result(as_json, {"path": str(out), "pedals": pedals, **shown}, lines)


@contextmanager
def _progress(quiet: bool) -> Iterator[OnProgress]:
    """A bar on standard error, which goes away at the end."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("trying chains", total=None)

        def report(done: int, total: int, least: float) -> None:
            bar.update(task, completed=done, total=total, description=f"nearest {least:.2f} dB")

        yield report
