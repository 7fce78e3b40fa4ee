"""From notes to sound: FluidSynth with a sound font, a plucked string, and a sung voice.

The string is that of K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum
timbres", Computer Music Journal 7(2), 1983, with the combs of where it is plucked and picked up
(D. Jaffe and J. Smith, same issue). The voice is a pulse train through moving formants.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jobs.train_separator.parts import Note, Rng
from morphsep.dsp import Signal

Curve = npt.NDArray[np.float64]

RATE = 44_100
TICKS = 960
"""Per second."""
BEND_RANGE = 2
FORMANTS = (
    (800, 1150, 2900, 3900), (350, 2000, 2800, 3600), (270, 2140, 2950, 3900),
    (450, 800, 2830, 3800), (325, 700, 2700, 3800), (600, 1700, 2600, 3500),
)  # fmt: skip


def synthesised(
    notes: list[Note], seconds: float, font: Path, program: int, kit: bool = False
) -> Signal:
    """``[2, T]`` of a sound font's program, dry."""
    with tempfile.TemporaryDirectory() as folder:
        midi, raw = Path(folder) / "part.mid", Path(folder) / "part.raw"
        midi.write_bytes(_midi(notes, seconds, program, 9 if kit else 0))
        subprocess.run(
            [
                "fluidsynth", "-niq", "-R", "0", "-C", "0", "-g", "0.6", "-r", str(RATE),
                "-o", "synth.dynamic-sample-loading=1", "-o", "synth.cpu-cores=1",
                "-T", "raw", "-O", "s16", "-F", str(raw), str(font), str(midi),
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        samples = np.fromfile(raw, "<i2").reshape(-1, 2).T / np.float32(32768)
    return fitted(samples.astype(np.float32), round(seconds * RATE))


def fitted(samples: Signal, length: int) -> Signal:
    """``[C, length]``: cut, or continued with silence."""
    return np.pad(samples[:, :length], ((0, 0), (0, max(0, length - samples.shape[1]))))


def _midi(notes: list[Note], seconds: float, program: int, channel: int) -> bytes:
    """A format 0 file at 120 beats per minute."""
    events: list[tuple[int, int, bytes]] = [(0, 0, bytes([0xC0 | channel, program]))]
    for note in notes:
        on, off = round(note.start * TICKS), round((note.start + note.length) * TICKS)
        events.append((on, 2, bytes([0x90 | channel, note.pitch, note.velocity])))
        events.append((max(off, on + 1), 1, bytes([0x80 | channel, note.pitch, 0])))
        if note.bend != (0.0, 0.0) or note.vibrato:
            events += _bends(note, on, off, channel)
    # Whatever comes after the end of a track, FluidSynth waits for.
    last = round(seconds * TICKS)
    events = [(min(tick, last), order, data) for tick, order, data in events]
    events.append((last, 3, b"\xff\x2f\x00"))
    track, now = b"", 0
    for tick, _, data in sorted(events, key=lambda event: event[:2]):
        track += _variable(max(0, tick - now)) + data
        now = max(now, tick)
    return (
        b"MThd"
        + struct.pack(">IHHH", 6, 0, 1, TICKS // 2)
        + b"MTrk"
        + struct.pack(">I", len(track))
        + track
    )


def _bends(note: Note, on: int, off: int, channel: int) -> list[tuple[int, int, bytes]]:
    ticks = np.arange(on, max(off, on + 10), 10)
    value = np.clip(8192 + 8191 * _pitch_curve(note, (ticks - on) / TICKS) / BEND_RANGE, 0, 16383)
    bent = [
        (int(t), 1, bytes([0xE0 | channel, int(v) & 127, int(v) >> 7]))
        for t, v in zip(ticks, value, strict=True)
    ]
    return [*bent, (off, 1, bytes([0xE0 | channel, 0, 64]))]


def _pitch_curve(note: Note, time: Curve) -> Curve:
    """Semitones beside the note's pitch."""
    first, last = note.bend
    rise = np.clip(time / 0.18, 0, 1)
    sway = note.vibrato * np.sin(2 * np.pi * 5.5 * time) * np.clip((time - 0.2) / 0.2, 0, 1)
    return np.asarray(first + (last - first) * rise + sway)


def _variable(value: int) -> bytes:
    data = [value & 127]
    while value := value >> 7:
        data.insert(0, 128 | (value & 127))
    return bytes(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strings:
    """One electric guitar, unplugged from any amplifier."""

    damping: float
    """0.02 (new strings) to 0.2."""
    sustain: float
    """Seconds in which a low note falls by 60 dB."""
    pick: float
    pickup: float
    """Where, as a part of the string's length."""
    brightness: float

    @staticmethod
    def drawn(rng: Rng) -> Strings:
        """Any guitar."""
        return Strings(
            damping=float(rng.uniform(0.01, 0.12)),
            sustain=float(rng.uniform(3, 14)),
            pick=float(rng.uniform(0.06, 0.3)),
            pickup=float(rng.uniform(0.05, 0.28)),
            brightness=float(rng.uniform(0.2, 0.95)),
        )


def plucked(notes: list[Note], seconds: float, strings: Strings, rng: Rng) -> Signal:
    """``[1, T]``: every note on a string of its own."""
    total = np.zeros(round(seconds * RATE) + RATE, np.float32)
    for note in notes:
        sound = _pluck(note, strings, rng)
        first = round(note.start * RATE)
        span = total[first : first + len(sound)]
        span += sound[: len(span)]
    return total[None, : round(seconds * RATE)]


def _pluck(note: Note, strings: Strings, rng: Rng) -> Signal:
    hertz = 440 * 2 ** ((note.pitch - 69) / 12) * 2 ** (rng.normal(0, 3) / 1200)
    period = RATE / hertz
    length = round((note.length + 0.08) * RATE)
    delay = int(period) - 1
    fraction = period - 1 - delay
    damping = min(0.24, strings.damping * (3 if note.muted else 1))
    fall = 10 ** (-3 * period / (RATE * (0.35 if note.muted else strings.sustain)))
    total = np.zeros(length + 2 * delay + 8, np.float32)
    burst = rng.uniform(-1, 1, delay + 3).astype(np.float32)
    colour = strings.brightness * (0.5 if note.muted else 1.0) * (0.5 + note.velocity / 254)
    for i in range(1, len(burst)):
        burst[i] = colour * burst[i] + (1 - colour) * burst[i - 1]
    total[: len(burst)] = burst - burst.mean()
    first = len(burst)
    while first < len(total):
        size = min(delay - 1, len(total) - first)
        base = first - delay
        late = [total[base - k : base - k + size] for k in (-1, 0, 1, 2) if base - k >= 0]
        if len(late) < 4:
            late = [total[max(0, base - k) : max(0, base - k) + size] for k in (-1, 0, 1, 2)]
        straight = (1 - fraction) * late[1] + fraction * late[2]
        beside = (1 - fraction) * (late[0] + late[2]) + fraction * (late[1] + late[3])
        total[first : first + size] = fall * ((1 - 2 * damping) * straight + damping * beside)
        first += size
    for part in (strings.pick, strings.pickup):
        shift = max(1, round(part * period))
        total[shift:] = total[shift:] - 0.9 * total[:-shift]
    sound = total[:length]
    if note.vibrato or note.bend != (0.0, 0.0):
        ratio = 2 ** (_pitch_curve(note, np.arange(length) / RATE) / 12)
        sound = np.interp(np.cumsum(ratio), np.arange(length), sound).astype(np.float32)
    fade = min(length, round(0.04 * RATE))
    sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return sound * np.float32(note.velocity / 127)


def sung(notes: list[Note], seconds: float, rng: Rng) -> Signal:
    """``[1, T]``: a voice, clean to screaming."""
    from scipy.signal import istft, stft

    length = round(seconds * RATE)
    pitch, level = _melody(notes, length, rng)
    scream = rng.random() < 0.3
    rough = rng.uniform(0.3, 1.0) if scream else rng.uniform(0.0, 0.06)
    jitter = np.convolve(rng.normal(0, 1, length), np.ones(200) / 200, "same") * 14
    phase = np.cumsum(pitch * 2 ** (jitter * (0.05 + rough) / 12) / RATE)
    tilt = rng.uniform(0.5, 0.9)
    buzz = 2 * (phase % 1) - 1
    source = (1 - rough) * buzz + (rough + 0.02) * rng.normal(0, 0.7, length)
    _, _, bins = stft(source * level, RATE, nperseg=1024, noverlap=768)
    hertz = np.linspace(0, RATE / 2, 513)
    vowels = rng.integers(len(FORMANTS), size=bins.shape[1] // 40 + 2)
    size = rng.uniform(0.9, 1.2)
    curves = np.stack([_vowel(hertz, FORMANTS[v], size) for v in vowels])
    place = np.arange(bins.shape[1]) / 40
    share = np.clip(((place % 1) - 0.7) / 0.3, 0, 1)[None]
    now, then = curves[place.astype(int)].T, curves[place.astype(int) + 1].T
    voice = istft(
        bins * (now * (1 - share) + then * share) * (hertz[:, None] / 300 + 1) ** -tilt,
        RATE,
        nperseg=1024,
        noverlap=768,
    )[1]
    if scream:
        voice = np.tanh(4 * voice / (np.abs(voice).max() + 1e-6))
    return fitted(np.asarray(voice, np.float32)[None], length) + _consonants(notes, length, rng)


def _melody(notes: list[Note], length: int, rng: Rng) -> tuple[Curve, Curve]:
    """Pitch in Hz and loudness, a value a sample."""
    pitch, level = np.zeros(length), np.zeros(length)
    time = np.arange(length) / RATE
    for note in notes:
        span = slice(
            round(note.start * RATE), min(length, round((note.start + note.length) * RATE))
        )
        pitch[span] = note.pitch + note.bend[0] * np.exp(-(time[span] - note.start) / 0.05)
        level[span] = note.velocity / 127
    for i in np.flatnonzero(np.diff((pitch == 0).astype(int)) == 1):
        stop = np.flatnonzero(pitch[i + 1 :])
        pitch[i + 1 : i + 1 + (stop[0] if len(stop) else length)] = pitch[i]
    window = np.hanning(2205) / np.hanning(2205).sum()
    smooth = np.convolve(np.where(pitch == 0, 60, pitch), window, "same")
    smooth += rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * time)
    return 440 * 2 ** ((smooth - 69) / 12), np.convolve(level, window, "same")


def _vowel(hertz: Curve, formants: tuple[int, ...], size: float) -> Curve:
    curve = np.full_like(hertz, 0.02)
    for i, centre in enumerate(formants):
        width = 60 + 40 * i
        curve += 0.7**i / (1 + ((hertz - centre * size) / width) ** 2)
    return curve


def _consonants(notes: list[Note], length: int, rng: Rng) -> Signal:
    from scipy.signal import butter, sosfilt

    envelope = np.zeros(length, np.float32)
    for note in notes:
        if rng.random() < 0.5:
            first, size = (
                max(0, round((note.start - 0.04) * RATE)),
                round(rng.uniform(0.02, 0.09) * RATE),
            )
            span = envelope[first : first + size]
            span[:] = np.hanning(size)[: len(span)]
    low = rng.uniform(2000, 5000)
    hiss = sosfilt(
        butter(2, [low, 10_000], "band", fs=RATE, output="sos"), rng.normal(0, 0.15, length)
    )
    return np.asarray(hiss * envelope, np.float32)[None]
