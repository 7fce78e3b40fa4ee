"""The metrics of `morphsep.evaluation.metrics`: against the published code, and where the answer is
known."""

import warnings

import numpy as np
import pytest

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal, Span, from_db
from morphsep.errors import SettingError
from morphsep.evaluation import metrics
from morphsep.evaluation.metrics.loudness import RANGE_LU
from morphsep.testing import plucked

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.fixture(scope="module")
def guitar() -> Signal:
    """``[2, T]``, one second."""
    return np.stack([plucked(MODEL_RATE, seed) for seed in (0, 1)])


def driven(guitar: Signal, amount: float) -> Signal:
    """A true knob: a drive of ``amount * 30`` dB."""
    gain = from_db(30 * amount)
    return np.asarray(np.tanh(gain * guitar) / np.tanh(gain), np.float32)


@pytest.fixture(scope="module")
def knob(guitar: Signal) -> tuple[Signal, ...]:
    return metrics.match_loudness([driven(guitar, a) for a in AMOUNTS], MODEL_RATE)


def lufs(sound: Signal) -> float:
    meter = LoudnessMeter(MODEL_RATE, len(sound))
    meter.add(sound)
    return meter.integrated()


def test_a_sequence_is_brought_to_one_loudness_and_silence_stays_silent(guitar: Signal) -> None:
    quiet, loud, silent = metrics.match_loudness(
        [guitar * np.float32(0.01), guitar * np.float32(3), guitar * 0], MODEL_RATE
    )
    assert lufs(quiet) == pytest.approx(-23.0, abs=0.01)
    assert lufs(loud) == pytest.approx(-23.0, abs=0.01)
    assert not silent.any()
    assert quiet.dtype == np.float32


@pytest.mark.parametrize("wrong", ["shorter", "mono", "empty", "nan"])
def test_sounds_that_cannot_be_compared_are_refused(guitar: Signal, wrong: str) -> None:
    nan = guitar.copy()
    nan[0, 7] = np.nan
    pairs = {
        "shorter": [guitar, guitar[:, :-1]],
        "mono": [guitar, guitar[:1]],
        "empty": [guitar[:, :0]],
        "nan": [guitar, nan],
    }
    with pytest.raises(SettingError):
        metrics.match_loudness(pairs[wrong], MODEL_RATE)


def test_spectral_convergence_is_that_of_auraloss(knob: tuple[Signal, ...]) -> None:
    import torch
    from auraloss.freq import MultiResolutionSTFTLoss

    theirs = MultiResolutionSTFTLoss(
        fft_sizes=[1024, 2048, 512],
        hop_sizes=[160, 240, 50],
        win_lengths=[600, 1200, 240],
        w_sc=1.0,
        w_log_mag=0.0,
    )
    a, b = (torch.from_numpy(x)[None] for x in (knob[1], knob[3]))
    expected = float(theirs(a, b))
    # auraloss' floor under each magnitude is 1e-4
    assert metrics.spectral_convergence(knob[1], knob[3]) == pytest.approx(expected, rel=1e-3)


def test_spectral_convergence_is_0_for_the_same_and_undefined_against_silence(
    guitar: Signal,
) -> None:
    assert metrics.spectral_convergence(guitar, guitar) == 0.0
    assert metrics.spectral_convergence(guitar * 0, guitar) == pytest.approx(1.0)
    assert np.isnan(metrics.spectral_convergence(guitar, guitar * 0))


def test_mfccs_are_those_of_librosa(guitar: Signal) -> None:
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mono = librosa.resample(
            guitar.mean(axis=0), orig_sr=MODEL_RATE, target_sr=22_050, res_type="soxr_hq"
        )
        expected = librosa.feature.mfcc(y=mono, sr=22_050)
    assert np.abs(metrics.mfcc(guitar, MODEL_RATE) - expected.T).max() < 0.01


def test_correspondence_is_0_in_the_middle_and_a_half_at_an_end(
    knob: tuple[Signal, ...],
) -> None:
    source, *_, target = knob
    assert metrics.correspondence(source, source, target, MODEL_RATE) == pytest.approx(0.5)
    assert metrics.correspondence(target, source, target, MODEL_RATE) == pytest.approx(0.5)
    assert metrics.correspondence(source, source, source, MODEL_RATE) == 0.0
    assert metrics.correspondence(source, target, target, MODEL_RATE) == 0.0
    assert 0 < metrics.correspondence(knob[1], source, target, MODEL_RATE) < 0.5


