"""The chain backend: what lies between two chains is a chain."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import stft

from jobs.calibrate_tones import loudness
from morphsep.backends.backend import Passage
from morphsep.backends.chain.chain import Chain
from morphsep.backends.chain.filters import Filters, is_filter
from morphsep.backends.chain.pairs import Pair, between, pair_up
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.tones.catalogue import get_tone, list_tones
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.chain.rack import Pedal, run
from morphsep.tones.effects.registry import effect_named
from morphsep.tones.transitions import TRANSITIONS

TARGETS = [tone.name for tone in list_tones() if tone.name != "as-recorded"]
PAIRS = [("as-recorded", name) for name in TARGETS] + list(TRANSITIONS.values())
IDS = ["-".join(pair) for pair in PAIRS]
AMOUNTS = np.linspace(0, 1, 11)


@cache
def guitar(*names: str) -> Signal:
    """The demo guitar as two channels, ``[2, T]``: four seconds, and the longest that one of these
    tones rings."""
    import soundfile

    path = Path(__file__).parents[1] / "demo" / "guitar-clean.flac"
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    rings = max((get_tone(name).context[0] for name in names), default=0)
    length = 4 * MODEL_RATE + (rings if rings > MODEL_RATE else 0)
    return np.ascontiguousarray(samples[:length].T[[0, -1]])


@cache
def level() -> float:
    return loudness(guitar())


def passage(
    amount: float | Signal, source: str, target: str, stem: Signal | None = None, start: int = 0
) -> Passage:
    stem = guitar(source, target) if stem is None else stem
    curve = np.broadcast_to(np.asarray(amount, np.float32), stem.shape[-1:]).copy()
    return Passage(
        stem=stem,
        start=start,
        amount=curve,
        source_tone=get_tone(source),
        target_tone=get_tone(target),
        level=level(),
    )


def morph(*args: object, **kwargs: object) -> Signal:
    return Chain().morph([passage(*args, **kwargs)])[0]  # type: ignore[arg-type]


@cache
def steps(source: str, target: str) -> list[Signal]:
    """The morph at each of AMOUNTS."""
    return [morph(float(a), source, target) for a in AMOUNTS]


def decibels(error: Signal, of: Signal) -> float:
    return float(20 * np.log10(np.abs(error).max() / np.abs(of).max() + 1e-12))


def log_mel(signal: Signal) -> Signal:
    """128 mel bands in dB of the mid channel, ``[128, frames]``."""
    _, _, spectrum = stft(signal.mean(axis=0), MODEL_RATE, nperseg=2048, noverlap=1024)
    edges = 700 * (10 ** (np.linspace(60, 3500, 130) / 2595) - 1)
    bins = np.linspace(0, MODEL_RATE / 2, 1025)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    mel = np.maximum(0, np.minimum(rise, fall)) @ np.abs(spectrum) ** 2
    decibel = 10 * np.log10(mel + 1e-12)
    return np.asarray(np.maximum(decibel, decibel.max() - 80))


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_the_ends_are_the_tones_bit_for_bit(source: str, target: str) -> None:
    for amount, tone in ((0.0, source), (1.0, target)):
        expected = get_tone(tone).render(guitar(source, target), 0, level())
        assert np.array_equal(morph(amount, source, target), expected)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_near_the_ends_there_is_no_step(source: str, target: str) -> None:
    for near, end in ((0.0005, 0), (0.9995, -1)):
        expected = steps(source, target)[end]
        assert decibels(morph(near, source, target) - expected, expected) < -30


@pytest.mark.parametrize("target", TARGETS)
def test_the_loudness_stays_level_over_the_amounts(target: str) -> None:
    """Measured at most 1.3 LU off (distortion half-way)."""
    expected = loudness(guitar("as-recorded", target))
    for signal in steps("as-recorded", target):
        assert loudness(signal) == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_the_mel_position_never_turns_back(source: str, target: str) -> None:
    """p = d0 / (d0 + d1) of log-mel distances to both ends: SoundMorpher (arXiv 2410.02144)."""
    mels = [log_mel(signal) for signal in steps(source, target)]
    from_source = np.array([np.linalg.norm(m - mels[0]) for m in mels])
    to_target = np.array([np.linalg.norm(m - mels[-1]) for m in mels])
    position = from_source / (from_source + to_target)
    assert np.all(np.diff(position) > -0.002), position.round(3)


def ramp(length: int) -> Signal:
    """At 0, then rising to 1, then staying there."""
    return np.clip(np.linspace(-0.4, 1.4, length), 0, 1).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_a_moving_amount_is_locked_to_song_time(source: str, target: str) -> None:
    chain = Chain()
    before, after = chain.context(get_tone(source), get_tone(target))
    length = guitar(source, target).shape[1]
    curve, start = ramp(length), length - before - after - 40_003
    expected = morph(curve, source, target)
    part = morph(curve[start:], source, target, stem=guitar(source, target)[:, start:], start=start)
    settled = slice(before, length - start - after)
    error = (part - expected[:, start:])[:, settled]
    assert decibels(error, expected) < -80


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_a_moving_amount_rests_at_the_tones_bit_for_bit(source: str, target: str) -> None:
    """Once the past has faded, until shortly before it leaves."""
    length = guitar(source, target).shape[1]
    before, after = Chain().context(get_tone(source), get_tone(target))
    arrives, leaves = 20_000, length - 10_000
    points = [0, arrives, leaves, length - 1]
    for end, tone in ((0.0, source), (1.0, target)):
        curve = np.interp(np.arange(length), points, [1 - end, end, end, 1 - end])
        out = morph(curve, source, target)
        rests = slice(arrives + before, leaves - after)
        assert rests.stop > rests.start
        expected = get_tone(tone).render(guitar(source, target), 0, level())
        assert np.array_equal(out[:, rests], expected[:, rests])


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_a_moving_amount_pauses_on_plateaus(source: str, target: str) -> None:
    plateau = np.full(guitar(source, target).shape[1], 0.37, np.float32)
    plateau[-1] = 0.38
    before, after = Chain().context(get_tone(source), get_tone(target))
    settled = slice(before, plateau.size - after - 1000)
    still = morph(0.37, source, target)
    assert decibels((morph(plateau, source, target) - still)[:, settled], still) < -60


@pytest.mark.parametrize("seconds", [0.05, 0.5])
@pytest.mark.parametrize(
    ("source", "target", "end"),
    [
        ("ambient", "fuzz", 0),
        ("as-recorded", "ambient", 1),
        ("clean", "distortion", 0),
        ("clean", "distortion", 1),
        ("chorus", "distortion", 0),
    ],
)
def test_arriving_at_an_end_does_not_click(
    source: str, target: str, end: int, seconds: float
) -> None:
    """A click is a sample that bends the wave more than those just before and after do: switching
    from the chain that moved to the tone bent it up to 61 times as much, the fade at most 0.86."""
    arrives = 3 * MODEL_RATE
    points = [arrives - round(seconds * MODEL_RATE), arrives]
    curve = np.interp(np.arange(guitar(source, target).shape[1]), points, [1 - end, end])
    bend = np.abs(np.diff(morph(curve, source, target), 2)).max(axis=0)
    flanks = np.r_[bend[arrives - 441 : arrives - 8], bend[arrives + 8 : arrives + 441]]
    assert bend[arrives - 4 : arrives + 3].max() < flanks.max()


@pytest.mark.parametrize("cut", [0, 17, 30_000, 70_001])
def test_the_fade_at_an_end_does_not_depend_on_where_a_passage_is_cut(cut: int) -> None:
    """The amount arrives before the passage, in its context, or in what is kept of it."""
    source, target = "as-recorded", "distortion"
    before, after = Chain().context(get_tone(source), get_tone(target))
    arrives = 60_000
    curve = np.interp(np.arange(guitar().shape[1]), [arrives - 22_050, arrives], [0, 1])
    whole = morph(curve, source, target)
    part = morph(curve[cut:], source, target, stem=guitar()[:, cut:], start=cut)
    fades = slice(max(before, arrives - cut), part.shape[1] - after)
    assert decibels((part - whole[:, cut:])[:, fades], whole) < -80


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_a_moving_amount_does_not_click(source: str, target: str) -> None:
    """A click is a sample that bends the wave more than any steady amount does."""
    sine = 0.2 * np.sin(2 * np.pi * 441 * np.arange(3 * MODEL_RATE) / MODEL_RATE)
    stem = sine.astype(np.float32)[None]
    bend = np.abs(np.diff(morph(ramp(stem.size), source, target, stem=stem), 2))[:, 5000:-5000]
    steady = [
        np.abs(np.diff(morph(float(a), source, target, stem=stem), 2))[:, 5000:-5000].max()
        for a in np.linspace(0, 1, 6)
    ]
    assert bend.max() < 1.1 * max(steady)


@pytest.mark.parametrize("target", ["clean", "tremolo", "ambient"])
def test_a_moving_amount_adds_no_zipper_noise(target: str) -> None:
    """A sine stays a line, or lines at its harmonics; steps of 256 samples would stand 172 Hz
    beside."""
    tone = get_tone(target)
    assert isinstance(tone, EffectChain)
    length = 4 * MODEL_RATE
    stem = (0.1 * np.sin(2 * np.pi * 2205 * np.arange(length) / MODEL_RATE)).astype(np.float32)
    curve = np.linspace(0.2, 0.9, length).astype(np.float32)
    out = morph(curve, "as-recorded", target, stem=stem[None])[0, -2 * MODEL_RATE :]
    spectrum = np.abs(np.fft.rfft(out * np.blackman(out.size)))
    bins = np.arange(spectrum.size) / 2
    away = np.abs(bins - 2205 * np.rint(bins / 2205))
    beside = spectrum[(away > 150) | ((bins > 20) & (bins < 1000))].max()
    assert 20 * np.log10(beside / spectrum.max()) < -80


@pytest.mark.parametrize(
    ("kind", "moving", "value"),
    [
        ("HighpassFilter", "cutoff_frequency_hz", 12.0),
        ("HighpassFilter", "cutoff_frequency_hz", 300.0),
        ("HighpassFilter", "cutoff_frequency_hz", 15_000.0),
        ("LowpassFilter", "cutoff_frequency_hz", 6000.0),
        ("PeakFilter", "gain_db", -9.0),
        ("PeakFilter", "cutoff_frequency_hz", 4000.0),
        ("PeakFilter", "q", 3.0),
        ("LowShelfFilter", "gain_db", 6.0),
        ("HighShelfFilter", "gain_db", -6.0),
        ("HighShelfFilter", "cutoff_frequency_hz", 9000.0),
        ("Compressor", "ratio", 1.0),
        ("Compressor", "ratio", 1.4),
        ("Compressor", "ratio", 8.0),
    ],
)
@pytest.mark.parametrize("start", [0, -77, 12_345])
def test_a_curve_that_stands_still_sounds_like_the_plugin(
    kind: str, moving: str, value: float, start: int
) -> None:
    effect = effect_named(kind)
    settings = {name: p.default for name, p in effect.parameters.items()}
    settings |= {"threshold_db": -30.0} if kind == "Compressor" else {}
    settings |= {"gain_db": 6.0, "cutoff_frequency_hz": 900.0} if "q" in settings else {}
    still = effect.process(guitar(), start, settings | {moving: value})
    curve = np.full(guitar().shape[1], value, np.float32)
    error = effect.process(guitar(), start, settings | {moving: curve}) - still
    # the coefficients of JUCE's second-order filters are rounded to float32
    assert decibels(error, still) < (-90 if "q" in settings else -110)


@pytest.mark.parametrize("amount", [0.03, 0.25, 0.9, 1.0])
def test_filters_as_one_sound_like_the_pedals_in_a_row(amount: float) -> None:
    source, target = get_tone("clean"), get_tone("fuzz")
    assert isinstance(source, EffectChain)
    assert isinstance(target, EffectChain)
    pairs = [pair for pair in pair_up(source.pedals, target.pedals) if is_filter(pair)]
    assert len(pairs) == 5
    curve = np.full(guitar().shape[1], amount, np.float32)
    together = Filters(pairs).process(guitar(), 99, {"amount": curve})
    expected = run([(pair.effect, between(pair, amount)) for pair in pairs], guitar(), 99)
    assert decibels((together - expected)[:, 3000:-3000], expected) < -70


def test_a_pedal_that_rings_on_is_no_filter() -> None:
    source = get_tone("as-recorded")
    target = get_tone("clean")
    assert isinstance(source, EffectChain)
    assert isinstance(target, EffectChain)
    pairs = pair_up(source.pedals, target.pedals)
    assert [is_filter(pair) for pair in pairs] == [False, False, True, True]
    low = dict(pairs[2].present.settings) | {"cutoff_frequency_hz": 40.0, "q": 4.0}
    ringing = Pedal(kind="PeakFilter", settings=tuple(sorted(low.items())))
    assert not is_filter(Pair(source=None, target=ringing))


def test_pedals_pair_by_kind_and_by_what_cannot_be_interpolated() -> None:
    def pedal(kind: str, **values: float) -> Pedal:
        from morphsep.tones.effects.registry import knobs

        settings = {name: p.default for name, p in knobs(kind).items()} | values
        return Pedal(kind=kind, settings=tuple(sorted(settings.items())))

    source = [pedal("HighpassFilter", cutoff_frequency_hz=50.0), pedal("Chorus", rate_hz=1.0)]
    target = [
        pedal("HighpassFilter", cutoff_frequency_hz=200.0),
        pedal("Drive", drive_db=36.0),
        pedal("Chorus", rate_hz=2.0),
    ]
    pairs = pair_up(source, target)
    kinds = [(p.present.kind, p.source is None, p.target is None) for p in pairs]
    assert kinds == [
        ("HighpassFilter", False, False),
        ("Drive", True, False),
        ("Chorus", False, True),
        ("Chorus", True, False),
    ]
    assert between(pairs[0], 0.5)["cutoff_frequency_hz"] == pytest.approx(100.0)
    assert between(pairs[1], 0.5)["drive_db"] == pytest.approx(12.0)
    assert between(pairs[1], 0.5)["mix"] == 1.0
    assert between(pairs[2], 0.25) | {"mix": 0} == pairs[2].present.values | {"mix": 0}
    assert between(pairs[2], 0.25)["mix"] == pytest.approx(0.375)


def test_a_tone_that_is_no_chain_is_refused() -> None:
    class Recording:
        name, description, context = "recording", "Somebody else's guitar.", (0, 0)

        def fingerprint(self) -> str:
            return "recording"

        def render(self, stem: Signal, start: int, level: float) -> Signal:
            return stem

    with pytest.raises(SettingError, match=r"'recording' is not an effect chain.*spectral"):
        Chain().context(get_tone("clean"), Recording())


def test_a_passage_of_nothing_is_nothing() -> None:
    empty = np.zeros((2, 0), np.float32)
    assert morph(0.5, "clean", "fuzz", stem=empty).shape == (2, 0)
