"""What the commands of the command line have in common: from options to a run, and to a printed
answer."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from morphsep.request import Job, Settings
    from morphsep.run import Pipeline, Pool
    from morphsep.storage import Location


Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a run is done and shown, as the command line says it; no option of it changes a sound."""

    work_in: str | None = None
    executor: str = "local"
    address: str | None = None
    workers: str | None = None
    gpus: float | None = None
    timeout: float = 0.0
    max_failures: str | None = None
    force: bool = False
    rerun: str | None = None
    as_json: bool = False

    def pool(self) -> Pool:
        """The cluster to use.

        Raises:
            SettingError: these are no numbers of workers.
        """
        from morphsep.errors import SettingError
        from morphsep.run import Pool

        try:
            ends = [int(part) for part in (self.workers or "1-").split("-") if part]
        except ValueError:
            ends = []
        if not 1 <= len(ends) <= 2 or ends[0] < 1 or ends[-1] < ends[0]:
            raise SettingError(f"--workers takes a number or two, 4 or 2-16, got {self.workers!r}")
        most = ends[-1] if self.workers and not self.workers.endswith("-") else None
        return Pool(address=self.address, min_workers=ends[0], max_workers=most, gpus=self.gpus)


def make_settings(**values: Any) -> Settings:
    """`morphsep.api.make_settings`, loaded when it is needed."""
    from morphsep import request

    return request.make_settings(**values)


def pair_of_tones(
    from_: str, to: str | None, transition: str | None, inputs: Sequence[str]
) -> tuple[str, str]:
    """The tones that --from, --to and --transition mean; a list may name them row by row."""
    from morphsep.errors import SettingError
    from morphsep.request import AS_RECORDED, LISTS
    from morphsep.tones import get_transition

    if transition is not None:
        if to is not None or from_ != AS_RECORDED:
            raise SettingError("--transition names both tones: leave --from and --to away")
        return get_transition(transition)
    if to is None and not all(Path(i).suffix[1:].lower() in LISTS for i in inputs):
        raise SettingError("say which tone to morph towards: --to TONE or --transition NAME")
    return from_, to or AS_RECORDED


def recording(paired: bool, match: bool, transport: bool) -> str:
    """What a recording that stands for a tone is, from the flags that say so."""
    from morphsep.errors import SettingError

    flags = {"paired": paired, "match": match, "transport": transport}
    named = [name for name, is_set in flags.items() if is_set]
    if len(named) > 1:
        raise SettingError(f"--{named[0]} and --{named[1]} exclude each other")
    return named[0] if named else "reference"


def options(assignments: Sequence[str] | None, **flags: str | bool | None) -> Options:
    """The backend's options, from ``--set NAME=VALUE`` and from those that have a flag."""
    from morphsep.errors import SettingError

    found = {name: "yes" if value is True else value for name, value in flags.items() if value}
    for text in assignments or ():
        name, is_assignment, value = text.partition("=")
        if not is_assignment:
            raise SettingError(f"--set takes NAME=VALUE, got {text!r}")
        found[name.strip().replace("-", "_")] = value.strip()
    return tuple(sorted((name, str(value)) for name, value in found.items()))


def pair(channels: str | None) -> tuple[int, int] | None:
    """Two channels, counted from 0, from what a user writes ("1,2")."""
    from morphsep.errors import SettingError

    if channels is None:
        return None
    try:
        first, second = (int(part) for part in channels.split(","))
    except ValueError:
        raise SettingError(f"--channels needs two numbers such as 1,2, got {channels!r}") from None
    if min(first, second) < 1 or first == second:
        raise SettingError(f"--channels counts from 1 and needs two different ones: {channels!r}")
    return first - 1, second - 1


def run_command(
    inputs: Sequence[str], out: str, settings: Settings, pipeline: Pipeline, running: Running
) -> None:
    """Does everything that was named, or what of it failed last time."""
    from morphsep.errors import SettingError
    from morphsep.request import collect
    from morphsep.run import only_failed

    jobs = collect(inputs, out, settings, pipeline.command)
    if running.rerun is not None:
        if running.rerun != "failed":
            raise SettingError(f"--rerun knows only `failed`, got {running.rerun!r}")
        jobs = only_failed(jobs, out)
    run_jobs(jobs, out, pipeline, running)


def run_jobs(jobs: Sequence[Job], out: str, pipeline: Pipeline, running: Running) -> None:
    """Does the jobs, shows how it goes, prints how it ended, and exits."""
    from morphsep.cli import display
    from morphsep.run import keep_freed_memory, run, settle_jobs

    keep_freed_memory()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    jobs = settle_jobs(jobs)
    if not running.as_json:
        display.say_separators(jobs)
    with display.progress(jobs, quiet=running.as_json) as watch:
        summary = run(
            jobs, out, pipeline, work_in=running.work_in, executor=running.executor,
            pool=running.pool(),
            force=running.force, max_failures=running.max_failures, timeout=running.timeout,
            on_progress=watch.event, on_outcome=watch.outcome,
        )  # fmt: skip
    if running.as_json:
        print(json.dumps(display.as_json(summary), ensure_ascii=False, allow_nan=False))
    else:
        display.closing_table(summary, out)
    raise typer.Exit(summary.exit_code)


def existing(out: str) -> Location:
    """The output folder; one without a manifest is refused."""
    from morphsep.errors import SettingError
    from morphsep.manifest import table_folder
    from morphsep.storage import location

    place = location(out)
    if not table_folder(place, "tracks").children(".parquet"):
        raise SettingError(f"{out} holds no manifest; name the folder that was given as --out")
    return place


def show(out: str, as_json: bool, only_failed: bool) -> None:
    """Prints one line a track."""
    from morphsep.manifest import read_tracks

    rows = [row for row in read_tracks(existing(out)) if not (only_failed and row.status == "ok")]
    lines = [
        f"{row.status:8} {row.track}"
        + (f"  {row.error_code}: {row.message}" if row.status != "ok" else "")
        for row in rows
    ]
    print_result(as_json, [asdict(row) for row in rows], lines or ["nothing"])


def list_plugins(found: Sequence[dict[str, str]], as_json: bool) -> None:
    """Prints one line a plugin."""
    lines = [f"{p['name']:10} {p['licence']:14} {p['description']}" for p in found]
    print_result(as_json, found, lines)


def print_result(as_json: bool, value: Any, lines: Sequence[str]) -> None:
    """Prints an answer for machines, or for people."""
    if as_json:
        print(json.dumps(value, ensure_ascii=False, default=os.fspath))
    else:
        print("\n".join(lines))
