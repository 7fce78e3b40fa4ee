"""``morphsep live``: the morph while it is played, and the proof that it is the same."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.answers import print_answer, print_result
from morphsep.cli.options import Json, local_path

if TYPE_CHECKING:
    from morphsep.live import Certificate, Meter, Played, RealTime

live_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Play a guitar through the morph, block by block.",
)

From = Annotated[str, typer.Option("--from", help="Tone at the beginning of the knob.")]
To = Annotated[str, typer.Option(help="Tone at the end of the knob; both are effect chains.")]
Block = Annotated[int, typer.Option(min=32, max=8192, help="Samples at a time.")]


@live_app.callback()
def live(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Option(metavar="SONG", help="Recording of a guitar, in place of an instrument."),
    ] = None,
    to: To = "overdrive",
    from_: From = "clean",
    amount: Annotated[
        str, typer.Option(help='The knob: 0 to 1, or a curve such as "0:00=0 0:05=1".')
    ] = "0:00=0 0:10=1",
    block: Block = 64,
    level: Annotated[
        float, typer.Option(help="Loudness of the guitar in LUFS: what the pedals are set by.")
    ] = -18.0,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", parser=local_path, metavar="WAV", help="Write what was heard."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Play a recording of a guitar through the morph in real time. Shows levels, the time that
    blocks take and those that came too late. The backend is chain."""
    if context.invoked_subcommand is not None:
        return
    from morphsep.errors import SettingError
    from morphsep.live import BlockMorph, RealTime, knob_at, parse_knob, read_recording, warm_up

    if file is None:
        raise SettingError("name a recording with --file: audio devices are not played from")
    if out is not None and out.suffix.lower() != ".wav":
        raise SettingError(f"--out must end in .wav, got {out}")
    curve = parse_knob(amount)
    guitar, rate = read_recording(file)
    if guitar.shape[1] < block:
        raise SettingError(f"{file} is shorter than a block")

    def made() -> BlockMorph:
        return BlockMorph(from_, to, rate, channels=len(guitar), level=level)

    warm_up(made(), block)
    turned = knob_at(curve, guitar.shape[1], rate)
    playing = RealTime(made(), guitar, turned, rate, block)
    shown = sys.stderr.isatty() and not as_json
    played = playing.play(_show if shown else lambda meter: None)
    if shown:
        print(file=sys.stderr)
    if out is not None:
        _write(out, playing, rate)
    print_result(as_json, asdict(played), [_summary(played)])


@live_app.command("check")
def live_check(
    song: Annotated[
        str, typer.Argument(metavar="SONG", show_default=False, help="Recording of a guitar.")
    ],
    to: To = "overdrive",
    from_: From = "clean",
    amount: Annotated[
        str | None,
        typer.Option(show_default=False, help="A curve; unless told, one that moves all along."),
    ] = None,
    block: Block = 64,
    seconds: Annotated[
        float, typer.Option(min=1, max=600, help="How much of the recording, from its beginning.")
    ] = 10.0,
    as_json: Json = False,
) -> None:
    """Prove that live sounds as morph does: both are made from one guitar and subtracted. Exit
    code 2: what is left is above -100 dBFS."""
    from morphsep.live import check

    found = check(song, from_, to, amount=amount, block=block, seconds=seconds)
    print_answer(as_json, asdict(found) | {"holds": found.holds}, _lines(found))
    raise typer.Exit(0 if found.holds else 2)


def _lines(found: Certificate) -> list[str]:
    from morphsep.live import NULL_DB

    milliseconds = 1000 * found.latency / found.sample_rate
    return [
        f"{found.path}, {found.seconds:.1f} s, {found.sample_rate} Hz, {found.channels} channels, "
        f"blocks of {found.block}: {found.from_} to {found.to}, amount {found.amount}",
        f"live - offline: {found.null_db:.1f} dBFS RMS, {found.peak_db:.1f} dBFS peak; "
        + ("they null" if found.holds else f"they do NOT null to {NULL_DB:g} dBFS"),
        f"latency {found.latency} samples ({milliseconds:.1f} ms); the knob counts "
        f"{1000 * found.knob_delay:.1f} ms later than the sound that it was turned with",
    ]


def _show(meter: Meter) -> None:
    line = (
        f"\r{meter.at:7.1f} s  in {meter.in_db:6.1f} dBFS  out {meter.out_db:6.1f} dBFS  "
        f"knob {meter.amount:4.2f}  worst block {meter.worst:4.0%}  xruns {meter.xruns} "
    )
    print(line, end="", file=sys.stderr, flush=True)


def _summary(played: Played) -> str:
    milliseconds = 1000 * played.latency / played.sample_rate
    return (
        f"{played.blocks} blocks of {played.block} samples at {played.sample_rate} Hz took "
        f"{played.median:.0%} of their time (median), {played.most:.0%} (99 in 100), "
        f"{played.worst:.0%} (worst); xruns: {played.xruns}; "
        f"latency {played.latency} samples ({milliseconds:.1f} ms)"
    )


def _write(out: Path, playing: RealTime, sample_rate: int) -> None:
    from morphsep.audio import AudioWriter, OutputFormat

    form = OutputFormat(format="WAV", subtype="FLOAT", extension=".wav")
    with AudioWriter(str(out), sample_rate, len(playing.out), form) as file:
        file.write(playing.out)
