"""Whole songs with their isolated guitars, for trying morphsep on more than the demo clip.

Debian packages five songs (three to five minutes each) for the game Frets on Fire, each as a guitar
and its backing. Unpack the packages anywhere, then run this on that folder:

    apt-get download fretsonfire-songs-muldjord fretsonfire-songs-sectoid
    for deb in *.deb; do dpkg -x "$deb" unpacked; done
    python -m jobs.import_songs unpacked songs
    morphsep morph songs/*.flac -o out --to chorus --stem '{stem}.guitar.flac'

Every song becomes NAME.flac (guitar + band, 24 bits) and NAME.guitar.flac, sample by sample
aligned. Where the sum would clip, one gain is applied to both. The muldjord songs are
CC BY-SA 3.0, the sectoid song is MIT: see usr/share/doc/PACKAGE/copyright in the same folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from morphsep.dsp import Signal, dbfs

SONGS_FOLDER = Path("usr/share/games/fretsonfire/data/songs")
SONGS = {
    "armygeddon": "muldjord/armygeddon",
    "chaos-god": "muldjord/chaos_god",
    "internal-degeneration": "muldjord/internal_degeneration",
    "mutilated-mime": "muldjord/mutilated_mime",
    "feelings": "sectoid/Feelings",
}
HIGHEST_PEAK = 0.99
"""Just under full scale, so that rounding to 24 bits cannot reach it."""


def read_song(folder: Path) -> tuple[Signal, Signal, int]:
    """(guitar, mix, sample rate in Hz) of a song folder; guitar and mix are ``[2, T]``.

    The shorter recording is padded with silence; where the rates differ, the guitar is resampled to
    the backing's.
    """
    guitar, guitar_rate = _read(folder / "guitar.ogg")
    band, sample_rate = _read(folder / "song.ogg")
    if guitar_rate != sample_rate:
        guitar = _resampled(guitar, guitar_rate, sample_rate)
    num_samples = max(guitar.shape[1], band.shape[1])
    guitar, band = _lengthened(guitar, num_samples), _lengthened(band, num_samples)
    mix = guitar + band
    gain = min(1.0, HIGHEST_PEAK / max(float(np.abs(mix).max()), float(np.abs(guitar).max()), 1e-9))
    return guitar * np.float32(gain), mix * np.float32(gain), sample_rate


def _read(path: Path) -> tuple[Signal, int]:
    import soundfile

    audio, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    stereo = np.broadcast_to(audio.T, (2, len(audio))) if audio.shape[1] == 1 else audio.T
    return np.ascontiguousarray(stereo), int(sample_rate)


def _resampled(audio: Signal, rate: int, new_rate: int) -> Signal:
    import soxr

    return np.asarray(soxr.resample(audio.T, rate, new_rate, quality="VHQ").T, dtype=np.float32)


def _lengthened(audio: Signal, num_samples: int) -> Signal:
    return np.pad(audio, ((0, 0), (0, num_samples - audio.shape[1])))


def import_songs(unpacked: Path, output: Path) -> list[Path]:
    """The paths of the mixes written to `output`; a song whose package is missing is left out."""
    import soundfile

    mixes = []
    for name, folder in SONGS.items():
        song = unpacked / SONGS_FOLDER / folder
        if not song.is_dir():
            print(f"{name}: not unpacked, no folder {song}")
            continue
        guitar, mix, sample_rate = read_song(song)
        output.mkdir(parents=True, exist_ok=True)
        path, stem_path = output / f"{name}.flac", output / f"{name}.guitar.flac"
        soundfile.write(path, mix.T, sample_rate, subtype="PCM_24")
        soundfile.write(stem_path, guitar.T, sample_rate, subtype="PCM_24")
        minutes, seconds = divmod(round(mix.shape[1] / sample_rate), 60)
        peak = dbfs(float(np.abs(mix).max()))
        print(f"{path}: {minutes}:{seconds:02d}, {sample_rate} Hz, peak {peak:.1f} dBFS")
        mixes.append(path)
    return mixes


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("unpacked", type=Path, help="folder into which the packages were unpacked")
    parser.add_argument("output", type=Path, help="folder for the songs")
    options = parser.parse_args(arguments)
    return 0 if import_songs(options.unpacked, options.output) else 1


if __name__ == "__main__":
    raise SystemExit(main())
