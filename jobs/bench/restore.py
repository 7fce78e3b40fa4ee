"""How well recordings are repaired, against damage of known truth and beside other programs.

    nice -n 10 python -m jobs.bench.restore [GUITAR ...] [--seconds 6] [--only declick dehum ...]

Guitars (solo, 44.1 kHz) are damaged by `jobs.bench.restore_damage` and repaired. Declick: SNR
against the truth, which has hiss at -60 dBFS, and what becomes of the undamaged guitar. Dehum: how
much softer a known hum becomes by the filter that was found, and how far bands of 1/3 octave beside
the notches move. Dehiss: log-spectral distance from the truth where the guitar sounds, at the same
mean fall of all bins' levels in a rest, which each peer says. Timbre: log-mel distance from the
undamaged guitar inside the surviving band, after each step, the last one `--like` the undamaged
recording. Cost: CPU seconds and peak memory for an hour of 96 kHz mono. Prints Markdown.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.bench.morph import keep_to_one_core

if TYPE_CHECKING:
    from morphsep.dsp import Reader, Signal

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("guitar-clean.flac", "feelings.guitar.ogg", "metal-madness.guitar.ogg")
GUITARS = tuple(ROOT / "demo" / name for name in NAMES)
REST = 2.0
"""Seconds of noise alone before the guitar."""
PEERS = ("afftdn=nr=8:nf=-50:nt=w", "afftdn=nr=12:nf=-50:nt=w", "anlmdn=s=0.01", "noisered")
LONGEST = 30.0
"""Seconds of a reference."""
COST_SECONDS = 40


def main() -> None:
    """Print a table for each step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("guitars", nargs="*", type=Path, default=GUITARS)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each guitar")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    arguments = parser.parse_args()
    keep_to_one_core()
    for name in arguments.only:
        TABLES[name](arguments.guitars, arguments.seconds)


def excerpt(path: Path, seconds: float) -> Signal:
    """``[1, T]`` at 44.1 kHz, from where it sounds."""
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != 44_100:
        raise SystemExit(f"{path} is not at 44100 Hz")
    mono = samples.mean(axis=1)[None]
    first = int(np.argmax(np.abs(mono[0]) > 0.05))
    return np.ascontiguousarray(mono[:, first : first + round(seconds * rate)])


def after(step: Any, sound: Signal) -> tuple[Signal, Any]:
    """A sound repaired by a step, and what was found."""
    from morphsep.dsp import ArrayReader
    from morphsep.restoration import repaired

    recording = ArrayReader(sound, 44_100)
    findings = step.look(recording)
    return repaired(recording, step, findings).read(0, sound.shape[1]), findings


def decibels(sound: Signal) -> float:
    """Mean power, dB."""
    import numpy as np

    return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-20))


