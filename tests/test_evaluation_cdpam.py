"""CDPAM: the published layout, converted without executing it, computed as published."""

import hashlib
import os
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from morphsep import models
from morphsep.dsp import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.evaluation import metrics
from morphsep.models import sources
from morphsep.testing import plucked

PACKAGED = sources.PACKAGED[models.CDPAM]
State = dict[str, torch.Tensor]
NARROW = 2
"""Channels of the first convolution; published: 64."""


def random_state() -> State:
    """The published names and layout with few channels, weights random."""
    random = torch.Generator().manual_seed(0)
    state: State = {}

    def add(name: str, *shape: int, around: float = 0.0) -> None:
        state[name] = around + 0.3 * torch.randn(*shape, generator=random)

    into, out = 1, NARROW
    for i in range(16):
        out = out * 2 if i % 4 == 3 else out
        add(f"base_encoder.encoder.{i}.weight", out, into, 15)
        add(f"base_encoder.encoder.{i}.bias", out)
        for name, around in (("weight", 1), ("bias", 0), ("running_mean", 0)):
            add(f"base_encoder.ebatch.{i}.{name}", out, around=around)
        state[f"base_encoder.ebatch.{i}.running_var"] = torch.rand(out, generator=random) + 0.5
        state[f"base_encoder.ebatch.{i}.num_batches_tracked"] = torch.tensor(1)
        into = out
    for i, (a, b) in enumerate(pairwise((out // 2, 256, 64, 16, 4))):
        add(f"model_dist.convs.{i}.0.weight", b, a)
        add(f"model_dist.convs.{i}.0.bias", b)
        add(f"model_dist.chan_w.{i}", b)
    return state


def published_distance(state: State, a: Signal, b: Signal) -> float:
    """CDPAM as its description has it, step by step, of ``[T]`` at 22.05 kHz; nothing folded."""

    def acoustics(sound: Signal) -> torch.Tensor:
        x = torch.from_numpy(np.round(sound * 32_768).astype(np.float32))[None, None]
        for i in range(16):
            convolution = [state[f"base_encoder.encoder.{i}.{n}"] for n in ("weight", "bias")]
            norm = {
                n: state[f"base_encoder.ebatch.{i}.{n}"]
                for n in ("running_mean", "running_var", "weight", "bias")
            }
            x = functional.batch_norm(functional.conv1d(x, *convolution, padding=7), **norm)
            x = functional.leaky_relu(x, 0.1)
            x = x[..., ::2] if i % 4 == 3 else x
        return functional.normalize(x.mean(dim=2)[:, : x.shape[1] // 2], dim=1)

    x, y = acoustics(a), acoustics(b)
    distance = 0.0
    for i in range(4):
        dense = [state[f"model_dist.convs.{i}.0.{n}"] for n in ("weight", "bias")]
        x, y = (functional.linear(each, *dense) for each in (x, y))
        x, y = (functional.leaky_relu(each) if i < 3 else each for each in (x, y))
        distance += float((state[f"model_dist.chan_w.{i}"] * (x - y)).abs().sum())
    return distance


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    """Random weights, installed as the package would be, in its old format; nothing fetched yet."""
    state = random_state()
    file = tmp_path / "site" / "stand_in" / PACKAGED.path
    file.parent.mkdir(parents=True)
    (file.parents[1] / "__init__.py").write_text("raise AssertionError('imported')")
    content = {"state": state, "epochs": 1, "optim": {}}
    torch.save(content, file, _use_new_zipfile_serialization=False)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    stand_in = replace(PACKAGED, package="stand_in", digest=digest)
    monkeypatch.setitem(sources.PACKAGED, models.CDPAM, stand_in)
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("MORPHSEP_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    return state


def test_distances_are_the_published_ones(state: State) -> None:
    sounds = [plucked(22_050 // 4, seed)[None] for seed in range(3)]
    cdpam = metrics.load_cdpam()
    encodings = [cdpam.encode(sound, 22_050) for sound in sounds]
    assert encodings[0].shape == (256 + 64 + 16 + 4,)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        expected = published_distance(state, sounds[i][0], sounds[j][0])
        distance = metrics.cdpam_distance(encodings[i], encodings[j])
        assert expected > 0.1
        assert distance == pytest.approx(expected, abs=1e-4)
    steps = [metrics.cdpam_distance(*encodings[i : i + 2]) for i in (0, 1)]
    assert metrics.cdpam_steps(encodings) == steps
    to_target = [metrics.cdpam_distance(each, encodings[2]) for each in encodings]
    assert metrics.cdpam_to_target(encodings) == to_target
    assert to_target[-1] == 0.0


def test_any_rate_and_stereo_are_heard_as_mono_at_22_khz(state: State) -> None:
    cdpam = metrics.load_cdpam()
    sound = plucked(MODEL_RATE // 4, 0)
    mono = cdpam.encode(sound[None], MODEL_RATE)
    stereo = cdpam.encode(np.stack([0.5 * sound, 1.5 * sound]), MODEL_RATE)
    assert metrics.cdpam_distance(mono, stereo) < 1e-3


def test_weights_are_converted_once_and_never_imported(state: State, tmp_path: Path) -> None:
    folder = models.fetch(models.CDPAM)
    assert folder == tmp_path / "weights" / "cdpam"
    (converted,) = models.verify(models.CDPAM)
    made = converted.stat().st_mtime_ns
    assert converted.stat().st_mode & 0o444 == 0o444 & ~_umask()
    assert models.reachable(models.CDPAM)
    metrics.load_cdpam()
    assert converted.stat().st_mtime_ns == made
    assert "stand_in" not in sys.modules
    (listed,) = (each for each in models.list_models() if each.name == models.CDPAM)
    assert (listed.path, listed.licence) == (folder, "MIT")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_weights_with_another_digest_are_refused_before_they_are_read(
    state: State, tmp_path: Path
) -> None:
    (tmp_path / "site" / "stand_in" / PACKAGED.path).write_bytes(b"\x80\x02cos\nsystem\n.")
    with pytest.raises(SettingError, match=r"checksum .*, expected .* install stand_in again"):
        metrics.load_cdpam()
    assert not list((tmp_path / "weights").rglob("*.safetensors"))


def test_converted_weights_that_have_changed_are_converted_again(state: State) -> None:
    (converted,) = models.resolve(models.CDPAM).files
    content = converted.read_bytes()
    converted.write_bytes(content[:-1] + b"!")
    models.checksums._sha256.cache_clear()
    metrics.load_cdpam()
    assert converted.read_bytes() == content


def test_without_the_package_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    absent = replace(PACKAGED, package="no_such_package")
    monkeypatch.setitem(sources.PACKAGED, models.CDPAM, absent)
    assert not models.available(models.CDPAM)
    assert not models.reachable(models.CDPAM)
    with pytest.raises(SettingError, match=r"pip install 'morphsep\[evaluate\]'"):
        metrics.load_cdpam()
    assert list(tmp_path.iterdir()) == []


def test_other_weights_under_its_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path))
    (tmp_path / "cdpam").mkdir()
    save_file({"a": torch.zeros(1)}, tmp_path / "cdpam" / "cdpam.safetensors")
    with pytest.raises(SettingError, match="no weights of CDPAM"):
        metrics.load_cdpam()
