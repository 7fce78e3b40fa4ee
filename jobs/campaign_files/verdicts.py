"""Whether anything of a file was lost: its result against what was put in and what others find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np

from jobs.campaign_files.cases import Case
from jobs.campaign_files.child import AMOUNTS, Answer
from jobs.campaign_files.oracles import Decoded, by_ffmpeg, by_sox
from jobs.campaign_files.sounds import whole
from jobs.campaign_files.tagging import missing
from jobs.campaign_files.trials import Trial
from morphsep.dsp import Signal

Kind = Literal[
    "read whole", "refused with a reason", "**lost something**", "crashed", "hung", "too large"
]
SLACK = 0.12
"""Seconds by which decoders of a lossy or damaged file may differ: delay, padding, lost frames."""
SOX_READS = ("WAV", "WAVEX", "AIFF", "FLAC", "MP3", "OGG", "W64")
NOISE = 0.4
"""By how much two decoders of a lossy file may differ, in RMS of the sound: at 6 kbit/s they do."""
DELAYS = (0, 529, 1105)
"""Samples of a decoder's own delay that are left before the sound of an mp3 file."""
UNREAD = "they are not read"
"""How a row says that no tags of such a container are read."""
PADDING = 8
"""Samples of silence that a writer may put behind the last one, to a multiple of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a file, in a word and a sentence."""

    kind: Kind
    why: str = ""
    code: str = ""


def judge(case: Case, trial: Trial) -> Verdict:
    """One verdict: the worst that is true."""
    if trial.end:
        ends: dict[str, Kind] = {"hung": "hung", "too much memory": "too large"}
        return Verdict(kind=ends.get(trial.end, "crashed"), why=trial.end)
    for answer in trial.answers:
        if answer.status == "raised" or answer.code == "internal" or not _is_told(answer):
            return Verdict(kind="crashed", why=answer.message)
    if len({answer.status for answer in trial.answers}) > 1:
        return Verdict(kind="crashed", why="one amount is done, the other is not")
    first = trial.answers[0]
    if first.status != "ok":
        return Verdict(kind="refused with a reason", why=first.message, code=first.code)
    fault = _fault(case, trial)
    return Verdict(kind="**lost something**", why=fault) if fault else Verdict(kind="read whole")


def _is_told(answer: Answer) -> bool:
    return answer.status == "ok" or len(answer.message) > 20


def _fault(case: Case, trial: Trial) -> str | None:
    results = [_read(answer) for answer in trial.answers]
    if any(result is None for result in results):
        return "a result cannot be read"
    done = [result for result in results if result is not None]
    if not all(np.isfinite(result.samples).all() for result in done):
        return "a result is not finite"
    if len({result.samples.shape for result in done}) != 1:
        return f"the results of amounts {AMOUNTS} differ in length or channels"
    same, answer = done[0], trial.answers[0]
    return (
        _against_what_was_put_in(case, same)
        or _against_others(case, answer, same)
        or _tags_lost(case, answer)
    )


def _read(answer: Answer) -> Decoded | None:
    import soundfile

    if answer.output is None:
        return None
    try:
        samples, rate = soundfile.read(answer.output, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError):
        return None
    return Decoded(samples=samples.T, sample_rate=rate)


def _against_what_was_put_in(case: Case, ours: Decoded) -> str | None:
    """Nothing to say about damaged files, of which nobody knows what is left."""
    if case.is_damaged:
        return None
    seconds = sum(part.seconds for part in case.parts)
    numbers = sum(part.num_samples * part.num_channels for part in case.parts)
    if case.is_lying:
        # whatever the header makes of them, none may be missing
        is_short = case.encoder.bits is not None and ours.samples.size < numbers
        return f"{ours.samples.size} of {numbers} numbers" if is_short else None
    slack = 0.0 if case.encoder.bits else SLACK * len(case.parts)
    if ours.seconds < seconds - slack - 1e-9:
        return f"{ours.seconds:.3f} of {seconds:.3f} s that were put in"
    if case.encoder.bits is None or len({part.sample_rate for part in case.parts}) > 1:
        return None
    known = whole(case.parts)
    ours = _without_padding(ours, known.shape[1])
    if known.shape != ours.samples.shape:
        return f"{ours.samples.shape} where {known.shape} was put in"
    return _differs(ours.samples, known, 2.0 ** (1 - case.encoder.bits), "what was put in")