def declick(guitars: Sequence[Path], seconds: float) -> None:
    """Clicks and crackle of known place; and undamaged guitars."""
    from jobs.bench.restore_damage import CARRIERS, clicks, hiss, limited, wow
    from jobs.bench.restore_peers import by_ffmpeg, is_there
    from morphsep.restoration import Declick

    peer = is_there("ffmpeg")
    print("| guitar | SNR damaged | `declick` | ffmpeg `adeclick` | undamaged: repairs a minute | "
          "changed by | by `adeclick` |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for path in guitars:
        guitar = excerpt(path, seconds)
        old = limited(wow(guitar), CARRIERS["electrical 78"]) + hiss(guitar.shape[1], -60, 2)
        damaged = clicks(old, 30, seed=3)[0]
        made, alone = after(Declick(), damaged)[0], after(Declick(), guitar)
        theirs = [by_ffmpeg(each, "adeclick") for each in (damaged, guitar)] if peer else []
        snr = [decibels(old) - decibels(each - old) for each in (damaged, made, *theirs[:1])]
        changed = [decibels(each - guitar) - decibels(guitar) for each in (alone[0], *theirs[1:])]
        print(f"| {path.stem} | {snr[0]:.1f} dB | {snr[1]:.1f} dB | {_said(snr[2:])} | "
              f"{alone[1].per_minute:.1f} | {_said(changed[:1])} | {_said(changed[1:])} |",
              flush=True)  # fmt: skip
    print()


def _said(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{values[0]:.1f} dB" if values[0] > -150 else "nothing"


def dehum(guitars: Sequence[Path], seconds: float) -> None:
    """Hum of known lines, under a guitar that rests for a while."""
    import numpy as np

    from jobs.bench.restore_damage import hiss, hum
    from morphsep.dsp import ArrayReader
    from morphsep.restoration import Dehum, repaired

    print("| guitar | drift | lines found of 9 | those lines | all of the hum | "
          "1/3 octaves beside them move by |\n|---|---|---|---|---|---|")  # fmt: skip
    for path in guitars:
        guitar = excerpt(path, seconds)
        music = np.concatenate([guitar, 0 * guitar, guitar], axis=1)
        music += hiss(music.shape[1], -70, 4)
        for drift in (0.0, 0.02):
            damage = hum(music.shape[1], 49.98, -44, drift)
            found = Dehum().look(ArrayReader(music + damage, 44_100))
            left = repaired(ArrayReader(damage, 44_100), Dehum(), found).read(0, damage.shape[1])
            kept = repaired(ArrayReader(music, 44_100), Dehum(), found).read(0, music.shape[1])
            numbers = sorted({line.number for line in found.lines} & set(range(1, 10)))
            falls = [_line_fall(damage, left, 49.98 * number) for number in numbers]
            moved = _moved(music, kept, [notch.hz for notch in found.notches])
            print(f"| {path.stem} | {drift:g} Hz | {len(numbers)} | "
                  f"{_least(falls)} | {decibels(left) - decibels(damage):.1f} dB | "
                  f"{moved:.3f} dB |", flush=True)  # fmt: skip
    print()


def _least(falls: Sequence[float]) -> str:
    return f"at least {min(falls):.1f} dB softer" if falls else "-"


def _line_fall(before: Signal, later: Signal, hz: float) -> float:
    """dB by which 2 Hz around a frequency are softer, but for 2 s at either end."""
    import numpy as np

    inner = slice(88_200, -88_200)
    bins = np.fft.rfftfreq(before[:, inner].shape[1], 1 / 44_100)
    near = np.abs(bins - hz) < 1
    window = np.hanning(before[:, inner].shape[1])
    powers = [np.abs(np.fft.rfft(each[0, inner] * window))[near] ** 2 for each in (before, later)]
    return float(10 * np.log10(powers[0].sum() / powers[1].sum()))


def _moved(before: Signal, later: Signal, notches: Sequence[float]) -> float:
    """The largest change of a band of 1/3 octave, 1.1 Hz around the notches left out, in dB."""
    import numpy as np

    inner = slice(88_200, -88_200)
    window = np.hanning(before[:, inner].shape[1])
    old, new = (np.abs(np.fft.rfft(each[0, inner] * window)) ** 2 for each in (before, later))
    hz = np.fft.rfftfreq(before[:, inner].shape[1], 1 / 44_100)
    beside = np.ones(hz.size, bool)
    for notch in notches:
        beside &= np.abs(hz - notch) > 1.1
    edges = 40 * 2 ** (np.arange(28) / 3)
    bands = [beside & (hz >= low) & (hz < 2 ** (1 / 3) * low) for low in edges]
    return max(abs(float(10 * np.log10(new[band].sum() / old[band].sum()))) for band in bands)


def dehiss(guitars: Sequence[Path], seconds: float) -> None:
    """Hiss at -50 dBFS, from before the guitar begins."""
    import numpy as np

    from jobs.bench.restore_damage import hiss
    from jobs.bench.restore_peers import by_ffmpeg, by_sox, is_there
    from morphsep.restoration import Dehiss

    peers = [name for name in PEERS if is_there("sox" if name == "noisered" else "ffmpeg")]
    print("| guitar | peer | softer in the rest by | distance before | peer | `dehiss` |\n"
          "|---|---|---|---|---|---|")  # fmt: skip
    for path in guitars:
        guitar = np.pad(excerpt(path, seconds), ((0, 0), (round(REST * 44_100), 0)))
        hissy = guitar + hiss(guitar.shape[1], -50, 6)
        for peer in peers:
            theirs = by_sox(hissy, 1.5, 0.2) if peer == "noisered" else by_ffmpeg(hissy, peer)
            fall = _rest_fall(hissy, theirs)
            if fall < 0.5:
                print(f"| {path.stem} | `{peer}` | {fall:.1f} dB | | does nothing here | |")
                continue
            ours = after(Dehiss(reduction_db=min(fall, 30.0)), hissy)[0]
            apart = [_spectral_distance(each, guitar) for each in (hissy, theirs, ours)]
            print(f"| {path.stem} | `{peer}` | {fall:.1f} dB (ours {_rest_fall(hissy, ours):.1f}) "
                  f"| {apart[0]:.2f} dB | {apart[1]:.2f} dB | {apart[2]:.2f} dB |",
                  flush=True)  # fmt: skip
    print()


def _levels(sound: Signal, least: float = 1e-12) -> Any:
    import numpy as np

    frames = np.lib.stride_tricks.sliding_window_view(sound[0], 2048)[::1024]
    powers = np.abs(np.fft.rfft(frames * np.hanning(2048))) ** 2
    return 10 * np.log10(powers + least)


def _rest_fall(before: Signal, later: Signal) -> float:
    """Mean over frames and bins, dB."""
    rest = slice(round(0.3 * 44_100), round(1.7 * 44_100))
    return float((_levels(before[:, rest]) - _levels(later[:, rest])).mean())


def _spectral_distance(sound: Signal, truth: Signal) -> float:
    """Log-spectral distance in dB over the frames in which the guitar sounds; what lies 20 dB
    below the hiss is taken for silent in both."""
    import numpy as np

    least = 0.01 * 1e-5 * 768
    ours, theirs = _levels(sound, least), _levels(truth, least)
    sounding = np.sum(10 ** (theirs / 10), axis=1) > 1e-5 * 768 * 1025
    return float(np.mean(np.sqrt(np.mean((ours - theirs)[sounding] ** 2, axis=1))))


def timbre(guitars: Sequence[Path], seconds: float) -> None:
    """All damage at once, then all steps one after the other."""
    from jobs.bench.restore_damage import CARRIERS, clicks, hiss, hum, limited
    from morphsep.dsp import ArrayReader
    from morphsep.restoration import Declick, Dehiss, Dehum, identity, surviving_band

    print("| guitar | carrier | band | damaged | declick | dehum | dehiss | timbre | onset F1 | "
          "pitch |\n|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for path in guitars:
        guitar, whole = excerpt(path, seconds), excerpt(path, LONGEST)
        for name, carrier in CARRIERS.items():
            old = limited(guitar, carrier)
            worn = old + hiss(old.shape[1], -58, 8) + hum(old.shape[1], 50.02, -48, 0.01)
            sound = clicks(worn, 20, seed=5)[0]
            stages = [sound]
            for step in (Declick(), Dehum(), Dehiss()):
                stages.append(after(step, stages[-1])[0])
            band = surviving_band(ArrayReader(stages[2], 44_100))
            stages.append(like(stages[-1], whole, band))
            apart = [mel_distance(each, guitar, band) for each in stages]
            same = identity(
                ArrayReader(stages[3], 44_100), ArrayReader(stages[4], 44_100), high_hz=band.high_hz
            )
            print(f"| {path.stem} | {name} | {band.low_hz:.0f} to {band.high_hz:.0f} Hz | "
                  + " | ".join(f"{each:.1f} dB" for each in apart)
                  + f" | {same.onset_f1:.3f} | {same.pitch_cents:+.1f} cents |",
                  flush=True)  # fmt: skip
    print()


def like(sound: Signal, reference: Signal, band: Any) -> Signal:
    """What ``--like`` makes of a guitar, inside the band."""
    import soundfile

    from morphsep.dsp import ArrayReader, LoudnessMeter, rms_per_second
    from morphsep.restoration import within
    from morphsep.tones import Fitting, Stem, get_tone

    meter = LoudnessMeter(44_100, 1)
    meter.add(sound)
    read = ArrayReader(sound, 44_100).read
    stem = Stem(
        read=read, num_samples=sound.shape[1], num_channels=1, level=meter.integrated(),
        rms_per_second=rms_per_second([sound], 44_100).tolist(),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "reference.wav")
        soundfile.write(path, reference.T, 44_100, subtype="FLOAT")
        tone = get_tone(path)
        assert isinstance(tone, Fitting)
        made = tone.fitted(tone.fit(stem)).render(sound, 0, stem.level)
    change = within(ArrayReader(made - sound, 44_100).read, 44_100, band)
    return sound + change(0, sound.shape[1])


def mel_distance(sound: Signal, truth: Signal, band: Any) -> float:
    """Mean difference of two log-mel spectrograms at one loudness, in the mel bands that lie in a
    band, in dB; what lies 60 dB below the loudest is silent."""
    import numpy as np

    from morphsep.dsp import from_db, mel_filters, mel_power

    filters = mel_filters(128, 2048, 44_100)
    centres = filters @ (np.arange(1025) * 44_100 / 2048) / np.maximum(filters.sum(axis=1), 1e-12)
    inside = (centres >= band.low_hz) & (centres <= band.high_hz)
    powers = [mel_power(each)[..., inside].astype(np.float64) for each in (sound, truth)]
    scale = powers[1].sum() / powers[0].sum()
    least = powers[1].max() * from_db(-60.0) ** 2
    powers[0] *= scale
    ours, theirs = (10 * np.log10(np.maximum(each, least)) for each in powers)
    return float(np.mean(np.abs(ours - theirs)))


def cost(guitars: Sequence[Path], seconds: float) -> None:
    """Each step in a process of its own, on 96 kHz mono."""
    print("| step | CPU for an hour of 96 kHz mono | real time / CPU time | peak memory |\n"
          "|---|---|---|---|")  # fmt: skip
    context = multiprocessing.get_context("spawn")
    for name in ("Declick", "Dehum", "Dehiss", "Speed", "identity"):
        with context.Pool(1) as pool:
            spent, megabytes = pool.apply(_spent, (name, str(guitars[0])))
        print(f"| {name.lower()} | {3600 * spent / COST_SECONDS / 60:.1f} min | "
              f"{COST_SECONDS / spent:.0f} | {megabytes:.0f} MB |", flush=True)  # fmt: skip
    print()


def _spent(name: str, path: str) -> tuple[float, float]:
    """CPU seconds for `COST_SECONDS`, and MB of memory at most."""
    import numpy as np

    from jobs.bench.restore_damage import clicks, hiss, hum
    from morphsep import restoration
    from morphsep.dsp import ArrayReader

    guitar = np.tile(excerpt(Path(path), 6.0), (1, 40))[:, : 96_000 * COST_SECONDS]
    guitar = guitar + hiss(guitar.shape[1], -60, 1) + hum(guitar.shape[1], 50, -44, 0)
    recording = ArrayReader(clicks(guitar, 5, seed=1)[0], 96_000)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    began = time.process_time()
    if name == "identity":
        restoration.identity(recording, recording, high_hz=8_000)
    else:
        step = getattr(restoration, name)(**({"ratio": 0.98} if name == "Speed" else {}))
        _read(restoration.repaired(recording, step, step.look(recording)))
    spent = time.process_time() - began
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return spent, int(peak) / 1024


def _read(recording: Reader) -> None:
    """All of it, 10 s at a time."""
    block = 10 * recording.info.sample_rate
    for start in range(0, recording.info.num_samples, block):
        recording.read(start, min(block, recording.info.num_samples - start))


TABLES: dict[str, Callable[[Sequence[Path], float], None]] = {
    "declick": declick, "dehum": dehum, "dehiss": dehiss, "timbre": timbre, "cost": cost,
}  # fmt: skip

if __name__ == "__main__":
    main()
