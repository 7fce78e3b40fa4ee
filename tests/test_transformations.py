"""Each transformation of an HTDemucs against the model as it was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs.demucs import DConv
from demucs.hdemucs import HDecLayer, HDemucs, HEncLayer
from demucs.htdemucs import HTDemucs

from morphsep.errors import SettingError
from morphsep.separators.demucs.checkpoints import load
from morphsep.separators.demucs.demucs import Demucs
from morphsep.separators.demucs.fast import layers, residuals
from morphsep.separators.demucs.fast.transformations import (
    ELSEWHERE,
    ON_CPU,
    TRANSFORMATIONS,
    choose,
    transform,
)
from morphsep.testing import ArrayMix
from tests.checkpoints import SIX_SOURCES, build_htdemucs, write_htdemucs

LENGTH = int(44100 * 39 / 40)
GUITAR = SIX_SOURCES.index("guitar")
ALL = tuple(TRANSFORMATIONS)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_htdemucs(tmp_path_factory.mktemp("small"))


def checkpoint(folder: Path) -> Any:
    return load(next(folder.glob("*.safetensors")))


def noise(batch: int = 1, length: int = LENGTH) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return 0.3 * torch.randn(batch, 2, length, generator=generator)


def estimate(model: Any, mix: torch.Tensor, source: int) -> torch.Tensor:
    with torch.inference_mode():
        result: torch.Tensor = model(mix)[:, source]
    return result


@pytest.fixture(scope="module")
def published(folder: Path) -> torch.Tensor:
    return estimate(checkpoint(folder), noise(), GUITAR)


@pytest.mark.parametrize("names", [*((name,) for name in ALL), ALL, ALL[1:], ALL[:1] + ALL[2:]])
def test_each_alone_and_together_give_the_published_estimate(
    folder: Path, published: torch.Tensor, names: tuple[str, ...]
) -> None:
    model = checkpoint(folder)
    source = transform(model, GUITAR, names)
    difference = (estimate(model, noise(), source) - published).abs().max()
    assert published.std() > 0.05
    assert difference < 2e-6
    assert difference == 0 or names != ("one_source",)


def test_each_replaces_what_it_says(folder: Path) -> None:
    def kinds(*names: str) -> set[type]:
        model = checkpoint(folder)
        transform(model, GUITAR, names)
        return {type(module) for module in model.modules()}

    assert {HEncLayer, HDecLayer, DConv, torch.nn.MultiheadAttention} < kinds()
    assert torch.nn.MultiheadAttention not in kinds("attention")
    assert DConv not in kinds("residuals")
    assert not {HEncLayer, HDecLayer} & kinds("channels_last")
    model = checkpoint(folder)
    assert transform(model, GUITAR, ["one_source"]) == 0
    assert model.sources == ["guitar"]
    assert model.decoder[-1].conv_tr.weight.shape[1] == 4
    assert model.tdecoder[-1].conv_tr.weight.shape[1] == 2


def test_every_source_can_be_the_one(folder: Path) -> None:
    model, mix = checkpoint(folder), noise()
    with torch.inference_mode():
        every = model(mix)
    for index in (0, len(SIX_SOURCES) - 1):
        one = checkpoint(folder)
        assert torch.equal(
            estimate(one, mix, transform(one, index, ["one_source"])), every[:, index]
        )


@pytest.mark.parametrize("block", [1, 5000, 1 << 30])
def test_blocks_of_any_size_give_the_same(
    folder: Path, published: torch.Tensor, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "BLOCK", max(block, 3000))
    monkeypatch.setattr(residuals, "BLOCK", block if block > 1 else 2000)
    model = checkpoint(folder)
    source = transform(model, GUITAR, ALL)
    torch.testing.assert_close(estimate(model, noise(), source), published, rtol=0, atol=2e-6)


def test_batches_and_shorter_inputs(folder: Path) -> None:
    mix, model, fast = noise(2), checkpoint(folder), checkpoint(folder)
    source = transform(fast, GUITAR, ALL)
    expected = estimate(model, mix, GUITAR)
    torch.testing.assert_close(estimate(fast, mix, source), expected, rtol=0, atol=2e-6)
    short = mix[:, :, :1234]
    torch.testing.assert_close(
        estimate(fast, short, source), estimate(model, short, GUITAR), rtol=0, atol=2e-6
    )
    # What was kept for one length does not spoil another, nor does a run spoil the next.
    torch.testing.assert_close(estimate(fast, mix, source), expected, rtol=0, atol=2e-6)


SMALL: dict[str, Any] = {"channels": 8, "segment": 0.5, "nfft": 2048, "samplerate": 44100}


@pytest.mark.parametrize(
    "settings",
    [
        {"bottom_channels": 24, "t_layers": 3, "t_heads": 2},  # as htdemucs and htdemucs_ft
        {"bottom_channels": 0, "t_layers": 0},
        {"t_layers": 2, "t_heads": 2, "t_norm_first": False},
        {"t_layers": 2, "t_heads": 2, "t_group_norm": 1},
        {"t_layers": 2, "t_heads": 2, "t_cross_first": True, "t_gelu": False},
        {"t_layers": 1, "t_heads": 2, "t_layer_scale": False, "t_norm_out": False},
        {"t_layers": 1, "t_heads": 2, "t_emb": "scaled", "dconv_mode": 3},
        {"t_layers": 1, "t_heads": 2, "norm_starts": 2, "cac": False, "freq_emb": 0},
        {"t_layers": 1, "t_heads": 2, "rewrite": False, "dconv_mode": 0},
        {"t_layers": 1, "t_heads": 2, "context_enc": 1, "context": 2, "dconv_depth": 3},
    ],
    ids=lambda settings: ",".join(f"{k}={v}" for k, v in settings.items()),
)
def test_models_built_otherwise_give_the_same_too(settings: dict[str, Any]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, fast = (
            HTDemucs(["drums", "guitar"], **(SMALL | settings)).eval().requires_grad_(False)
            for _ in range(2)
        )
    fast.load_state_dict(model.state_dict())
    mix = noise(length=22050)
    expected = estimate(model, mix, 1)
    result = estimate(fast, mix, transform(fast, 1, ALL))
    scale = float(expected.abs().max())
    assert scale > 0
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5 * scale)


def test_other_classes_are_left_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        model = HDemucs(["drums", "guitar"], channels=4, segment=1, samplerate=44100)
    before = [id(module) for module in model.modules()]
    assert transform(model, 1, ALL) == 1
    assert [id(module) for module in model.modules()] == before


def test_defaults_and_choice() -> None:
    assert choose(None, torch.device("cpu")) == ON_CPU
    assert choose(None, torch.device("meta")) == ELSEWHERE
    assert choose((), torch.device("cpu")) == ()
    assert choose(["attention", "one_source"], torch.device("cpu")) == ("one_source", "attention")


def test_the_separator_switches_them(folder: Path) -> None:
    samples = np.random.default_rng(0).standard_normal((2, 60000)).astype(np.float32)
    mix = ArrayMix(0.2 * samples)
    plain = Demucs(str(folder), device="cpu", optimise=())
    fast = Demucs(str(folder), device="cpu")
    np.testing.assert_allclose(
        fast.separate(mix, 0, 60000), plain.separate(mix, 0, 60000), rtol=0, atol=1e-6
    )
    assert plain._ready()[1][0].model.sources == list(SIX_SOURCES)
    assert fast._ready()[1][0].model.sources == ["guitar"]
    assert fast.fingerprint() == plain.fingerprint()
    with pytest.raises(SettingError, match=r"'magic'\. There are: one_source, attention"):
        Demucs(str(folder), optimise=["magic"])


def test_the_checkpoint_is_untouched() -> None:
    model = build_htdemucs()
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    fast = build_htdemucs()
    fast.load_state_dict(kept)
    source = transform(fast, GUITAR, ALL)
    weights = {name: value.clone() for name, value in fast.state_dict().items()}
    estimate(fast.requires_grad_(False), noise(), source)
    for name, value in fast.state_dict().items():
        assert torch.equal(value, weights[name])
