"""The in-between of two time-aligned sounds, frame by frame in the STFT domain.

For spectra S and T of the same frames and an amount w per frame:

1. *Phase* is that of the crossfade C = (1 - w) S + w T: of whichever sound dominates a bin, and
   a phase that a real signal has, so that bins and frames stay coherent with each other. C moves
   continuously with w and is S at 0 and T at 1. Before that, T is rotated back by the steady phase
   p(f) between the two tones, and C is rotated forward by w p(f), so that the two do not cancel.
2. *Magnitude* is |S|^(1-v) |T|^v: every partial's level moves linearly in dB, while in a
   crossfade the louder side is heard in full at once. By the inequality of the means this
   turns C down; it turns C up only where C cancels, so nothing is amplified that was not there.
3. *Moments*: a knob half-way has driven loud moments into saturation long before soft ones. So v is
   w, but ahead of it in frames that are softer in T than in S, and behind it where they are louder;
   turned round, from the driven sound to the clean one, the same sounds come out.
4. *Envelope*: the powers of ERB bands are interpolated linearly in dB by v, too, since the product
   of two fine structures that do not match (detuned, noisy) loses power. Then the frame's loudness
   is brought to where w alone puts it.
5. *Transients*: where a band's power rises steeply, its bins take the gain of the band, not
   their own. A gain that is smooth over frequency has a short impulse response: no pre-echo.

All gains are real, come from powers alone, and are exactly 1 at w = 0 and w = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from morphsep.dsp import Bands, Signal, Spectrum, power

TINY = np.float32(1e-20)
"""Power of a bin that counts as silence, -254 dBFS: keeps logarithms finite."""

FLOOR = np.float32(1e-6)
"""Power, relative to the other sound in the same bin, below which a level is not followed:
otherwise the noise of a silent side would modulate the other (musical noise). Fades out at the
ends."""

RESTORE = np.float32(np.log(10 ** (12 / 20)))
"""Largest gain of a bin where the crossfade cancels, and of a band after it: 12 dB."""

LEVEL = np.float32(np.log(10**0.4))
"""Largest correction of a whole frame's loudness, half way: 4 dB; proportional to w (1 - w), so
that the slightest amount cannot lift a source that has decayed far below a sustained target."""

LEAD = np.float32(0.5)
"""The odds of v to 1 - v are those of w to 1 - w, times this power of a frame's power in S over its
power in T. 0: no moment leads. Found on nine captured amplifiers and pedals with a knob (all from
0.15 to 0.5 are nearer to the device than 0; 0.8 and 1 overshoot), confirmed on four others."""

LIFT = (np.float32(np.log(10**0.3)), np.float32(np.log(10**2)))
"""What of that ratio counts, up or down: what is above 3 dB, as beats and a chorus reach that
without any drive, and at most 20 dB."""

LOOKBACK = 3
"""Frames that an attack needs to enter a window: a band's rise is measured over these."""

RISE = (np.float32(np.log(10**0.6)), np.float32(np.log(10**1.2)))
"""Rise of a band's power over ``LOOKBACK`` frames at which it begins to count as transient, and
counts fully: 6 and 12 dB."""


