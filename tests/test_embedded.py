"""The separator whose weights ship: the same for any cut, and closer to the guitar than the mix."""

import pickle
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from morphsep.dsp.separation_scores import si_sdr
from morphsep.dsp.signal import Signal
from morphsep.errors import SettingError
from morphsep.separators.embedded import embedded
from morphsep.separators.embedded.embedded import AFTER, BEFORE, BLOCK, HOP, WEIGHTS, Embedded
from morphsep.testing import ArrayMix

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
RATE = 44_100
LENGTH = BLOCK * HOP + 2 * RATE
SEPARATOR = Embedded(device="cpu")


def separate(samples: Signal, separator: Embedded = SEPARATOR) -> Signal:
    return separator.separate(ArrayMix(samples), 0, samples.shape[1])


def song(channels: int) -> Signal:
    """A chord that dies away twice a second, noise and clicks; louder in the second half."""
    rng = np.random.default_rng(channels)
    time = np.arange(LENGTH) / RATE
    chord = sum(np.sign(np.sin(2 * np.pi * hertz * time)) for hertz in (110.0, 164.8, 220.0))
    clicks = np.zeros(LENGTH)
    clicks[5000 :: RATE // 3] = 1.0
    noise = rng.standard_normal((channels, LENGTH)) * 0.03
    swell = 0.5 + 0.5 * (time > LENGTH / RATE / 2)
    return ((noise + clicks + 0.1 * chord * np.exp(-4 * (time % 0.5))) * swell).astype(np.float32)


SONGS = {1: song(1), 2: song(2)}


@cache
def whole(channels: int) -> Signal:
    return separate(SONGS[channels])


@given(
    st.sampled_from([1, 2]),
    st.lists(st.one_of(st.integers(1, LENGTH - 1), st.just(BLOCK * HOP)), min_size=1, max_size=2),
)
@settings(deadline=None, max_examples=10)
@pytest.mark.slow
def test_any_cut_gives_the_same_bits(channels: int, cuts: list[int]) -> None:
    check_cuts(channels, cuts)


@pytest.mark.parametrize(
    ("channels", "cuts"), [(1, [BLOCK * HOP]), (2, [LENGTH - RATE, BLOCK * HOP + 777])]
)
def test_these_cuts_give_the_same_bits(channels: int, cuts: list[int]) -> None:
    check_cuts(channels, cuts)


def check_cuts(channels: int, cuts: list[int]) -> None:
    mix = ArrayMix(SONGS[channels])
    edges = [0, *sorted(cuts), LENGTH]
    parts = [SEPARATOR.separate(mix, a, b) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole(channels))


def test_no_step_where_blocks_meet() -> None:
    """A block reads all that its network looks at: on another grid the stem is the same."""
    shift = 20 * HOP
    mix = ArrayMix(np.pad(SONGS[2], ((0, 0), (shift, 0))))
    # One scale for both, so that only the grid differs.
    moved = SEPARATOR.separate(_Scaled(mix.samples, ArrayMix(SONGS[2]).std), 0, LENGTH + shift)
    assert np.abs(moved[:, shift:] - whole(2)).max() < 1e-4 * np.abs(whole(2)).max()


class _Scaled(ArrayMix):
    def __init__(self, samples: Signal, std: float) -> None:
        super().__init__(samples)
        object.__setattr__(self, "_std", std)

    @property
    def std(self) -> float:
        return float(self._std)  # type: ignore[attr-defined]


def test_memory_does_not_grow_with_the_span() -> None:
    mix = ArrayMix(np.zeros((2, 10), np.float32))
    assert not SEPARATOR.separate(mix, 0, 10).any()
    mix = ArrayMix(np.zeros((2, 6 * BLOCK * HOP), np.float32))
    assert not SEPARATOR.separate(mix, 0, 6 * BLOCK * HOP).any()
    assert set(mix.asked) == {(BEFORE + BLOCK + AFTER) * HOP}
    mix = ArrayMix(SONGS[2])
    SEPARATOR.separate(mix, 0, 10)
    assert max(mix.asked) < 1.5 * BLOCK * HOP


def test_silence_stays_silence_and_everything_is_finite() -> None:
    quiet = SONGS[2].copy()
    quiet[:, 2 * RATE : 6 * RATE] = 0
    stem = separate(quiet)
    assert stem.dtype == np.float32
    assert np.isfinite(stem).all()
    assert not stem[:, 3 * RATE : 5 * RATE].any()
    assert separate(quiet[:, :0]).shape == (2, 0)


@pytest.mark.parametrize(
    ("channels", "length"),
    [(1, 1), (2, 5), (2, HOP + 1)]
    + [pytest.param(*other, marks=pytest.mark.slow) for other in ((2, 1), (1, 5), (1, HOP + 1))],
)
def test_short_tracks_keep_their_length(channels: int, length: int) -> None:
    stem = separate(SONGS[channels][:, 5000 : 5000 + length])
    assert stem.shape == (channels, length)
    assert np.isfinite(stem).all()


@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_level_of_the_recording_does_not_matter(gain: float) -> None:
    stem = separate(SONGS[1] * np.float32(gain)) / np.float32(gain)
    assert np.abs(stem - whole(1)).max() < 1e-3 * np.abs(whole(1)).max()


def test_mono_is_what_both_channels_of_it_would_give() -> None:
    stem = separate(np.repeat(SONGS[1], 2, axis=0))
    np.testing.assert_allclose(stem.mean(axis=0), whole(1)[0], atol=1e-6)


def test_a_second_instance_and_a_copy_from_another_process_give_the_same_bits() -> None:
    copied = pickle.loads(pickle.dumps(SEPARATOR))
    for other in (Embedded(device="cpu", batch_size=1), copied):
        assert np.array_equal(separate(SONGS[1], other), whole(1))
        assert other.fingerprint() == SEPARATOR.fingerprint()


def test_blocks_in_one_batch_do_not_hear_each_other() -> None:
    together = separate(SONGS[2], Embedded(device="cpu", batch_size=2))
    assert np.abs(together - whole(2)).max() < 1e-5 * np.abs(whole(2)).max()


def test_the_weights_are_small_sound_and_packaged() -> None:
    assert WEIGHTS.stat().st_size <= 8_000_000
    with safe_open(str(WEIGHTS), framework="np") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    floats = [t for t in tensors.values() if t.dtype.kind == "f"]
    assert all(t.dtype == np.float16 and np.isfinite(t).all() for t in floats)
    packaged = (ROOT / "pyproject.toml").read_text()
    for path in (WEIGHTS, WEIGHTS.with_suffix(".md")):
        assert path.exists()
        assert f'"separators/embedded/{path.name}"' in packaged
    assert SEPARATOR.weights_hash in SEPARATOR.fingerprint()


def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"", WEIGHTS.read_bytes()[:1000]):
        path = tmp_path / "weights.safetensors"
        path.write_bytes(content)
        monkeypatch.setattr(embedded, "WEIGHTS", path)
        with pytest.raises(SettingError, match="install morphsep again"):
            Embedded(device="cpu").load()
    path.unlink()
    with pytest.raises(SettingError, match="install morphsep again"):
        Embedded(device="cpu").load()