def _without_padding(ours: Decoded, num_samples: int) -> Decoded:
    more = ours.samples[:, num_samples:]
    is_padding = 0 < more.shape[1] <= PADDING and not more.any()
    return replace(ours, samples=ours.samples[:, :num_samples]) if is_padding else ours


def _against_others(case: Case, answer: Answer, ours: Decoded) -> str | None:
    """Where it is not known to the sample what is in the file."""
    is_known = case.encoder.bits is not None and not (case.is_damaged or case.is_lying)
    if is_known and len({part.sample_rate for part in case.parts}) == 1:
        return None
    return _against_ffmpeg(case, ours) or _against_sox(case, answer, ours)


def _against_ffmpeg(case: Case, ours: Decoded) -> str | None:
    theirs = by_ffmpeg(case.path)
    if theirs is None:
        return None
    if theirs.seconds > ours.seconds + SLACK:
        return f"{ours.seconds:.3f} s, but ffmpeg decodes {theirs.seconds:.3f} s"
    is_of_one_form = len(theirs.samples) == len(ours.samples) and (
        theirs.sample_rate == ours.sample_rate
    )
    if case.is_damaged or not is_of_one_form:
        return None
    # ffmpeg fills the gaps between parts with its own delay
    seconds = case.parts[0].seconds - SLACK if len(case.parts) > 1 else theirs.seconds
    first = theirs.samples[:, : max(0, round(seconds * theirs.sample_rate))]
    level = float(np.sqrt(np.mean(first.astype(np.float64) ** 2))) if first.size else 0.0
    limit = NOISE * level + 1e-4
    faults = [
        _differs(ours.samples[:, our:], first[:, their:], limit, "what ffmpeg decodes")
        for our, their in product(DELAYS, DELAYS)
    ]
    # where a header lies, it may be ffmpeg that is misled
    misled = case.is_lying and holds_what_was_put_in(case, ours)
    return faults[0] if all(faults) and not misled else None


def holds_what_was_put_in(case: Case, ours: Decoded) -> bool:
    """Whether all that was put in lies in it, as one, behind a delay."""
    known = whole(case.parts)
    if len(known) != len(ours.samples):
        return False
    size = 2 ** (known.shape[1] + ours.samples.shape[1]).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(ours.samples[0], size) * np.fft.rfft(known[0], size).conj())
    delay = int(np.argmax(likeness))
    there = ours.samples[:, delay : delay + known.shape[1]]
    limit = NOISE * float(np.sqrt(np.mean(known.astype(np.float64) ** 2)))
    return there.shape == known.shape and _differs(there, known, limit, "it") is None


def _against_sox(case: Case, answer: Answer, ours: Decoded) -> str | None:
    if case.is_damaged or answer.format not in SOX_READS:
        return None
    theirs = by_sox(case.path, len(ours.samples), ours.sample_rate)
    if theirs is None or theirs.seconds <= ours.seconds + 2 * SLACK:
        return None
    return f"{ours.seconds:.3f} s, but sox decodes {theirs.seconds:.3f} s"


def _differs(ours: Signal, theirs: Signal, limit: float, words: str) -> str | None:
    length = min(ours.shape[1], theirs.shape[1])
    if length == 0:
        return None
    error = ours[:, :length].astype(np.float64) - theirs[:, :length]
    rms = float(np.sqrt(np.mean(error**2)))
    return f"{rms:.2g} RMS from {words}" if rms > limit else None


def _tags_lost(case: Case, answer: Answer) -> str | None:
    if case.is_damaged or answer.output is None:
        return None
    warning = answer.tags_warning.lower()
    lost = missing(case.claims, case.path.read_bytes(), Path(answer.output))
    if UNREAD in warning:  # all of them are named at once
        return None
    unsaid = [claim for claim in lost if not any(name in warning for name in claim.names)]
    if not unsaid:
        return None
    names = ", ".join(sorted({claim.names[0] for claim in unsaid}))
    return f"tags not carried and not named: {names} (warning: {answer.tags_warning or 'none'})"
