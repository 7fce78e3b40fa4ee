"""Why a stem is not the guitar of the mix: its place, take, speed, level, or one channel."""

from __future__ import annotations

from dataclasses import replace

from morphsep.dsp import MODEL_RATE, dbfs
from morphsep.separators.own_stem.alignment import FOUND, Excerpt, Fit, fit, plain_gain
from morphsep.separators.own_stem.channels import are_swapped, channel_fault, silent_channel
from morphsep.separators.own_stem.drift import Drift, drift_of
from morphsep.separators.own_stem.evidence import is_enough
from morphsep.separators.own_stem.file import StemFile
from morphsep.separators.separator import Mix

MAX_LAG = MODEL_RATE
"""Most samples by which a stem may be shifted, and by which its length may differ."""
REACH = 4 * MODEL_RATE
"""Samples within which it is searched, so that a stem two seconds off is reported as such."""
MAX_LEVEL_DB = 3.0
"""dB between the stem and the guitar in the mix: beyond, the backing would keep more than a quarter
of the guitar."""
_NOT_FOUND = (
    f"it is not in the mix within {REACH // MODEL_RATE} s of its position; "
    "give the take that was mixed, at the mix's speed"
)


def misfit(excerpts: list[Excerpt], found: Fit, mix: Mix, stem: StemFile) -> str | None:
    """Why the stem does not fit: the most telling of the reasons; None if it does."""
    is_found = found.contrast >= FOUND
    if is_found and abs(found.lag) > MAX_LAG:
        return _far(found.lag)
    if not is_enough(excerpts):
        return _misfit_of_little(excerpts, found) if is_found else _NOT_FOUND
    if stem.num_channels == 2 and are_swapped(excerpts, found, MODEL_RATE):
        return "its left and right channels are swapped; exchange them"
    fits_as_a_whole = is_found and _is_near(found.gain)
    if not fits_as_a_whole:
        drift = drift_of(excerpts, stem.num_samples, MODEL_RATE)
        if drift is not None:
            return _drifts(drift)
    reason = _misfit_of_channels(excerpts, found, mix, stem)
    if reason is not None or fits_as_a_whole:
        return reason
    return _misfit_of_level(found.gain) if is_found else _NOT_FOUND


def _is_near(gain: float) -> bool:
    return gain > 0 and abs(dbfs(gain)) <= MAX_LEVEL_DB


def _misfit_of_little(excerpts: list[Excerpt], found: Fit) -> str | None:
    """What is wrong with the level of a stem of a few notes, by both gains: channels and clock
    cannot be judged."""
    plain = plain_gain(excerpts, found.lag)
    if _is_near(found.gain) or _is_near(plain):
        return None
    return _misfit_of_level(plain)


def _misfit_of_channels(
    excerpts: list[Excerpt], found: Fit, mix: Mix, stem: StemFile
) -> str | None:
    if mix.num_channels == 1:
        silent = _silent_channel(excerpts, stem) if found.contrast >= FOUND else None
        is_half = silent is not None and dbfs(found.gain) > MAX_LEVEL_DB
        return f"its {silent} channel is silent; export both, or one alone" if is_half else None
    lag = found.lag if found.contrast >= FOUND else _lag_of_one_channel(excerpts)
    if lag is None:
        return None
    fault = channel_fault(excerpts, lag, MODEL_RATE, MAX_LEVEL_DB)
    if fault is not None and stem.num_channels == 1:
        return "it is mono, but the mix has it differently left and right; export it in stereo"
    return fault


def _lag_of_one_channel(excerpts: list[Excerpt]) -> int | None:
    """The lag of a channel that is found by itself: the other one may cancel it."""
    for channel in (0, 1):
        alone = [
            replace(each, stem=each.stem[[channel]], mix=each.mix[[channel]]) for each in excerpts
        ]
        found = fit(alone, MODEL_RATE)
        if found.contrast >= FOUND and abs(found.lag) <= MAX_LAG:
            return found.lag
    return None


def _silent_channel(excerpts: list[Excerpt], stem: StemFile) -> str | None:
    """The silent channel of a stereo stem whose mix is mono."""
    if stem.num_channels != 2:
        return None
    length = excerpts[0].stem.shape[-1]
    return silent_channel([replace(e, stem=stem.read(e.start, length)) for e in excerpts])


def _far(lag: int) -> str:
    return (
        f"it is {_early_or_late(lag, 3)}, and at most {MAX_LAG // MODEL_RATE} s is put right; "
        "shift it or export it from the track's start"
    )


def _drifts(drift: Drift) -> str:
    return (
        f"its clock runs {abs(drift.ppm):.0f} ppm {'fast' if drift.ppm > 0 else 'slow'}: it is "
        f"{_early_or_late(drift.first)} at the start and {_early_or_late(drift.last)} at the end; "
        "stretch it to the mix's length, or export both from one session"
    )


def _early_or_late(lag: float, decimals: int = 4) -> str:
    early_or_late = "early" if lag > 0 else "late"
    return f"{abs(lag) / MODEL_RATE:.{decimals}f} s {early_or_late}"


def _misfit_of_level(gain: float) -> str:
    if gain < 0:
        return "its polarity is inverted against the mix; invert it"
    level = dbfs(gain)
    return (
        f"the mix has the guitar {abs(level):.1f} dB {'louder' if level > 0 else 'quieter'} "
        f"than the stem (at most {MAX_LEVEL_DB:g} dB is accepted), so a residual would stay in "
        f"the backing; change its level by {level:+.1f} dB"
    )