def test_exchanged_weights_make_the_new_networks_stem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the package is installed anew below a process that runs."""
    from safetensors.torch import load_file, save_file

    monkeypatch.setattr(embedded, "WEIGHTS", tmp_path / "weights.safetensors")
    samples, separator, stems = SONGS[2][:, :20_000], Embedded(device="cpu"), []
    for scale in (1.0, 0.5):
        state = {k: (v * scale).to(v.dtype) for k, v in load_file(WEIGHTS).items()}
        save_file(state, embedded.WEIGHTS)
        stems.append(separate(samples, separator))
        assert np.array_equal(stems[-1], separate(samples, Embedded(device="cpu")))
    assert not np.allclose(*stems)


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(SettingError, match="device"):
        Embedded(device="cuda:99")
    with pytest.raises(SettingError, match="batch_size"):
        Embedded(batch_size=0)


def test_a_wide_distorted_guitar_comes_out_closer() -> None:
    """Two takes left and right, over a voice-like tone, a bass and clicks in the middle."""
    guitar, middle = _wide_guitar(), SONGS[1] * np.float32(0.5)
    time = np.arange(LENGTH) / RATE
    bass = 0.2 * np.sin(2 * np.pi * 55 * time).astype(np.float32)
    mix = guitar + middle + bass
    assert si_sdr(separate(mix), guitar) > si_sdr(mix, guitar) + WIDE_FLOOR_DB


def _wide_guitar() -> Signal:
    rng = np.random.default_rng(9)
    time = np.arange(LENGTH) / RATE
    takes = []
    for _ in range(2):
        detuned = [hertz * (1 + rng.normal(0, 1e-3)) for hertz in (82.4, 123.5, 164.8)]
        strings = sum(2 * ((hertz * time + rng.random()) % 1) - 1 for hertz in detuned)
        takes.append(0.15 * np.tanh(4 * strings) * np.exp(-((time % 0.4) / 0.5)))
    return np.stack(takes).astype(np.float32)


def test_the_demo_clip_is_not_made_worse_than_measured() -> None:
    """A central, bass-heavy guitar, which it does badly: docs/reference/separators.md."""
    mix, guitar = (_read(DEMO / f"metal-madness{kind}.ogg") for kind in ("", ".guitar"))
    stem = separate(mix)
    assert si_sdr(stem, guitar) > si_sdr(mix, guitar) + CLIP_FLOOR_DB


WIDE_FLOOR_DB, CLIP_FLOOR_DB = 1.0, -0.6
"""Below what was measured."""


def _read(path: Path) -> Signal:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    return np.ascontiguousarray(samples.T)
