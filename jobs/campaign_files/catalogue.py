"""Every container and codec that the programs here can write."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from jobs.campaign_files.sounds import Part, sound

TIMEOUT = 60.0
"""Seconds after which a program has failed."""
USUAL = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
HIGH = (*USUAL, 88_200, 96_000, 192_000, 7_350, 200_000)
MPEG = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS = (8_000, 16_000, 48_000)
FULL = (44_100, 48_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """One way to write a file."""

    suffix: str
    command: tuple[str, ...]
    """A program and its arguments; IN and OUT are file names. ("soundfile", FORMAT, SUBTYPE)
    writes without a program."""
    bits: int | None = None
    """What a sample keeps; None: the codec is lossy."""
    rates: tuple[int, ...] = USUAL
    most_channels: int = 2

    @property
    def name(self) -> str:
        options = [word for word in self.command[1:] if word not in ("IN", "OUT", "-c:a", "-v")]
        return " ".join([self.command[0], *options[:4], self.suffix])

    @property
    def is_here(self) -> bool:
        """Whether its program is installed."""
        return self.command[0] == "soundfile" or shutil.which(self.command[0]) is not None


def encode(encoder: Encoder, part: Part, title: str = "a title") -> bytes | None:
    """A file of ``part``; None where the program refuses that rate or number of channels.

    ``title`` is written where the program is ffmpeg.
    """
    import soundfile

    with TemporaryDirectory(prefix="campaign-") as name:
        source, made = Path(name, "in.wav"), Path(name, "out" + encoder.suffix)
        if encoder.command[0] == "soundfile":
            _, form, subtype = encoder.command
            soundfile.write(made, sound(part).T, part.sample_rate, subtype, format=form)
            return made.read_bytes()
        soundfile.write(source, sound(part).T, part.sample_rate, "PCM_24")
        words = {"IN": str(source), "OUT": str(made), "title=TITLE": f"title={title}"}
        command = [words.get(word, word) for word in encoder.command]
        try:
            done = subprocess.run(
                command, capture_output=True, check=False, timeout=TIMEOUT, cwd=name
            )  # there, for sox leaves an empty file `._` where it writes sd2
        except subprocess.TimeoutExpired:
            return None
        is_made = done.returncode == 0 and made.exists() and made.stat().st_size > 0
        return made.read_bytes() if is_made else None


def _soundfile() -> list[Encoder]:
    integers = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 24, "FLOAT": 24, "DOUBLE": 24}
    kinds = {
        ("WAV", ".wav"): {"PCM_U8": 8, **integers},
        ("WAVEX", ".wav"): integers,
        ("RF64", ".rf64"): integers,
        ("W64", ".w64"): integers,
        ("AIFF", ".aiff"): {"PCM_S8": 8, **integers},
        ("CAF", ".caf"): integers,
        ("FLAC", ".flac"): {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24},
        ("AU", ".au"): {"PCM_16": 16},
    }
    exact = [
        Encoder(
            suffix=suffix, command=("soundfile", form, subtype), bits=bits, rates=HIGH,
            most_channels=6,
        )
        for (form, suffix), subtypes in kinds.items()
        for subtype, bits in subtypes.items()
    ]  # fmt: skip
    lossy = [
        Encoder(suffix=suffix, command=("soundfile", form, subtype), rates=rates)
        for form, subtype, suffix, rates in (
            ("OGG", "VORBIS", ".ogg", USUAL),
            ("OGG", "OPUS", ".opus", OPUS),
            ("MP3", "MPEG_LAYER_III", ".mp3", MPEG),
            ("WAV", "ULAW", ".wav", USUAL),
            ("WAV", "IMA_ADPCM", ".wav", USUAL),
            ("AIFF", "ALAW", ".aifc", USUAL),
        )
    ]
    return exact + lossy


def _ffmpeg() -> list[Encoder]:
    exact = {
        "pcm_u8": (8, ".wav .mkv .voc .mov"),
        "pcm_s16le": (16, ".wav .w64 .caf .mka .mov .avi .nut"),
        "pcm_s24le": (24, ".wav .w64 .caf .mka .mov"),
        "pcm_s32le": (24, ".wav .caf"),
        "pcm_f32le": (24, ".wav .w64 .caf .mka"),
        "pcm_f64le": (24, ".wav .caf"),
        "pcm_s16be": (16, ".aiff .caf .au .mov"),
        "pcm_s24be": (24, ".aiff .caf .au"),
        "pcm_f32be": (24, ".aiff .au"),
        "alac": (24, ".m4a .mov .caf .mp4"),
        "flac": (24, ".flac .ogg .oga .mka .mp4"),
        "wavpack": (24, ".wv .mka"),
        "tta": (24, ".tta .mka"),
    }
    lossy = {
        "pcm_mulaw": (USUAL, ".wav .au .aiff .caf"),
        "pcm_alaw": (USUAL, ".wav .mka"),
        "adpcm_ms": (USUAL, ".wav"),
        "adpcm_ima_wav": (USUAL, ".wav"),
        "libmp3lame": (MPEG, ".mp3 .wav .mka .avi .mov .mp4"),
        "mp2": (MPEG, ".mp2 .mp3 .ts .mpg"),
        "aac": (USUAL, ".m4a .aac .mp4 .mka .mov .3gp .ts .flv .caf"),
        "libvorbis": (USUAL, ".ogg .oga .mka .webm"),
        "libopus": (OPUS, ".opus .ogg .mka .webm .mp4 .ts"),
        "ac3": (FULL, ".ac3 .mka .mp4"),
        "eac3": (FULL, ".eac3"),
        "wmav1": (MPEG, ".wma"),
        "wmav2": (MPEG, ".wma .asf"),
        "libspeex": ((8_000, 16_000), ".spx .ogg"),
        "dca": (FULL, ".dts .mka"),
    }
    more = ("-strict", "-2", "-flags", "+bitexact", "-metadata", "title=TITLE")

    def written(codec: str, suffix: str, rates: tuple[int, ...], bits: int | None) -> Encoder:
        command = ("ffmpeg", "-v", "error", "-i", "IN", "-c:a", codec, *more, "OUT")
        return Encoder(suffix=suffix, command=command, rates=rates, bits=bits)

    found = [
        written(c, s, HIGH[:-2], bits) for c, (bits, all_) in exact.items() for s in all_.split()
    ]
    return found + [
        written(c, s, rates, None) for c, (rates, all_) in lossy.items() for s in all_.split()
    ]


def _others() -> list[Encoder]:
    def written(suffix: str, command: str, bits: int | None, rates: tuple[int, ...]) -> Encoder:
        return Encoder(suffix=suffix, command=tuple(command.split()), bits=bits, rates=rates)

    sox = {".8svx": 8, ".au": 16, ".voc": 8, ".w64": 16, ".sph": 16, ".ircam": 16, ".paf": 16,
           ".sd2": 16, ".mat": 24, ".aifc": 16, ".htk": 16, ".wve": None, ".gsm": None,
           ".snd": 16, ".prc": None, ".avr": 16, ".smp": 16, ".sds": 16, ".ogg": None}  # fmt: skip
    found = [
        written(suffix, f"sox -D IN {f'-b {bits} ' if bits in (8, 16) else ''}OUT", bits, USUAL)
        for suffix, bits in sox.items()
    ]
    lame = ("-V2", "-b 64", "-b 320", "--abr 150 -p", "-V9 -m j", "-t -b 96", "--freeformat -b 400")
    found += [written(".mp3", f"lame --quiet {words} IN OUT", None, MPEG) for words in lame]
    opus = ("--bitrate 64", "--framesize 2.5", "--framesize 60 --vbr", "--bitrate 6")
    found += [written(".opus", f"opusenc --quiet {words} IN OUT", None, OPUS) for words in opus]
    flac = ("-0", "-8", "--no-seektable -5", "--ogg -5", "-l 0 -b 4608", "--no-padding -3")
    for words in flac:
        suffix = ".oga" if "ogg" in words else ".flac"
        found.append(written(suffix, f"flac -s {words} -o OUT IN", 24, HIGH[:-2]))
    found += [
        written(".ogg", f"oggenc -Q {words} -o OUT IN", None, USUAL) for words in ("-q 0", "-q 9")
    ]
    found.append(written(".wv", "wavpack -q IN -o OUT", 24, USUAL))
    return found


WITHOUT_PROGRAMS = _soundfile()
ALL = [*WITHOUT_PROGRAMS, *_ffmpeg(), *_others()]
