"""Makes the files in demo/ from Debian's packages; demo/CREDITS.md names their authors.

    apt-get download fretsonfire-songs-sectoid sonic-pi-samples
    for deb in *.deb; do dpkg -x "$deb" unpacked; done
    python -m jobs.make_demo_material unpacked demo

"Feelings" is what ``make demo`` plays: from 0:20 to 0:44 guitar.ogg is a clean, picked guitar, and
song.ogg holds strings, choir and bass about as loud; drums and distortion come after 0:45.

"Metal madness" is for tests and benchmarks: 14 bars in which guitar.ogg carries the only guitar:
before 0:45 and after 1:10 the spectrogram of song.ogg is filled between the drum strokes from 1 to
6 kHz, as by a second guitar; in the clip it is not. The guitar plays a riff, then one long chord,
then pauses for two bars.

Two Ogg Vorbis files of half a megabyte cannot null like two FLAC files of five. At these qualities,
decoded mix - decoded guitar of "Metal madness" matches the backing to 17 dB, and mix and guitar
match their originals to 21 and 23 dB ("Feelings": 23, 29 and 31); at the next lower step, 120 kB
less, the backing is 2 dB worse.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.import_songs import SONGS_FOLDER, read_song
from morphsep.dsp import Signal, from_db

SAMPLE = Path("usr/share/sonic-pi/samples/guit_em9.flac")
CLEAN_SECONDS = 8.0
CLIP_FADE, CLEAN_FADE = 0.005, 0.5
HIGHEST_PEAK = from_db(-1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Seconds of a song of sectoid's; both ends lie about 20 ms before a note or a downbeat."""

    title: str
    start: float
    stop: float
    level: float
    """libsndfile's compression level, 0 (largest file) to 1."""

    @property
    def name(self) -> str:
        """Of its files, without an extension."""
        return self.title.lower().replace(" ", "-")


CLIPS = (
    Clip(title="Feelings", start=20.21, stop=43.26, level=0.5),
    # a bar lasts 1.594 s
    Clip(title="Metal madness", start=46.33, stop=68.63, level=0.4),
)


def cut(audio: Signal, start: int, stop: int, fade: int) -> Signal:
    """Samples [start, stop) of ``[C, T]``, with raised-cosine fades of `fade` samples."""
    piece = audio[:, start:stop].copy()
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)).astype(np.float32)
    piece[:, -fade:] *= ramp[::-1]
    if start > 0:
        piece[:, :fade] *= ramp
    return piece


def make_clip(clip: Clip, unpacked: Path, output: Path) -> None:
    """The clip's mix and guitar, one gain on both."""
    guitar, mix, rate = read_song(unpacked / SONGS_FOLDER / "sectoid" / clip.title)
    start, stop, fade = (round(t * rate) for t in (clip.start, clip.stop, CLIP_FADE))
    guitar, mix = cut(guitar, start, stop, fade), cut(mix, start, stop, fade)
    gain = np.float32(HIGHEST_PEAK / float(np.abs(mix).max()))
    tags = {"artist": "Sectoid", "license": "MIT, see CREDITS.md"}
    for kind, sound, about in (("", mix, ""), (".guitar", guitar, " (guitar)")):
        path = output / f"{clip.name}{kind}.ogg"
        _write_vorbis(path, sound * gain, rate, clip.level, {"title": clip.title + about, **tags})


def _write_vorbis(
    path: Path, audio: Signal, sample_rate: int, level: float, tags: dict[str, str]
) -> None:
    """Write an Ogg file. Its sound is the same at every run, a few bytes are not: stream numbers
    are random."""
    import mutagen
    import soundfile

    soundfile.write(path, audio.T, sample_rate, subtype="VORBIS", compression_level=level)
    ogg = mutagen.File(path)
    ogg.update(tags)
    ogg.save()


def make_clean_guitar(unpacked: Path, output: Path) -> None:
    """The first seconds of the Sonic Pi sample, as mono."""
    import soundfile

    stereo, rate = soundfile.read(unpacked / SAMPLE, dtype="float32", always_2d=True)
    mono: Signal = stereo.T.mean(axis=0, keepdims=True)
    clean = cut(mono, 0, round(CLEAN_SECONDS * rate), round(CLEAN_FADE * rate))
    soundfile.write(
        output / "guitar-clean.flac", clean.T, rate, subtype="PCM_16", compression_level=1
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("unpacked", type=Path, help="folder into which the packages were unpacked")
    parser.add_argument("output", type=Path, help="folder for the files; it has to exist")
    options = parser.parse_args(arguments)
    for clip in CLIPS:
        make_clip(clip, options.unpacked, options.output)
    make_clean_guitar(options.unpacked, options.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
