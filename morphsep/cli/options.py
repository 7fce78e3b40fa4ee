"""Options and arguments that several commands take. Those of the settings: `setting_options`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def local_path(text: str) -> Path:
    """A path on this machine from what a user writes, a ``file:///...`` URI too.

    Raises:
        SettingError: it names something elsewhere.
    """
    from morphsep.errors import SettingError
    from morphsep.storage import location

    place = location(text)
    if not place.is_local:
        raise SettingError(f"{text} is not on this machine; copy it here first")
    return place.path


INPUTS = typer.Argument(
    metavar="INPUT...",
    show_default=False,
    help="Files, folders (searched through), or a list (.csv, .tsv, .jsonl, .parquet) with a "
    "column path and, if wanted, output, to, from, transition, recording, amount, stem, "
    "separator, backend, format, subtype.",
)
Inputs = Annotated[list[str], INPUTS]
Out = Annotated[
    str,
    typer.Option("-o", "--out", help="Folder for results and manifest: a path, or s3://..."),
]
WorkIn = Annotated[
    str | None,
    typer.Option(
        "--work",
        metavar="FOLDER",
        help="Folder for stems and what else is needed between stages: a path, or s3://... "
        "Remembered in OUT; at first OUT itself.",
    ),
]
Weights = Annotated[
    str | None, typer.Option(help="Model of the backend: a file, a folder, or a name on the hub.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]
ExecutorName = Annotated[
    str,
    typer.Option("--executor", help="local, ray, or auto: ray where there is a cluster."),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto",
        help="Ray cluster to run on; auto is the one that runs on this machine. Leave it out to "
        "start one.",
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        metavar="N|MIN-MAX",
        help="Workers. On this machine: processes; unless told, as many as are done soonest. On "
        "Ray: growing with the work; if some have a GPU, as many without.",
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option("--gpus-per-worker", help="Ray: GPUs for each worker; 0.5 shares one by two."),
]
Timeout = Annotated[
    float,
    typer.Option(
        help="Seconds over one section after which a worker is killed; 0: never. Not where there "
        "is only one on this machine."
    ),
]
MaxFailures = Annotated[
    str | None,
    typer.Option(metavar="N|P%", help="Stop when more tracks than this have failed."),
]
Force = Annotated[bool, typer.Option("--force", help="Do everything again.")]
Rerun = Annotated[
    str | None, typer.Option(metavar="failed", help="Only the tracks that failed last time.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be done and cost, as plan does.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