def test_positions_run_from_0_to_1_and_a_knob_never_turns_back(knob: tuple[Signal, ...]) -> None:
    positions = metrics.log_mel_positions(knob, MODEL_RATE)
    assert positions[[0, -1]].tolist() == [0.0, 1.0]
    assert (np.diff(positions) > 0).all()
    assert metrics.monotonicity(positions) == pytest.approx(1.0)
    assert metrics.largest_deviation(positions, AMOUNTS) == np.abs(positions - AMOUNTS).max()


def test_a_step_is_the_distance_of_neighbours_in_db() -> None:
    """A gain of 6 dB moves every cell that is not at the floor by 6 dB."""
    noise = np.random.default_rng(0).standard_normal((1, MODEL_RATE)).astype(np.float32)
    steps = metrics.log_mel_steps([noise, noise, 2 * noise, 8 * noise], MODEL_RATE)
    np.testing.assert_allclose(steps, [0, 20 * np.log10(2), 20 * np.log10(4)], atol=0.01)


def test_monotonicity_counts_the_way_back() -> None:
    assert metrics.monotonicity([0, 0.5, 0.25, 1]) == pytest.approx(1 / 1.5)
    assert metrics.monotonicity([0, 1, 0]) == 0.0
    assert np.isnan(metrics.monotonicity([0.5, 0.5]))


def test_the_true_knob_is_at_no_distance_and_a_crossfade_is_at_some(
    knob: tuple[Signal, ...],
) -> None:
    source, *_, target = knob
    mixed = [np.asarray((1 - a) * source + a * target, np.float32) for a in AMOUNTS]
    crossfade = metrics.match_loudness(mixed, MODEL_RATE)
    none = metrics.distances_to_truth(knob, knob, MODEL_RATE)
    assert metrics.same_amount(none).tolist() == [0.0] * 5
    some = metrics.distances_to_truth(knob, crossfade, MODEL_RATE)
    assert some.shape == (5, 5)
    assert (metrics.nearest(some) <= metrics.same_amount(some)).all()
    assert (metrics.nearest(some)[1:-1] > 0.3).all()
    # the knob itself, turned by another law, is at no distance from the path
    late = metrics.distances_to_truth(knob, [knob[i] for i in (0, 0, 1, 2, 3, 4)], MODEL_RATE)
    assert metrics.nearest(late).tolist() == [0.0] * 5
    assert metrics.same_amount(late)[1] > 0


