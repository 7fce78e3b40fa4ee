"""How near `--match` comes to tones that it is not told: a table of the built-in ones.

    python -m jobs.bench.match [--budget N] [--case same|transposed|half] [TONE ...]

The demo's clean guitar goes through a tone; the search gets only the outcome, and the guitar
untouched. `same`: the same notes. `transposed`: the guitar played back four semitones lower before
it goes through the tone. `half`: the search gets the first half of the guitar untouched, and the
second half, which is the decay of the chord, through the tone. Each is judged by what the found
chain makes of the guitar that the search had, against what the hidden tone makes of it: the
distance of log-mel statistics, and the RMS difference of their log-mel spectrograms, frame by
frame.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from morphsep.dsp import Signal
    from morphsep.tones import Stem

GUITAR = Path(__file__).parents[2] / "demo" / "guitar-clean.flac"
TONES = (
    *("clean", "overdrive", "distortion", "fuzz"),
    *("chorus", "flanger", "phaser", "tremolo", "ambient"),
)
CASES = ("same", "transposed", "half")
SEMITONES = -4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one fit; distances in dB, before and after."""

    statistics: tuple[float, float]
    aligned: tuple[float, float]
    seconds: float
    chain: str

    @property
    def ratio(self) -> float:
        """Part of the distance of statistics that is left."""
        return self.statistics[1] / self.statistics[0]


def case(guitar: Signal, name: str) -> tuple[Signal, Signal]:
    """The guitar that the search gets ``[1, T]``, and the one that goes through the tone."""
    import soxr

    from morphsep.dsp import MODEL_RATE

    half = guitar.shape[1] // 2
    if name == "half":
        return guitar[:, :half].copy(), guitar[:, half:].copy()
    if name == "transposed":
        faster = MODEL_RATE * 2 ** (SEMITONES / 12)
        return guitar, soxr.resample(guitar.T, faster, MODEL_RATE).T.copy()
    return guitar, guitar


def hidden_and_found(
    tone_name: str, guitar: Signal, played: Signal, *, budget: int, seed: int = 0
) -> Outcome:
    """Hides the tone in `played`, searches for it with `guitar`, and judges what was found."""
    import soundfile

    from morphsep.dsp import MODEL_RATE
    from morphsep.tones import get_tone
    from morphsep.tones.match.match import Match
    from morphsep.tones.match.statistics import distance, statistics
    from morphsep.tones.recordings.recording import Recording

    tone, stem = get_tone(tone_name), as_stem(guitar)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hidden.wav"
        made = tone.render(played, 0, as_stem(played).level)
        soundfile.write(path, made.T, MODEL_RATE, subtype="FLOAT")
        search = Match(recording=Recording(path=str(path)), budget=budget, seed=seed)
        begun = time.process_time()
        facts = search.fit(stem)
        seconds = time.process_time() - begun
    chain = search.fitted(facts)
    wanted = tone.render(guitar, 0, stem.level)
    sounds = guitar, chain.render(guitar, 0, stem.level)
    before, after = (distance(statistics([each]), statistics([wanted])) for each in sounds)
    return Outcome(
        statistics=(before, after),
        aligned=(aligned(guitar, wanted), aligned(sounds[1], wanted)),
        seconds=seconds,
        chain=", ".join(pedal.kind for pedal in chain.pedals),
    )


def as_stem(guitar: Signal) -> Stem:
    """``[1, T]`` as a track's whole stem."""
    import numpy as np

    from morphsep.dsp import MODEL_RATE, LoudnessMeter, rms_per_second
    from morphsep.tones import Stem

    def read(start: int, num_samples: int) -> Signal:
        out = np.zeros((len(guitar), num_samples), np.float32)
        first, last = max(start, 0), min(start + num_samples, guitar.shape[1])
        out[:, first - start : last - start] = guitar[:, first:last]
        return out

    meter = LoudnessMeter(MODEL_RATE, len(guitar))
    meter.add(guitar)
    return Stem(
        read=read,
        num_samples=guitar.shape[1],
        num_channels=len(guitar),
        rms_per_second=rms_per_second([guitar], MODEL_RATE).tolist(),
        level=meter.integrated(),
    )


def aligned(x: Signal, wanted: Signal) -> float:
    """RMS difference in dB of two log-mel spectrograms, levels made equal, 80 dB deep."""
    import numpy as np

    from morphsep.dsp import log_mel, mel_power

    gain = np.sqrt(np.mean(wanted**2) / max(float(np.mean(x**2)), 1e-20))
    reference = float(mel_power(wanted).max())
    a, b = (log_mel(each, reference=reference) for each in (x * np.float32(gain), wanted))
    return float(np.sqrt(np.mean((a - b) ** 2)))


def main() -> int:
    """Print the table."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    import soundfile

    from morphsep.tones.match.match import BUDGET

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("tones", nargs="*", default=TONES)
    parser.add_argument("--budget", type=int, default=BUDGET)
    parser.add_argument("--case", choices=CASES, default="same")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    samples = soundfile.read(GUITAR, dtype="float32", always_2d=True)[0].T.copy()
    guitar, played = case(samples, arguments.case)
    print(f"{arguments.case}, {arguments.budget} trials; dB before -> after; s of one core")
    print(f"{'tone':12}{'statistics':>17}{'left':>6}{'aligned':>17}{'s':>6}  chain")
    for name in arguments.tones:
        found = hidden_and_found(name, guitar, played, budget=arguments.budget, seed=arguments.seed)
        (a, b), (c, d) = found.statistics, found.aligned
        print(
            f"{name:12}{a:8.2f} ->{b:6.2f}{found.ratio:6.0%}{c:8.2f} ->{d:6.2f}"
            f"{found.seconds:6.0f}  {found.chain}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
