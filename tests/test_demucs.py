"""The Demucs separator against demucs itself, and against every way to cut and batch the work."""

from __future__ import annotations

import itertools
import json
import logging
import os
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.demucs import Demucs as TimeDemucs
from demucs.hdemucs import HDemucs

from morphsep.dsp.signal import Signal
from morphsep.errors import SettingError, TrackError
from morphsep.separators.demucs.checkpoints import load
from morphsep.separators.demucs.demucs import Demucs
from morphsep.testing import ArrayMix
from tests.checkpoints import build_htdemucs, package, write_htdemucs, write_th

FOUR = ("drums", "bass", "other", "vocals")
LENGTH = int(44100 * 39 / 40)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_htdemucs(tmp_path_factory.mktemp("small"))


def song(num_samples: int, channels: int = 2, seed: int = 0) -> ArrayMix:
    """Coloured noise with a bit of DC, so that forgetting the mean shows."""
    white = np.random.default_rng(seed).standard_normal((channels, num_samples + 8))
    coloured = np.stack([np.convolve(row, np.ones(9) / 9, "valid") for row in white])
    return ArrayMix((0.3 * coloured + 0.02).astype(np.float32))


def reference(model: Any, mix: ArrayMix, source: str, **settings: Any) -> Signal:
    """What ``demucs.api`` would give: normalised by the whole track, `source` only."""
    wave = torch.from_numpy(np.broadcast_to(mix.samples, (2, mix.num_samples)).copy())
    mean = wave.mean(0).mean()
    std = wave.mean(0).std() + 1e-8
    estimates = apply_model(
        model, ((wave - mean) / std)[None], **{"shifts": 0, "overlap": 0.25, **settings}
    )
    kept = estimates[0, model.sources.index(source)] * std + mean
    return np.asarray(kept.numpy(), np.float32)


def checkpoint(folder: Path) -> Any:
    return load(next(path for path in folder.iterdir() if path.suffix in (".th", ".safetensors")))


@pytest.mark.parametrize(
    "num_samples", [2, 1000, LENGTH - 1, LENGTH, LENGTH + 1, int(3.3 * LENGTH)]
)
def test_equals_demucs_at_every_length(small: Path, num_samples: int) -> None:
    mix = song(num_samples)
    stem = Demucs(str(small), device="cpu").separate(mix, 0, num_samples)
    expected = reference(checkpoint(small), mix, "guitar")
    assert stem.dtype == np.float32
    assert stem.shape == (2, num_samples)
    np.testing.assert_allclose(stem, expected, rtol=0, atol=1e-6)


def test_the_reference_is_no_trivial_signal(small: Path) -> None:
    mix = song(LENGTH)
    stem = Demucs(str(small), device="cpu").separate(mix, 0, LENGTH)
    assert 0.1 < stem.std() / mix.samples.std() < 3
    assert abs(np.corrcoef(stem.ravel(), mix.samples.ravel())[0, 1]) < 0.9


def test_equals_the_loader_of_demucs(small: Path) -> None:
    from demucs.hf import load_safetensors_model

    ours, theirs = checkpoint(small), load_safetensors_model(small / "0a11c0de.safetensors")
    for (name, a), (other, b) in zip(
        ours.state_dict().items(), theirs.state_dict().items(), strict=True
    ):
        assert name == other
        assert a.dtype == torch.float32
        assert torch.equal(a, b)


