"""Commands that change nothing: doctor, verify, status, tones, separators, backends."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from morphsep.cli.answers import existing, list_plugins, print_answer, print_result
from morphsep.cli.options import Address, ExecutorName, Json, Workers, local_path
from morphsep.cli.running import ClusterOptions

if TYPE_CHECKING:
    from morphsep.run import Pool


def doctor(
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", parser=local_path, metavar="PATH", help="Folder to try writing to."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check what works on this machine. Names a remedy for everything that does not."""
    from morphsep.cli.doctor import checks

    found = list(checks(out))
    lines: list[str] = []
    for c in found:
        lines.append(f"{c.state:8} {c.what}: {c.found}")
        lines += [f"         -> {c.remedy}"] if c.remedy else []
    print_result(as_json, [asdict(c) for c in found], lines)
    raise typer.Exit(1 if any(c.state == "missing" for c in found) else 0)


def verify(
    out: Annotated[str, typer.Argument(help="An output folder: a path, or s3://...")],
    executor: ExecutorName = "auto",
    address: Address = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Check finished tracks again. From their manifest, against what morphsep promises. Of a data
    set: its files, and a few of its recordings, rendered again."""
    from morphsep import dataset
    from morphsep.manifest import count_lacking_tags
    from morphsep.run import verify as check
    from morphsep.storage import location

    pool = ClusterOptions(address=address, workers=workers).pool()
    if dataset.is_dataset(location(out)):
        _verify_dataset(out, pool, as_json)
    folder = existing(out)
    lacking = count_lacking_tags(folder)
    count, findings = check(folder, executor, pool)
    lines = [str(finding) for finding in findings]
    if count:
        lines.append(f"{count} tracks checked, {len(findings)} findings")
    elif not findings:
        lines.append("nothing to check: the manifest has no track that is done")
    if lacking:
        lines.append(f"tags left out in {lacking} tracks: morphsep manifest show {out}")
    found = [asdict(finding) for finding in findings]
    print_result(as_json, {"tracks": count, "tags_left_out": lacking, "findings": found}, lines)
    unchecked = {finding.track for finding in findings if finding.promise is None} - {""}
    is_nothing_checked = bool(unchecked) and len(unchecked) == count
    raise typer.Exit(3 if is_nothing_checked else 2 if findings else 0)


def _verify_dataset(out: str, pool: Pool, as_json: bool) -> NoReturn:
    """Its files against its lock; some of its sources are rendered again, on this machine."""
    from morphsep import dataset
    from morphsep.storage import location

    count, findings = dataset.verify(location(out), dataset.Running(pool=pool))
    lines = [*findings, f"{count} sources rendered again, {len(findings)} findings"]
    print_result(as_json, {"sources": count, "findings": findings}, lines)
    raise typer.Exit(2 if findings else 0)


def status(
    out: Annotated[str, typer.Argument(help="An output folder: a path, or s3://...")],
    as_json: Json = False,
) -> None:
    """How a run is doing. Done, running, failed, to do; rate, time left, workers."""
    from morphsep.run import read_status

    found = read_status(out)
    print_answer(as_json, asdict(found), found.lines())


def tones(as_json: Json = False) -> None:
    """List the tones and the named transitions."""
    from morphsep.tones import TRANSITIONS, list_tones

    rows = [{"name": tone.name, "description": tone.description} for tone in list_tones()]
    lines = [f"{row['name']:12} {row['description']}" for row in rows]
    lines += ["", "transitions (--transition):"]
    lines += [f"{name:24} {source} -> {target}" for name, (source, target) in TRANSITIONS.items()]
    print_answer(as_json, {"tones": rows, "transitions": TRANSITIONS}, lines)


def separators(as_json: Json = False) -> None:
    """List the separators that are installed."""
    from morphsep import request

    list_plugins(request.describe_plugins("separator"), as_json)


def backends(as_json: Json = False) -> None:
    """List the backends that are installed, with their licences."""
    from morphsep import request

    list_plugins(request.describe_plugins("backend"), as_json)