@dataclass(slots=True, kw_only=True)
class Blend:
    """Blends successive blocks of frames; keeps the band powers of the last ``LOOKBACK`` frames."""

    bands: Bands
    phase: Signal
    """Steady phase of the target against the source in rad, ``[K]``."""
    past: Signal | None = field(default=None, init=False)

    def __call__(self, source: Spectrum, target: Spectrum, amount: Signal) -> Spectrum:
        """Spectra ``[F, C, K]`` of both sounds, amount ``[F]`` -> spectra in between."""
        w = amount[:, None, None]
        mixed = scaled(source, 1 - w)
        mixed += scaled(target * turns(-self.phase), w)
        powers = power(source), power(target)
        power_mixed = power(mixed)
        ends = self._bands(powers[0]), self._bands(powers[1])
        v = self.moments(ends, w)
        aim = log_mean(*ends, v)
        gain = log_mean(*powers, v)
        gain -= np.log(power_mixed + TINY)
        np.minimum(gain, 2 * RESTORE, out=gain)
        self._spare_transients(gain, aim - np.log(self._bands(power_mixed) + TINY), ends)
        gain *= np.float32(0.5)
        np.exp(gain, out=gain)
        gain *= self._restore(self._bands(power_mixed * gain * gain), aim, ends, w)
        mixed *= gain
        mixed *= turns(self.phase * w)
        return mixed

    def _bands(self, bins: Signal) -> Signal:
        """``[F, C, K]`` -> ``[F, C, num_bands]``."""
        flat: Signal = bins.reshape(-1, bins.shape[-1]) @ self.bands.to_bands
        return flat.reshape(*bins.shape[:2], -1)

    def _bins(self, bands: Signal) -> Signal:
        """``[F, C or 1, num_bands]`` -> ``[F, C or 1, K]``."""
        flat: Signal = bands.reshape(-1, bands.shape[-1]) @ self.bands.to_bins
        return flat.reshape(*bands.shape[:2], -1)

    def moments(self, ends: tuple[Signal, Signal], w: Signal) -> Signal:
        """How far each frame is at the amount ``w``: 0 at 0 and 1 at 1, ``[F, 1, 1]``."""
        lift = np.log(self._loudness(ends[1]) / self._loudness(ends[0]))
        lift = np.clip(lift, -LIFT[1], LIFT[1]) - np.clip(lift, -LIFT[0], LIFT[0])
        odds = w * np.exp(-LEAD * lift)
        share: Signal = odds / (1 - w + odds)
        return share

    def _spare_transients(self, gain: Signal, smooth: Signal, ends: tuple[Signal, Signal]) -> None:
        """Replace log power gains ``gain`` by the bands' gains ``smooth`` in attacks, in place."""
        share = self._attacks(ends)
        if share.any():
            gain += self._bins(share) * (self._bins(smooth) - gain)

    def _attacks(self, ends: tuple[Signal, Signal]) -> Signal:
        """Share of attack in each band, in [0, 1]: ``[F, 1, num_bands]``, all channels alike."""
        level = np.log((ends[0] + ends[1]).sum(axis=1, keepdims=True) + TINY)
        if self.past is None:
            self.past = np.repeat(level[:1], LOOKBACK, axis=0)
        history = np.concatenate((self.past, level))
        self.past = history[-LOOKBACK:]
        rise = level - np.minimum.reduce([history[i : i + len(level)] for i in range(LOOKBACK)])
        share: Signal = np.clip((rise - RISE[0]) / (RISE[1] - RISE[0]), 0, 1)
        return share

    def _restore(self, now: Signal, aim: Signal, ends: tuple[Signal, Signal], w: Signal) -> Signal:
        """Gains ``[F, C, K]`` that bring band powers ``now`` to ``exp(aim)`` and the frame to its
        loudness."""
        correction = np.minimum(aim - np.log(now + TINY), 2 * RESTORE)
        reached = self._loudness(now * np.exp(correction))
        level = (1 - w) * self._loudness(ends[0]) + w * self._loudness(ends[1])
        limit = 4 * LEVEL * w * (1 - w)
        correction += np.clip(np.log(level / reached), -limit, limit)
        return self._bins(np.exp(np.float32(0.5) * correction))

    def _loudness(self, bands: Signal) -> Signal:
        """K-weighted power of each frame, all channels together, ``[F, 1, 1]``."""
        total: Signal = (bands.sum(axis=1, keepdims=True) @ self.bands.loudness)[..., None] + TINY
        return total


def scaled(spectrum: Spectrum, factor: Signal) -> Spectrum:
    """``spectrum`` times a real ``factor``, ``[F, 1, 1]``, in half the multiplications."""
    result: Spectrum = (spectrum.view(np.float32) * factor).view(np.complex64)
    return result


def turns(angle: Signal) -> Spectrum:
    """``exp(i angle)``, from the real functions, which are faster."""
    result = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=result.real)
    np.sin(angle, out=result.imag)
    return result


def log_mean(a: Signal, b: Signal, w: Signal) -> Signal:
    """``(1 - w) ln a + w ln b`` of powers, neither followed deeper than ``FLOOR`` below the other.

    The floor is weighted so that the result is exactly ``ln a`` at w = 0 and ``ln b`` at w = 1.
    """
    low = np.log(a + (FLOOR * w) * b + TINY)
    high = np.log(b + (FLOOR * (1 - w)) * a + TINY)
    high *= w
    low *= 1 - w
    low += high
    return low