def test_any_cut_gives_the_same_bits(small: Path) -> None:
    num_samples = int(2.6 * LENGTH)
    mix, separator = song(num_samples), Demucs(str(small), device="cpu")
    whole = separator.separate(mix, 0, num_samples)
    cuts = np.random.default_rng(5).integers(0, num_samples, 3).tolist()
    # Where a segment starts, ends, and one beside it.
    edges = [0, *sorted([*cuts, int(0.75 * LENGTH), LENGTH, LENGTH + 1]), num_samples]
    pieces = [separator.separate(mix, a, b) for a, b in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    assert separator.separate(mix, 5, 5).shape == (2, 0)


def test_runs_only_the_segments_that_are_needed(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mix, separator = song(6 * LENGTH), Demucs(str(small), device="cpu")
    reads: list[int] = []
    read = ArrayMix.read

    def counted(self: ArrayMix, start: int, num_samples: int) -> Signal:
        reads.append(start)
        return read(self, start, num_samples)

    monkeypatch.setattr(ArrayMix, "read", counted)
    stride = int(0.75 * LENGTH)
    separator.separate(mix, 2 * stride + LENGTH - stride, 3 * stride)
    assert reads == [2 * stride]


def test_batches_give_what_single_segments_give(small: Path) -> None:
    num_samples = int(3.3 * LENGTH)
    mix = song(num_samples)
    one = Demucs(str(small), device="cpu").separate(mix, 0, num_samples)
    many = Demucs(str(small), device="cpu", batch_size=3).separate(mix, 0, num_samples)
    np.testing.assert_allclose(many, one, rtol=0, atol=1e-6)


def test_halves_the_batch_when_memory_runs_out(
    small: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    num_samples = int(3.3 * LENGTH)
    mix, separator = song(num_samples), Demucs(str(small), device="cpu", batch_size=4)
    separator.load()
    model = separator._ready()[1][0].model
    forward, sizes = model.forward, []

    def limited(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(batch)

    monkeypatch.setattr(model, "forward", limited)
    with caplog.at_level(logging.WARNING, "morphsep"):
        stem = separator.separate(mix, 0, num_samples)
    assert sizes == [4, 2, 2, 1]
    assert "2 segments at once" in caplog.text
    np.testing.assert_allclose(
        stem, Demucs(str(small), device="cpu").separate(mix, 0, num_samples), rtol=0, atol=1e-6
    )


def test_one_segment_that_does_not_fit_fails_the_track(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    separator = Demucs(str(small), device="cpu", batch_size=2)

    def full(batch: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(separator._ready()[1][0].model, "forward", full)
    with pytest.raises(TrackError) as caught:
        separator.separate(song(1000), 0, 1000)
    assert caught.value.code == "out_of_memory"


def test_mono_is_the_mean_of_both_outputs(small: Path) -> None:
    num_samples = LENGTH + 4000
    mix = song(num_samples, channels=1)
    stem = Demucs(str(small), device="cpu").separate(mix, 0, num_samples)
    expected = reference(checkpoint(small), mix, "guitar").mean(axis=0, keepdims=True)
    assert stem.shape == (1, num_samples)
    np.testing.assert_allclose(stem, expected, rtol=0, atol=1e-6)


def test_silence_dc_and_one_sample_stay_finite(small: Path) -> None:
    separator = Demucs(str(small), device="cpu")
    for samples in (np.zeros((2, 5000)), np.full((2, 5000), 0.25), np.full((2, 1), 0.5)):
        mix = ArrayMix(samples.astype(np.float32))
        stem = separator.separate(mix, 0, mix.num_samples)
        np.testing.assert_allclose(stem, samples, rtol=0, atol=1e-5)


def test_shifts_are_those_of_demucs_and_independent_of_cuts(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    num_samples = int(1.4 * LENGTH)
    mix, separator = song(num_samples), Demucs(str(small), device="cpu", shifts=2, seed=7)
    whole = separator.separate(mix, 0, num_samples)
    offsets = [part.origin + 22050 for part in separator._ready()[1]]
    draws = iter(offsets)
    monkeypatch.setattr(random, "randint", lambda low, high: next(draws))
    expected = reference(checkpoint(small), mix, "guitar", shifts=2)
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-6)
    assert np.array_equal(separator.separate(mix, 15000, 45000), whole[:, 15000:45000])
    assert len(set(offsets)) == 2
    again = Demucs(str(small), device="cpu", shifts=2, seed=8)
    assert [part.origin + 22050 for part in again._ready()[1]] != offsets


def write_bag(folder: Path, recipe: str, seeds: dict[str, int]) -> Path:
    for signature, seed in seeds.items():
        one = write_htdemucs(folder / str(seed), sources=FOUR, seed=seed)
        next(one.glob("*.safetensors")).rename(folder / f"{signature}.safetensors")
    (folder / "bag.yaml").write_text(recipe)
    return folder


def test_bags_equal_demucs_and_skip_models_without_weight(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = """
models: ['aa', 'bb', 'cc']
weights: [[1., 1., 0.5, 0.], [1., 0., 2., 1.], [1., 1., 0., 1.]]
segment: 0.75
"""
    folder = write_bag(tmp_path, recipe, {"aa": 1, "bb": 2, "cc": 3})
    models = [load(folder / f"{name}.safetensors") for name in ("aa", "bb", "cc")]
    weights = [[1.0, 1.0, 0.5, 0.0], [1.0, 0.0, 2.0, 1.0], [1.0, 1.0, 0.0, 1.0]]
    mix, separator = song(45000), Demucs(str(folder), device="cpu")
    with caplog.at_level(logging.WARNING, "morphsep"):
        stem = separator.separate(mix, 0, 45000)
    expected = reference(BagOfModels(models, weights, 0.75), mix, "other")
    np.testing.assert_allclose(stem, expected, rtol=0, atol=1e-6)
    assert "no guitar source" in caplog.text
    assert len(separator._ready()[1]) == 2
    vocals = Demucs(str(folder), device="cpu", source="vocals").separate(mix, 0, 45000)
    np.testing.assert_allclose(
        vocals, reference(BagOfModels(models, weights, 0.75), mix, "vocals"), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    ("klass", "settings"),
    [
        (HDemucs, {"channels": 4, "segment": 1.5, "samplerate": 44100}),
        (TimeDemucs, {"channels": 4, "segment": 1.5, "depth": 3, "lstm_layers": 0}),
    ],
)
def test_older_classes_pad_the_end_in_their_own_way(
    tmp_path: Path, klass: Any, settings: dict[str, Any]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = klass(list(FOUR), **settings).eval()
    write_th(tmp_path, "old", package(model))
    mix, separator = song(100000), Demucs(str(tmp_path), device="cpu", batch_size=2)
    stem = separator.separate(mix, 0, 100000)
    assert stem.std() > 1e-4
    np.testing.assert_allclose(
        stem, reference(checkpoint(tmp_path), mix, "other"), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("kind", ["th", "yaml+th"])
def test_published_pickles_load_without_unpickling(tmp_path: Path, kind: Any, small: Path) -> None:
    folder = write_htdemucs(tmp_path, kind)
    mix = song(3000)
    stem = Demucs(str(folder), device="cpu").separate(mix, 0, 3000)
    same = Demucs(str(small), device="cpu").separate(mix, 0, 3000)
    # older CPUs add up in another order where the weights lie in memory as another file has them
    np.testing.assert_allclose(stem, same, rtol=0, atol=1e-6)


class Settings:
    """Pickles as an omegaconf container did in the training settings of older checkpoints."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Settings, (), {"_content": {"lr": 3e-4}}


def test_older_training_settings_are_ignored(tmp_path: Path) -> None:
    content = package(build_htdemucs())
    Settings.__module__, Settings.__qualname__ = "omegaconf.dictconfig", "DictConfig"
    try:
        path = tmp_path / "old.th"
        with pytest.MonkeyPatch.context() as patch:
            import sys
            import types

            module = types.ModuleType("omegaconf.dictconfig")
            module.DictConfig = Settings  # type: ignore[attr-defined]
            patch.setitem(sys.modules, "omegaconf", types.ModuleType("omegaconf"))
            patch.setitem(sys.modules, "omegaconf.dictconfig", module)
            torch.save({**content, "training_args": Settings()}, path)
    finally:
        Settings.__module__, Settings.__qualname__ = __name__, "Settings"
    assert load(path).sources == content["args"][0]


class Malicious:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("where", ["training_args", "klass", "kwargs", "whole"])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path, where: str) -> None:
    witness = tmp_path / "ran"
    evil = Malicious(f"touch {witness}")
    content = {**package(build_htdemucs()), where: evil} if where != "whole" else evil
    folder = tmp_path / "model"
    folder.mkdir()
    file = write_th(folder, "evil", content)
    with pytest.raises(
        SettingError, match=r"\(\w+\.system\)\. It was refused and nothing of it ran"
    ):
        Demucs(str(folder), device="cpu").load()
    assert not witness.exists()
    torch.load(file, weights_only=False)  # it would have
    assert witness.exists()


def test_safetensors_cannot_name_any_other_class(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    metadata = {"klass": "os.system", "args": json.dumps(["false"]), "kwargs": "{}"}
    save_file({"x": torch.zeros(1)}, tmp_path / "evil.safetensors", metadata=metadata)
    with pytest.raises(SettingError, match=r"os\.system is no model that demucs has"):
        Demucs(str(tmp_path), device="cpu").load()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + bytes(100)])
@pytest.mark.parametrize("suffix", [".th", ".safetensors"])
def test_damaged_checkpoints_are_refused_in_a_sentence(
    tmp_path: Path, content: bytes, suffix: str
) -> None:
    (tmp_path / f"model{suffix}").write_bytes(content)
    with pytest.raises(SettingError, match=r"model\.(th|safetensors) was not loaded"):
        Demucs(str(tmp_path), device="cpu").load()


def test_other_pickled_things_are_no_model(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, tmp_path / "model.th")
    with pytest.raises(SettingError, match="holds no Demucs model"):
        Demucs(str(tmp_path), device="cpu").load()


def test_wrong_settings_are_refused_before_anything_is_read(small: Path) -> None:
    with pytest.raises(SettingError, match="htdemucs_6s"):
        Demucs("htdemucs_7s")
    for setting in (
        {"overlap": 1.0},
        {"shifts": -1},
        {"batch_size": 0},
        {"seed": -1},
        {"lanes": 0},
    ):
        with pytest.raises(SettingError):
            Demucs(str(small), **setting)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="device"):
        Demucs(str(small), device="quantum")
    if not torch.cuda.is_available():
        with pytest.raises(SettingError, match="CUDA"):
            Demucs(str(small), device="cuda")
    with pytest.raises(SettingError, match="no source 'flute', only drums"):
        Demucs(str(small), device="cpu", source="flute").load()


def test_a_source_can_be_named_with_the_model(small: Path) -> None:
    def named(text: str) -> str:
        return Demucs(text, device="cpu").fingerprint()

    assert named(f"{small}:piano") == Demucs(str(small), source="piano").fingerprint()
    assert len({named(str(small)), named(f"{small}:piano"), named(f"{small}:vocals")}) == 3
    mix = song(20000)
    stem = Demucs(f"{small}:vocals", device="cpu").separate(mix, 0, 20000)
    expected = reference(checkpoint(small), mix, "vocals")
    np.testing.assert_allclose(stem, expected, rtol=0, atol=1e-6)
    with pytest.raises(SettingError, match="no source 'flute', only drums"):
        Demucs(f"{small}:flute", device="cpu").load()
    for wrong in (f"{small}:", "htdemucs_7s:bass"):
        with pytest.raises(SettingError):
            Demucs(wrong)
    with pytest.raises(SettingError, match="one source"):
        Demucs(f"{small}:piano", source="bass")


def test_the_command_line_names_a_source_too(small: Path) -> None:
    from morphsep.morphing.plugins import build_separator
    from morphsep.request.settings import Settings

    separator = build_separator(Settings(separator=f"demucs:{small}:piano", device="cpu"))
    assert separator.fingerprint() == Demucs(str(small), source="piano").fingerprint()


def test_a_colon_in_a_path_is_part_of_the_path(small: Path, tmp_path: Path) -> None:
    folder = write_htdemucs(tmp_path / "take:2")
    assert Demucs(str(folder)).fingerprint() == Demucs(str(small)).fingerprint()
    assert Demucs(f"{folder}:bass").fingerprint() == Demucs(f"{small}:bass").fingerprint()
    with pytest.raises(SettingError, match="No Demucs model"):
        Demucs(str(tmp_path / "take:3" / "model"))


def test_the_default_model_with_a_source_needs_no_name() -> None:
    separator = pickle.loads(pickle.dumps(Demucs(":vocals")))
    assert (separator._model, separator._source) == ("htdemucs_6s", "vocals")


def test_lanes_give_the_same_bits(small: Path) -> None:
    num_samples = int(3.3 * LENGTH)
    mix = song(num_samples)
    one = Demucs(str(small), device="cpu", lanes=1).separate(mix, 0, num_samples)
    separator = Demucs(str(small), device="cpu", lanes=3)
    assert np.array_equal(separator.separate(mix, 0, num_samples), one)
    assert np.array_equal(separator.separate(mix, 7000, 50000), one[:, 7000:50000])
    assert torch.get_num_threads() == 1
    torch.set_num_threads(2)
    assert Demucs(str(small), device="cpu")._ready()[0].lanes == 2
    torch.set_num_threads(1)


@pytest.mark.parametrize("lanes", [1, 2])
def test_each_lane_is_one_thread_and_the_others_are_given_back(small: Path, lanes: int) -> None:
    """How many threads share a product decides how its sums are rounded."""
    mix, length = song(3 * LENGTH), 3 * LENGTH
    wanted = Demucs(str(small), device="cpu", lanes=1).separate(mix, 0, length)
    torch.set_num_threads(4)
    try:
        found = Demucs(str(small), device="cpu", lanes=lanes).separate(mix, 0, length)
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(1)
    assert np.array_equal(found, wanted)


def test_lanes_are_given_up_before_the_batch_when_memory_runs_out(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    num_samples = int(3.3 * LENGTH)
    mix = song(num_samples)
    separator = Demucs(str(small), device="cpu", lanes=2, batch_size=2)
    runner, parts = separator._ready()
    forward = parts[0].model.forward

    def limited(batch: torch.Tensor) -> torch.Tensor:
        if runner.lanes > 1:
            raise torch.OutOfMemoryError("CPU out of memory")
        result: torch.Tensor = forward(batch)
        return result

    monkeypatch.setattr(parts[0].model, "forward", limited)
    stem = separator.separate(mix, 0, num_samples)
    assert (runner.lanes, runner.batch_size) == (1, 2)
    expected = Demucs(str(small), device="cpu").separate(mix, 0, num_samples)
    np.testing.assert_allclose(stem, expected, rtol=0, atol=1e-6)


def test_a_bag_reads_only_the_models_that_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = "models: [aa, bb, cc]\nweights: [[1,0,0,0], [0,0,0,1], [0,0,1,0]]\n"
    folder = write_bag(tmp_path, recipe, {"aa": 1, "bb": 2, "cc": 3})
    read: list[str] = []

    def counted(path: Path) -> Any:
        read.append(path.stem)
        return load(path)

    monkeypatch.setattr("morphsep.separators.demucs.ensemble.load", counted)
    mix, separator = song(9000), Demucs(f"{folder}:vocals", device="cpu")
    stem = separator.separate(mix, 0, 9000)
    assert read == ["aa", "bb"]
    expected = reference(load(folder / "bb.safetensors"), mix, "vocals")
    np.testing.assert_allclose(stem, expected, rtol=0, atol=1e-6)


def test_fingerprint_holds_what_changes_the_stem_and_nothing_else(
    small: Path, tmp_path: Path
) -> None:
    def fingerprint(**settings: Any) -> str:
        return Demucs(str(small), **settings).fingerprint()

    assert fingerprint() == fingerprint(device="cpu", batch_size=4, seed=3, lanes=2, optimise=())
    other = write_htdemucs(tmp_path, seed=1)
    different = {
        fingerprint(),
        fingerprint(source="piano"),
        fingerprint(overlap=0.5),
        fingerprint(shifts=1),
        fingerprint(shifts=1, seed=1),
        Demucs(str(other)).fingerprint(),
    }
    assert len(different) == 6


def test_exchanged_weights_make_the_new_models_stem_under_its_key(tmp_path: Path) -> None:
    separator, mix = Demucs(str(write_htdemucs(tmp_path)), device="cpu"), song(20_000)
    old, before = separator.fingerprint(), separator.separate(mix, 0, 20_000)
    write_htdemucs(tmp_path, seed=1)
    after, anew = separator.separate(mix, 0, 20_000), Demucs(str(tmp_path), device="cpu")
    assert separator.fingerprint() == anew.fingerprint() != old
    assert np.array_equal(after, anew.separate(mix, 0, 20_000))
    assert not np.allclose(after, before)


@pytest.mark.slow
def test_equals_demucs_at_full_size(tmp_path: Path) -> None:
    folder = write_htdemucs(tmp_path, full=True)
    model = checkpoint(folder)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == 26.9
    mix = song(int(1.5 * 7.8 * 44100))
    separator = Demucs(str(folder), device="cpu")
    stem = separator.separate(mix, 0, mix.num_samples)
    np.testing.assert_allclose(stem, reference(model, mix, "guitar"), rtol=0, atol=1e-5)
    assert np.array_equal(separator.separate(mix, 1000, 5000), stem[:, 1000:5000])