def test_a_difference_of_level_in_every_cell_is_its_decibels() -> None:
    noise = np.random.default_rng(0).standard_normal((1, MODEL_RATE // 2)).astype(np.float32)
    (distance,) = metrics.distances_to_truth([noise], [noise * np.float32(0.5)], MODEL_RATE)
    assert distance[0] == pytest.approx(6.02, abs=0.05)


def test_readings_of_steps_are_soundmorphers() -> None:
    assert metrics.smoothness([1.0, 3.0]) == (2.0, 1.0)
    assert metrics.intermediateness([1.0, 3.0]) == 4.0
    assert metrics.directness([1.0, 3.0], 2.0) == 0.5
    assert metrics.end_error(0.1, 0.3) == pytest.approx(0.2)
    assert metrics.unevenness([1.0, 3.0]) == 3.0
    assert metrics.largest_step([1.0, 3.0, 2.0]) == 1.5
    assert np.isnan(metrics.largest_step([0.0, 0.0]))
    assert np.isnan(metrics.directness([0.0, 0.0], 0.0))
    assert metrics.unevenness([0.0, 1.0]) == float("inf")


def test_zimtohrli_is_0_for_the_same_and_grows_with_the_knob(knob: tuple[Signal, ...]) -> None:
    pytest.importorskip("zimtohrli")
    distances = [metrics.zimtohrli_distance(each, knob[0], MODEL_RATE) for each in knob]
    assert distances[0] == pytest.approx(0.0, abs=1e-6)
    assert distances == sorted(distances)


def test_without_zimtohrli_a_sentence_says_how_to_get_it(
    guitar: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("morphsep.evaluation.metrics.zimtohrli.find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install 'morphsep\[evaluate\]'"):
        metrics.zimtohrli_distance(guitar, guitar, MODEL_RATE)


def test_wobble_is_that_of_a_tremolo_and_0_on_the_line(guitar: Signal) -> None:
    loud = np.random.default_rng(0).standard_normal((1, 4 * MODEL_RATE)).astype(np.float32) * 0.1
    target = loud * np.float32(from_db(-12))
    middle = loud * np.float32(from_db(-3))
    assert metrics.loudness_wobble(middle, loud, target, 0.25, MODEL_RATE) < 1e-6
    # 6 dB up for a second, down for a second: a standard deviation of 3 dB but for the blocks
    # of 400 ms in which it switches
    switched = np.where(np.arange(loud.shape[1]) // MODEL_RATE % 2, 1, from_db(6))
    wobbling = np.asarray(middle * switched, np.float32)
    assert 2.0 < metrics.loudness_wobble(wobbling, loud, target, 0.25, MODEL_RATE) < 3.0
    assert np.isnan(metrics.loudness_wobble(guitar, guitar * 0, guitar * 0, 0.5, MODEL_RATE))


@pytest.mark.parametrize("level", [0.0, 1e-7, 1e-4])
def test_wobble_counts_a_dropout_as_the_softest_that_is_heard(guitar: Signal, level: float) -> None:
    """Digital silence neither explodes nor is looked away from."""
    hole = guitar.copy()
    hole[:, : hole.shape[1] // 2] *= level
    wobble = metrics.loudness_wobble(hole, guitar, guitar, 0.5, MODEL_RATE)
    gone = metrics.loudness_wobble(guitar * 0, guitar, guitar, 0.5, MODEL_RATE)
    assert 5 < wobble <= RANGE_LU / 2
    assert 0 <= gone < 10


def test_attacks_are_found_where_they_are_and_smearing_them_is_seen() -> None:
    time = np.arange(2 * MODEL_RATE) / MODEL_RATE
    sharp = np.asarray(np.exp(-8 * (time % 0.5)) * np.sin(2 * np.pi * 330 * time), np.float32)[None]
    at = metrics.onsets(sharp, MODEL_RATE)
    assert [round(i * 0.005, 1) for i in at] == [0.5, 1.0, 1.5]
    width = round(0.05 * MODEL_RATE)
    smeared = np.asarray(
        [np.convolve(np.abs(sharp[0]), np.ones(width) / width, "same") * np.sin(2000 * time)],
        np.float32,
    )
    assert metrics.attack_sharpness(sharp, at, MODEL_RATE) > 10
    lost = metrics.lost_sharpness([sharp, smeared, sharp], (0, 0.5, 1), MODEL_RATE)
    assert lost[[0, 2]].tolist() == [0.0, 0.0]
    assert lost[1] > 5
    still = np.full((1, MODEL_RATE), 0.1, np.float32)
    assert np.isnan(metrics.lost_sharpness([still, still], (0, 1), MODEL_RATE)).all()


def test_a_click_at_a_seam_is_the_worst_seam(guitar: Signal) -> None:
    seams = [Span(10_000, 10_400), Span(30_000, 30_400)]
    clicked = guitar.copy()
    clicked[:, 30_100] += 0.5
    step, _ = metrics.worst_seam(clicked, guitar, seams)
    assert step > 10
    assert metrics.worst_seam(guitar, guitar, seams).step_db <= 0
    assert np.isnan(metrics.worst_seam(guitar, guitar, [])).all()


def test_a_crossfade_leans_to_the_louder_end_and_is_a_mix_and_the_knob_is_neither(
    knob: tuple[Signal, ...],
) -> None:
    source, _, middle, _, target = knob
    (crossfade,) = metrics.match_loudness(
        [np.asarray((source + target) / 2, np.float32)], MODEL_RATE
    )
    lean = [metrics.lean_to_louder(x, source, target, MODEL_RATE) for x in (middle, crossfade)]
    assert lean[0] < 0.1 < 0.2 < lean[1]
    unmixed = [metrics.unmixed_part(x, source, target) for x in (middle, crossfade)]
    assert unmixed[0] > -40
    assert unmixed[1] < -110
    late = np.asarray((source + np.roll(target, 44, axis=-1)) / 2, np.float32)
    (late,) = metrics.match_loudness([late], MODEL_RATE)
    assert metrics.lean_to_louder(late, source, target, MODEL_RATE) > 0.2


def test_fusion_of_silence_and_of_equal_ends_is_undefined(guitar: Signal) -> None:
    assert np.isnan(metrics.lean_to_louder(guitar, guitar, guitar, MODEL_RATE))
    assert np.isnan(metrics.lean_to_louder(guitar * 0, guitar * 0, guitar * 0, MODEL_RATE))
    assert np.isnan(metrics.unmixed_part(guitar * 0, guitar, guitar))
