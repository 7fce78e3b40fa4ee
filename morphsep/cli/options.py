"""The command line's options, each said once for all commands that take it."""

from __future__ import annotations

from typing import Annotated

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        show_default=False,
        help="Files, folders (searched through), or a list (.csv, .parquet) with a column path "
        "and, if wanted, output, to, from, transition, recording, amount, stem, separator, "
        "backend, format, subtype.",
    ),
]
Out = Annotated[
    str,
    typer.Option("-o", "--out", help="Folder for results and manifest: a path, or s3://..."),
]
WorkIn = Annotated[
    str | None,
    typer.Option(
        "--work",
        metavar="PLACE",
        help="Folder for stems and what else is needed between stages: a path, or s3://... "
        "Remembered in OUT; at first OUT itself.",
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        help="Tone to morph towards: a name (see `morphsep tones`), a chain (.yaml), a recording "
        "or an amp capture (.nam)."
    ),
]
From = Annotated[str, typer.Option("--from", help="Tone to morph from.")]
Paired = Annotated[
    bool, typer.Option("--paired", help="The recording is the same take through other gear.")
]
Match = Annotated[
    bool, typer.Option("--match", help="Imitate the recording's tone with effects, found per song.")
]
Transport = Annotated[
    bool, typer.Option("--transport", help="The recording's notes are to be glided to.")
]
Transition = Annotated[
    str | None,
    typer.Option(help="A named pair instead of --from and --to (clean-to-distortion, ...)."),
]
Amount = Annotated[
    str, typer.Option(help='0 to 1, a curve such as "0:00=0 0:05=1", or a CSV file time,amount.')
]
SeparatorName = Annotated[
    str,
    typer.Option(help="auto, demucs, demucs:MODEL[:SOURCE], embedded, harmonic, stem or none."),
]
Stem = Annotated[
    str | None,
    typer.Option(help="Your own stem: a file, or a pattern such as {stem}.guitar.wav beside it."),
]
BackendName = Annotated[
    str,
    typer.Option(help="auto, or one of `morphsep backends`: chain, spectral, music2latent, ..."),
]
Weights = Annotated[
    str | None, typer.Option(help="Model of the backend: a file, a folder, or a name on the hub.")
]
Lora = Annotated[
    str | None, typer.Option(metavar="VARIANT", help="diffusion: none, one-sided or two-sided.")
]
Adapter = Annotated[
    str | None, typer.Option(help="diffusion: folder that `morphsep lora train` has written.")
]
Angle = Annotated[
    str | None,
    typer.Option(
        help="music2latent: one angle for the track, or one for each latent frame: frame."
    ),
]
Interpolation = Annotated[str | None, typer.Option(help="music2latent: slerp or lerp.")]
PaperFaithful = Annotated[
    bool, typer.Option("--paper-faithful", help="diffusion: nothing above 8 kHz, as in the paper.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any option of the backend (docs/reference/backends.md).",
    ),
]
Chunk = Annotated[float, typer.Option(help="Length of a chunk in seconds, 5 to 10.")]
Section = Annotated[float, typer.Option(help="Length of a section in seconds: decides memory.")]
Uniform = Annotated[
    bool, typer.Option("--uniform/--no-uniform", help="Space amounts by what is heard.")
]
Format = Annotated[
    str | None, typer.Option(help="Output container (wav, flac, aiff, caf, w64, rf64, ogg).")
]
Subtype = Annotated[
    str | None, typer.Option(help="Output sample format (PCM_16, PCM_24, PCM_32, FLOAT, ...).")
]
Channels = Annotated[
    str | None, typer.Option(help="Which two channels of a file with more, from 1: 1,2.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Shifts = Annotated[
    int, typer.Option(help="Demucs: time offsets to average over (slower, cleaner).")
]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]
ExecutorName = Annotated[
    str,
    typer.Option("--executor", help="local, ray, or auto: ray where there is a cluster."),
]
Address = Annotated[
    str | None,
    typer.Option(help="Ray cluster to run on (auto: the one at hand); none: start one here."),
]
Workers = Annotated[
    str | None,
    typer.Option(metavar="N|MIN-MAX", help="Ray: workers of each kind, such as for separating."),
]
Gpus = Annotated[
    float | None,
    typer.Option("--gpus-per-worker", help="Ray: GPUs for each worker; 0.5 shares one by two."),
]
Timeout = Annotated[
    float,
    typer.Option(help="Ray: seconds over one section after which a worker is killed; 0: never."),
]
MaxFailures = Annotated[
    str | None,
    typer.Option(metavar="N|P%", help="Stop when more tracks than this have failed."),
]
Force = Annotated[bool, typer.Option("--force", help="Do everything again.")]
Rerun = Annotated[
    str | None, typer.Option(metavar="failed", help="Only the tracks that failed last time.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
