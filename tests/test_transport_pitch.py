"""Between two notes there is one note, whatever their spectra, and nothing gets quieter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from morphsep.backends.spectral.masses import masses
from morphsep.backends.spectral.matching import by_mass, by_number
from morphsep.backends.spectral.overlap import Overlap
from morphsep.backends.spectral.pitch import Pitch, pitch
from morphsep.backends.spectral.transport import _analyse
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.dsp.stft import FrameGrid
from tests import songs
from tests.test_paired import lufs
from tests.test_transport import move

N_FFT, HOP = 2048, 512


def string(hertz: float, slope: float, seed: int = 0, seconds: float = 1.0) -> Signal:
    """A decaying string whose partials fall with ``k ** -slope``, as far up as 18 kHz."""
    time = np.arange(int(seconds * MODEL_RATE)) / MODEL_RATE
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, int(min(60, 18000 // hertz)))
    partials = (
        k**-slope * np.sin(2 * np.pi * k * hertz * time + phase)
        for k, phase in enumerate(phases, 1)
    )
    wave = sum(partials) * np.exp(-1.5 * time) * np.minimum(1, time / 0.003)
    return (0.05 * wave / np.sqrt(np.mean(wave**2)))[None].astype(np.float32)


def chord(pitches: tuple[float, ...], slope: float, seed: int) -> Signal:
    notes = [string(hertz, slope, seed + i) for i, hertz in enumerate(pitches)]
    return np.asarray(sum(notes), np.float32)


def share_on_harmonics(sound: Signal, hertz: float, within: float = 5.0) -> float:
    """Share of the power within so many Hz of the multiples of a pitch, attack and end left out."""
    x = sound[0, MODEL_RATE // 4 : -MODEL_RATE // 10]
    power = np.abs(np.fft.rfft(x * np.blackman(x.size), 2**17)) ** 2
    frequency = np.arange(power.size) * MODEL_RATE / 2**17
    number = np.maximum(np.rint(frequency / hertz), 1)
    on = np.abs(frequency - number * hertz) < within
    return float(power[on & (frequency > 40)].sum() / power[frequency > 40].sum())


def noise(level: float, seed: int, samples: int = MODEL_RATE) -> Signal:
    return (level * np.random.default_rng(seed).standard_normal((1, samples))).astype(np.float32)


PAIRS = [(220.0, 330.0), (82.4, 330.0), (440.0, 660.0), (82.4, 110.0), (659.3, 784.0)]


@pytest.mark.parametrize("slopes", [(0.7, 0.7), (2.0, 2.0), (0.7, 2.0), (2.0, 0.7)])
@pytest.mark.parametrize("pair", PAIRS)
def test_half_way_between_two_strings_is_a_string(
    pair: tuple[float, float], slopes: tuple[float, float]
) -> None:
    ends = [string(pair[i], slopes[i], seed=i) for i in range(2)]
    assert share_on_harmonics(move(*ends, 0.5), sum(pair) / 2) > 0.98


@pytest.mark.parametrize("amount", [0.2, 0.8])
def test_so_it_is_at_other_amounts(amount: float) -> None:
    moved = move(string(220, 0.7), string(330, 0.7, 1), amount)
    assert share_on_harmonics(moved, 220 + amount * 110) > 0.98


def test_so_it_is_with_noise_and_where_strings_are_doubled() -> None:
    ends = [string(220, 0.7), string(330, 0.7, 1)]
    noisy = [sound + noise(0.005, i) for i, sound in enumerate(ends)]
    assert share_on_harmonics(move(*noisy, 0.5), 275) > 0.95
    doubled = [string(f, 0.7) + string(1.002 * f, 0.7, 5) for f in (220, 330)]
    assert share_on_harmonics(move(*doubled, 0.5), 275.3, within=8) > 0.9


def level_between(a: Signal, b: Signal, amount: float) -> float:
    """LUFS of what has the level in between."""
    levels = [10 ** (lufs(sound) / 20) for sound in (a, b)]
    return float(20 * np.log10((1 - amount) * levels[0] + amount * levels[1]))


CHORDS = [(130.8, 164.8, 196.0), (110.0, 138.6, 164.8, 220.0), (146.8, 220.0, 293.7, 370.0)]


@pytest.mark.parametrize("amount", [0.25, 0.5])
@pytest.mark.parametrize("slope", [0.7, 1.5])
@pytest.mark.parametrize("both", [(0, 1), (1, 2), (2, 0)])
def test_chords_keep_their_loudness(both: tuple[int, int], slope: float, amount: float) -> None:
    a, b = (chord(CHORDS[i], slope, 10 * i) for i in both)
    moved = move(a, b, amount)
    assert lufs(moved) == pytest.approx(level_between(a, b, amount), abs=0.5)


def test_notes_and_noise_keep_theirs() -> None:
    sounds = [string(220, 0.7), 0.3 * string(330, 2.0), noise(0.05, 0), chord(CHORDS[0], 1, 0)]
    for a, b in pairwise(sounds):
        assert lufs(move(a, b, 0.5)) == pytest.approx(level_between(a, b, 0.5), abs=0.5)


def frames_of(sound: Signal, start: int = 0) -> dict[int, Pitch]:
    """The pitch of each frame that lies within the sound, by its number in the song."""
    grid = FrameGrid(start=start, num_samples=sound.shape[1], n_fft=N_FFT, hop=HOP)
    found = {}
    for block in grid.blocks():
        for i, frame in enumerate(_analyse(grid, grid.pad(sound), block), block.start):
            first = (grid.first + i) * HOP
            if start <= first and first + N_FFT <= start + sound.shape[1]:
                found[grid.first + i] = pitch(masses(frame.spectrum, frame.slope), N_FFT)
    return found


def hertz_of(found: Pitch) -> float:
    return found.frequency * MODEL_RATE / (2 * np.pi)


@pytest.mark.parametrize("slope", [0.7, 2.0])
@pytest.mark.parametrize("hertz", [73.4, 82.4, 196.0, 440.0, 1318.5, 3000.0])
def test_a_pitch_is_found_to_two_thousandths(hertz: float, slope: float) -> None:
    for found in list(frames_of(string(hertz, slope)).values())[5:]:
        assert found.sure == 1
        assert hertz_of(found) == pytest.approx(hertz, rel=2e-3)


def test_what_has_no_pitch_is_not_given_one() -> None:
    rumble = np.cumsum(noise(1e-3, 2), axis=1).astype(np.float32)
    silence = np.zeros((1, 20000), np.float32)
    for sound in (noise(0.1, 1), chord(CHORDS[1], 1.0, 0), songs.backing(1.0)[:1], silence):
        found = list(frames_of(sound).values())
        assert np.mean([each.sure for each in found]) < 0.1
    assert np.mean([each.sure for each in frames_of(rumble).values()]) < 0.1


@pytest.mark.parametrize("first", [1, 777, 9 * HOP + 5, 40 * HOP])
def test_a_pitch_is_the_same_however_the_song_is_cut(first: int) -> None:
    sound = songs.guitar(1.5, channels=2) + 0.01 * noise(1.0, 3, round(1.5 * MODEL_RATE))
    whole, part = frames_of(sound), frames_of(sound[:, first:], start=first)
    assert len(part) > 20
    assert all(whole[number] == found for number, found in part.items())


def test_where_nothing_is_sure_masses_are_matched_as_before() -> None:
    hiss = [noise(0.1, i, N_FFT) for i in range(2)]
    grid = FrameGrid(start=0, num_samples=N_FFT, n_fft=N_FFT, hop=HOP)
    frames = [_analyse(grid, grid.pad(each), slice(3, 4))[0] for each in hiss]
    a, b = (masses(each.spectrum, each.slope) for each in frames)
    pairs = by_mass(a, b, 0.3)
    shares = np.bincount(pairs.i, pairs.gains[0] * a.share[pairs.i], a.share.size)
    np.testing.assert_allclose(shares, 0.7 * a.share, atol=1e-3)


def test_by_number_every_mass_moves_once_and_none_above_half_the_rate() -> None:
    sounds = [string(110, 0.7), string(1500, 0.7, 1)]
    grid = FrameGrid(start=0, num_samples=MODEL_RATE, n_fft=N_FFT, hop=HOP)
    frames = [_analyse(grid, grid.pad(each), slice(40, 41))[0] for each in sounds]
    a, b = (masses(each.spectrum, each.slope) for each in frames)
    pitches = [pitch(each, N_FFT).frequency for each in (a, b)]
    pairs = by_number(a, b, (pitches[0], pitches[1]), 0.5)
    for sound, index, gain in ((a, pairs.i, pairs.gains[0]), (b, pairs.j, pairs.gains[1])):
        times = np.bincount(index[gain > 0], minlength=sound.share.size)
        assert times.max() == 1
        assert set(gain[gain > 0]) == {0.5}
    assert pairs.bins.max() < a.magnitude.size
    # the 28th partial of 110 Hz and all above would lie above 22 kHz
    assert not (pairs.gains[0] > 0)[a.frequency[pairs.i] > 29 * pitches[0]].any()


def test_a_string_between_rests_stays_between_them() -> None:
    rest = np.zeros((1, MODEL_RATE // 4), np.float32)
    ends = [
        np.concatenate((rest, string(hertz, 0.7, seconds=0.5), rest), axis=1)
        for hertz in (220.0, 330.0)
    ]
    moved = move(*ends, 0.5)
    assert not moved[:, : rest.shape[1] - N_FFT].any()
    assert not moved[:, -rest.shape[1] + N_FFT :].any()
    assert np.abs(moved).max() > 0.5 * np.abs(ends[0]).max()


def test_frames_that_cancel_are_made_up_for_and_others_are_not_touched() -> None:
    sound, rng = noise(0.1, 4), np.random.default_rng(0)
    for turned in (False, True):
        grid = FrameGrid(start=0, num_samples=sound.shape[1], n_fft=N_FFT, hop=HOP)
        overlap = Overlap(grid, 1)
        plain = np.zeros((1, grid.length), np.float32)
        for block in grid.blocks():
            frames = grid.frames(grid.pad(sound))[block] * np.hanning(N_FFT + 1)[:-1]
            if turned:
                frames = frames * rng.choice([-1, 1], (len(frames), 1, 1))
            frames = frames.astype(np.float32)
            grid.overlap_add(plain, frames.copy(), block)
            overlap.add(frames, block)
        inside = slice(N_FFT, -N_FFT)
        before, after = grid.crop(plain)[:, inside], overlap.finished()[:, inside]
        gained = 10 * np.log10(np.mean(after**2) / np.mean(before**2))
        # frames of random polarity lose 3 dB
        assert (1.5 < gained < 3.3) if turned else abs(gained) < 1e-6
