"""Makes what `jobs.train_knob` was measured with: recordings of guitars, a list, a recipe.

    apt-get install fluidsynth
    apt-get download sonic-pi-samples fluid-soundfont-gm fretsonfire-songs-sectoid \\
        fretsonfire-songs-muldjord
    for deb in *.deb; do dpkg -x "$deb" unpacked; done
    python -m jobs.import_songs unpacked songs
    python -m jobs.make_knob_material unpacked songs knob
    morphsep generate knob/list.csv -o set --recipe knob/recipe.yaml --separator none
    python -m jobs.train_knob set

For training: Sonic Pi's four recorded guitars (CC0) and five sampled ones (Fluid R3, MIT) that play
riffs, chords and lines made here. For the test: the guitars of songs by Muldjord (CC BY-SA 3.0) and
Sectoid (MIT). The recipe is the shipped `drive-ladder` with shorter clips, without crossfades, and
with shares and a seed that put both halves where they belong.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jobs.train_separator import parts
from jobs.train_separator.notes import Note, Plan, Rng, plan
from jobs.train_separator.sound import RATE, synthesised
from morphsep.dataset.recipe import example
from morphsep.dsp import Signal

FONT = Path("usr/share/sounds/sf2/FluidR3_GM.sf2")
SAMPLES = Path("usr/share/sonic-pi/samples")
PROGRAMS = {24: "nylon", 25: "steel", 26: "jazz", 27: "clean", 28: "muted"}
"""Of General MIDI: those that are not driven."""
TAKES, SECONDS = 4, 20.0
COLUMNS = ("path", "artist", "song", "licence", "attribution")
CHANGES = (
    ("clip_seconds: 5 ", "clip_seconds: 2.5 "),
    ("clips_per_song: 20 ", "clips_per_song: 12 "),
    ("{train: 0.8, validation: 0.1, test: 0.1}", "{train: 0.5, test: 0.5}"),
    ("crossfades: yes", "crossfades: no"),
)
"""Of the shipped recipe. Its seed, 0, puts Sonic Pi and Fluid R3 into train, the others into
test."""


def sampled(font: Path, program: int, seed: int) -> Signal:
    """``[1, T]``: a sampled guitar that plays something."""
    rng = np.random.default_rng([program, seed])
    song = plan(rng, SECONDS)
    sound = synthesised(_notes(song, seed, rng), SECONDS, font, program)
    mono = sound.mean(axis=0, keepdims=True)
    return np.asarray(0.5 * mono / np.abs(mono).max(), np.float32)


def _notes(song: Plan, seed: int, rng: Rng) -> list[Note]:
    play = (parts.riff, parts.strum, parts.arpeggio, parts.lead)[seed % 4]
    return play(song, rng)


def recordings(unpacked: Path, songs: Path, out: Path) -> Iterator[Sequence[str]]:
    """The rows of the list; sampled guitars are written to `out`."""
    import soundfile

    for file in sorted((unpacked / SAMPLES).glob("guit_*.flac")):
        yield str(file.absolute()), "Sonic Pi", file.stem, "CC0-1.0", "Sonic Pi"
    for program, name in PROGRAMS.items():
        for seed in range(TAKES):
            file = out / f"{name}-{seed}.flac"
            soundfile.write(file, sampled(unpacked / FONT, program, seed).T, RATE, "PCM_24")
            yield file.name, "Fluid R3", file.stem, "MIT", "Frank Wen"
    for file in sorted(songs.glob("*.guitar.flac")):
        name = file.name.partition(".")[0]
        sectoid = name == "feelings"
        artist, licence = ("Sectoid", "MIT") if sectoid else ("Muldjord", "CC-BY-SA-3.0")
        yield str(file.absolute()), artist, name, licence, artist


def recipe() -> str:
    """The shipped `drive-ladder`, changed.

    Raises:
        ValueError: it does not say any more what is changed.
    """
    text = example("drive-ladder")
    for before, after in CHANGES:
        if text.count(before) != 1:
            raise ValueError(f"drive-ladder does not say {before!r} once")
        text = text.replace(before, after)
    return text


def main() -> None:
    """Writes list.csv, recipe.yaml and the sampled guitars."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("unpacked", type=Path, help="where the packages were unpacked")
    parser.add_argument("songs", type=Path, help="what jobs.import_songs wrote")
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    rows = list(recordings(chosen.unpacked, chosen.songs, chosen.out))
    with (chosen.out / "list.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    (chosen.out / "recipe.yaml").write_text(recipe(), encoding="utf-8")


if __name__ == "__main__":
    main()
