"""Morphs the clip in demo/ twice: with the guitar that ships beside it, and with a stem separated
here. Run by ``make demo``; ``python -m jobs.demo --help`` for its settings.

The guitar stays as it was recorded for four seconds, and turns into full distortion in five more.

Writes to demo-out/: the changed song, its manifest and a picture (before, stem, after) of each, and
a page, index.html, that plays them beside the clip.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import morphsep
from jobs.picture import Panel, draw
from jobs.player import Sound, write_page
from morphsep.dsp import MODEL_RATE, Signal, si_sdr

CLIP = Path(__file__).resolve().parent.parent / "demo" / "feelings.ogg"
OWN_STEM = "{stem}.guitar.ogg"
TONE = "distortion"
AMOUNT = "0:04=0 0:09=1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One of the two runs."""

    title: str
    out: Path
    settings: dict[str, Any]


def read_audio(path: Path) -> tuple[Signal, int]:
    """``[C, T]`` and the sample rate in Hz."""
    import soundfile

    audio, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    return audio.T.copy(), int(sample_rate)


def make(take: Take, tone: str, amount: str) -> morphsep.TrackRow:
    """Morph the clip and print the results."""
    print(f"\n{take.title}", flush=True)
    row = morphsep.morph_file(CLIP, take.out, to=tone, amount=amount, **take.settings)
    picture = take.out / "picture.png"
    draw_take(row, take, picture, tone, amount)
    print(f"  separator  {row.separator} ({row.separator_reason})")
    print(f"  result     {take.out / str(row.output)}")
    print(f"  picture    {picture}")
    print(f"  manifest   {take.out / 'manifest'}")
    return row


def draw_take(row: morphsep.TrackRow, take: Take, path: Path, tone: str, amount: str) -> None:
    from morphsep.request import parse_curve

    before, sample_rate = read_audio(CLIP)
    after, _ = read_audio(take.out / str(row.output))
    stem = morphsep.read_stem(row, take.out)
    panels = [
        Panel(title=f"before: {CLIP.name}", audio=before, sample_rate=sample_rate),
        Panel(title=f"stem (separator: {row.separator})", audio=stem, sample_rate=MODEL_RATE),
        Panel(title=f"after: towards {tone}", audio=after, sample_rate=sample_rate),
    ]
    curve = parse_curve(amount).at(0, stem.shape[1])[:: MODEL_RATE // 50]
    draw(path, panels, morphsep.seams(row, take.out), curve)


def write_player(out: Path, made: Sequence[tuple[Take, morphsep.TrackRow]]) -> Path:
    """The page that plays the clip and what was made of it."""
    import soundfile

    before, page = out / "before.flac", out / "index.html"
    audio, sample_rate = read_audio(CLIP)
    soundfile.write(before, audio.T, sample_rate)  # browsers that do not play Ogg play FLAC
    sounds = [Sound(title="The clip as it is", file=before)]
    for take, row in made:
        file, picture = take.out / str(row.output), take.out / "picture.png"
        sounds.append(Sound(title=take.title, file=file, picture=picture))
    text = "Choose what you hear while it plays. Music: Feelings, by Sectoid (MIT)."
    write_page(page, "morphsep: clean guitar to distortion", text, sounds)
    return page


def show_distance(row: morphsep.TrackRow, out: Path) -> None:
    """Print how close the separated stem is to the shipped guitar, and the score of the untouched
    mix."""
    guitar, _ = read_audio(CLIP.with_name(OWN_STEM.format(stem=CLIP.stem)))
    mix, _ = read_audio(CLIP)
    stem = morphsep.read_stem(row, out)
    print("\nHow close the separated stem came to the shipped guitar (SI-SDR, higher is closer)")
    print(f"  {row.separator!s:<18} {si_sdr(stem, guitar):6.1f} dB")
    print(f"  {'the untouched mix':<18} {si_sdr(mix, guitar):6.1f} dB")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-out"))
    parser.add_argument("--to", default=TONE, help="tone to morph towards")
    parser.add_argument("--amount", default=AMOUNT, help="0 to 1, or a curve over time")
    parser.add_argument("--separator", default="auto", help="for the second run")
    options = parser.parse_args(arguments)
    own = Take(
        title="With the guitar that ships beside the clip",
        out=options.out / "own-stem",
        settings={"separator": "stem", "stem": OWN_STEM},
    )
    separated = Take(
        title="With a stem separated on this machine",
        out=options.out / "separated",
        settings={"separator": options.separator},
    )
    try:
        made = [(take, make(take, options.to, options.amount)) for take in (own, separated)]
    except morphsep.MorphsepError as error:
        print(f"The demo failed: {error}")
        return 2
    show_distance(made[-1][1], separated.out)
    print(f"\nListen: open {write_player(options.out, made)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
