"""The backend `diffusion`, on a tiny AudioLDM2 with random weights that our own code loads."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsep.backends.backend import Passage
from morphsep.backends.diffusion import extra as diffusion_extra
from morphsep.backends.diffusion import inversion as diffusion_inversion
from morphsep.backends.diffusion.adapters import MIXED, Network, clone, network
from morphsep.backends.diffusion.batches import batched
from morphsep.backends.diffusion.diffusion import Diffusion
from morphsep.backends.diffusion.files import DEFAULT_WEIGHTS, content_digest, pinned
from morphsep.backends.diffusion.lora import Base, read_adapter
from morphsep.backends.diffusion.lora.adapter import ENDS, ROLES, TONES, Variant
from morphsep.backends.diffusion.lora.injection import attach, state_of
from morphsep.backends.diffusion.mel import HOP, log_mel
from morphsep.backends.diffusion.model import Model, load
from morphsep.backends.diffusion.passages import gain_of
from morphsep.backends.diffusion.render import along_the_arc, with_statistics_of
from morphsep.backends.diffusion.setup import rendering
from morphsep.backends.diffusion.training import write_adapter
from morphsep.backends.diffusion.voices import NOT_NOISE, blended, rendered_amounts
from morphsep.backends.diffusion.window import FRAME, GRID, Window
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import SettingError, TrackError
from morphsep.testing import check_backend
from tests import songs
from tests.tiny_audioldm2 import write_tiny_audioldm2

pytestmark = pytest.mark.usefixtures("diffusion_extra")

RANKS = {"conditional": 4, "unconditional": 2}
SECONDS = 1.0


CLEAN, DRIVEN = songs.Drive(), songs.Drive(decibels=30.0)


def notes(seconds: float = SECONDS, channels: int = 1) -> Signal:
    time = np.arange(int(seconds * MODEL_RATE)) / MODEL_RATE
    waves = [
        sum(np.sin(2 * np.pi * f * k * time) / k for k in range(1, 40)) * np.exp(-2 * time)
        for f in (196.0, 247.0)[:channels]
    ]
    return (0.1 * np.stack(waves)).astype(np.float32)


def passage(stem: Signal, amount: float | Signal, start: int = 0, **more: Any) -> Passage:
    curve = np.broadcast_to(np.float32(amount), stem.shape[1]).astype(np.float32)
    return Passage(
        stem=stem, start=start, amount=curve, source_tone=CLEAN, target_tone=DRIVEN, level=-20.0,
        **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_audioldm2(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path, one_thread: None) -> Model:
    return load(str(folder), "cpu", offline=True)


@lru_cache(maxsize=4)
def shapes(model: Model, rank: int) -> dict[str, Any]:
    """Of the factors of an adapter of a rank, by name."""
    unet = clone(model.unet)
    attach(unet, "new", rank)
    return {key: value.shape for key, value in state_of(unet, "new").items()}


def write(place: Path, model: Model, variant: Variant, seed: int = 0, rank: int = 4) -> Path:
    """An adapter folder with random factors, as large as a training makes them."""
    import torch

    draw = torch.Generator().manual_seed(seed)
    loras, embeddings = {}, {}
    ranks = RANKS | {"conditional": rank}
    for tone in TONES[variant]:
        for role in ROLES:
            loras[tone, role] = {
                key: 0.3 * torch.randn(shape, generator=draw)
                for key, shape in shapes(model, ranks[role]).items()
            }
    text = model.conditioning("a guitar")
    for end in ENDS:
        embeddings[end] = {
            "prompt_embeds": text.prompt_embeds
            + torch.randn(text.prompt_embeds.shape, generator=draw),
            "generated_prompt_embeds": text.generated_prompt_embeds
            + torch.randn(text.generated_prompt_embeds.shape, generator=draw),
            "attention_mask": text.attention_mask,
        }
    base = Base(weights="tiny", revision="", fingerprint=model.fingerprint)
    write_adapter(
        place, variant=variant, base=base, prompt="a guitar", negative_prompt="low quality",
        ranks=ranks, loras=loras, embeddings=embeddings, extras={},
        training={},
    )  # fmt: skip
    return place


@pytest.fixture(scope="module")
def two_sided(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("adapters") / "two", model, "two-sided")


@pytest.fixture(scope="module")
def one_sided(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("adapters") / "one", model, "one-sided")


@pytest.fixture
def made(folder: Path, model: Model) -> Diffusion:
    return Diffusion(weights=str(folder), steps=1, device="cpu", offline=True)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every attempt to open a connection fails, and is noted."""
    tried: list[Any] = []

    def refuse(*args: Any, **kwargs: Any) -> Any:
        tried.append(args)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield tried
    assert not tried


# --- the window -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 1, -5000, 3 * GRID + 17, 10**9])
def test_windows_begin_and_end_on_the_song_s_grid(start: int) -> None:
    window = Window(start=start, num_samples=50_001)
    assert (start - window.before) % GRID == 0
    assert (start + 50_001 + window.after) % GRID == 0
    assert window.before + 50_001 + window.after == window.num_frames * FRAME
    sound = notes(50_001.5 / MODEL_RATE, 2)
    assert window.down(sound).shape == (2, 640 * window.num_frames)
    assert window.up(window.down(sound)).shape == sound.shape


def test_the_crossover_adds_up_and_does_not_move_sound() -> None:
    window = Window(start=777, num_samples=MODEL_RATE)
    clicks = np.zeros((1, MODEL_RATE), np.float32)
    clicks[0, 5000::7919] = 0.5
    low = window.up(window.down(clicks))
    np.testing.assert_allclose(low + window.above(clicks), clicks, atol=1e-7)
    lags = np.correlate(low[0, 4000:14000], clicks[0, 4000:14000], "full")
    assert int(lags.argmax()) == 9999
    time = np.arange(MODEL_RATE) / MODEL_RATE
    for hertz, kept in ((5000, 0.0), (9500, 1.0)):
        wave = np.sin(2 * np.pi * hertz * time).astype(np.float32)[None]
        inner = slice(4410, -4410)
        ratio = np.std(window.above(wave)[0, inner]) / np.std(wave[0, inner])
        assert ratio == pytest.approx(kept, abs=1e-3)


def test_frames_take_the_mean_amount() -> None:
    window = Window(start=GRID - FRAME, num_samples=3 * FRAME)
    means = window.frame_means(np.repeat(np.float32([0.2, 0.4, 0.8]), FRAME))
    assert means.shape == (16,)
    np.testing.assert_allclose(means, [0.2] * 8 + [0.4] + [0.8] * 7, rtol=1e-6)


# --- the mel front end ----------------------------------------------------------------------------


def test_mel_is_what_its_definition_says() -> None:
    import torch

    draw = np.random.default_rng(0)
    sound = draw.normal(0, 0.1, (2, 6400)).astype(np.float32)
    mel = log_mel(torch.from_numpy(sound)).numpy()
    assert mel.shape == (2, 1, 40, 64)
    frame = 17
    piece = sound[1, frame * HOP - 432 : frame * HOP + 592].astype(np.float64)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    magnitude = np.abs(np.fft.rfft(piece * hann))
    np.testing.assert_allclose(
        mel[1, 0, frame], np.log(np.maximum(slaney() @ magnitude, 1e-5)), atol=1e-4
    )


def slaney() -> np.ndarray:
    """64 triangles of equal area from 0 to 8000 Hz: linear to 1 kHz, logarithmic above."""

    def hertz(mel: np.ndarray) -> np.ndarray:
        above = 1000 * np.exp((mel - 15) * np.log(6.4) / 27)
        return np.where(mel < 15, mel * 200 / 3, above)

    top = 15 + np.log(8) * 27 / np.log(6.4)
    edges = hertz(np.linspace(0, top, 66))
    bins = np.fft.rfftfreq(1024, 1 / 16_000)
    rows = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
        rows.append(np.clip(np.minimum(rise, fall), 0, None) * 2 / (high - low))
    return np.stack(rows)


def test_silence_is_the_floor() -> None:
    import torch

    assert log_mel(torch.zeros(1, 1600)).unique().tolist() == pytest.approx([np.log(1e-5)])


def test_a_frame_stands_where_the_vocoder_puts_it(model: Model) -> None:
    import torch

    click = torch.zeros(1, 40 * HOP)
    click[0, 20 * HOP + HOP // 2] = 1.0
    mel = log_mel(click)
    loud = mel.exp().sum(dim=-1)[0, 0].double()
    centre = float((loud * torch.arange(40)).sum() / loud.sum())
    assert centre == pytest.approx(20, abs=0.05)
    with torch.no_grad():
        still = torch.zeros(1, 40, 64)
        moved = still.clone()
        moved[0, 20] = 1.0
        change = (model.vocoder(moved) - model.vocoder(still)).double().flatten() ** 2
    assert len(change) >= 40 * HOP
    middle = float((change * torch.arange(len(change))).sum() / change.sum())
    assert middle == pytest.approx(20.5 * HOP, abs=HOP)


# --- hosting --------------------------------------------------------------------------------------


def test_the_model_opens_no_connection_and_reads_every_weight(
    folder: Path, no_network: list[Any]
) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import GPT2LMHeadModel

    texts = []
    for _ in range(2):
        from morphsep.backends.diffusion import model as diffusion_model

        diffusion_model._load.cache_clear()
        texts.append(load(str(folder), "cpu").conditioning("a guitar"))
    assert texts[0] is not texts[1]
    for name in ("prompt_embeds", "generated_prompt_embeds", "attention_mask"):
        assert torch.equal(getattr(texts[0], name), getattr(texts[1], name))
    kept = load_file(folder / "language_model" / "model.safetensors")
    language = GPT2LMHeadModel.from_pretrained(folder / "language_model")
    assert torch.equal(language.transformer.wte.weight, kept["wte.weight"])


def test_latents_have_the_hub_s_shape(model: Model) -> None:
    import torch

    sound = torch.from_numpy(notes(1.0)[:, : 640 * 24 - 100])
    latents = model.encode(sound)
    assert latents.shape == (1, 8, 24, 16)
    assert model.decode(latents, 5000).shape == (1, 5000)
    assert torch.equal(latents, model.encode(sound))


def test_a_prompt_is_encoded_once(model: Model) -> None:
    first, again = model.conditionings(["one", "one"])
    assert first is again is model.conditioning("one")
    assert first.generated_prompt_embeds.shape[:2] == (1, 8)
    assert not first.prompt_embeds.is_inference()


def test_loading_twice_is_loading_once(folder: Path) -> None:
    assert load(str(folder), "cpu") is load(str(folder), "cpu", offline=True)


def test_the_digest_tells_models_apart(folder: Path, tmp_path: Path) -> None:
    same = shutil.copytree(folder, tmp_path / "same")
    assert content_digest(same) == content_digest(folder)
    other = write_tiny_audioldm2(tmp_path / "other", seed=1)
    assert content_digest(other) != content_digest(folder)


def test_hub_names_are_pinned() -> None:
    commit = "c8e7e189d324425c05c4c2f81214041ef4107983"
    assert pinned("cvssp/audioldm2") == f"cvssp/audioldm2@{commit}"
    assert pinned(f"someone/theirs@{commit}") == f"someone/theirs@{commit}"
    for wrong in ("someone/theirs", "someone/theirs@main"):
        with pytest.raises(SettingError, match="COMMIT"):
            pinned(wrong)


def test_wrong_models_are_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    cases = {
        "no folder unet": lambda place: shutil.rmtree(place / "unet"),
        "no model_index.json": lambda place: (place / "model_index.json").unlink(),
        "says StableDiffusionPipeline": lambda place: (place / "model_index.json").write_text(
            '{"_class_name": "StableDiffusionPipeline"}'
        ),
        "no safetensors": lambda place: next((place / "vae").glob("*.safetensors")).rename(
            place / "vae" / "diffusion_pytorch_model.bin"
        ),
        "cannot be read": lambda place: next((place / "vae").glob("*.safetensors")).write_bytes(
            b"no weights"
        ),
        "geometry": lambda place: (place / "vocoder" / "config.json").write_text(
            (folder / "vocoder" / "config.json").read_text().replace("16000", "48000")
        ),
    }
    for number, (sentence, spoil) in enumerate(cases.items()):
        place = shutil.copytree(folder, tmp_path / str(number))
        spoil(place)
        with pytest.raises(SettingError, match=sentence) as found:
            load(str(place), "cpu")
        assert "\n" not in str(found.value)
        if sentence not in ("cannot be read", "geometry"):
            with pytest.raises(SettingError, match=sentence):
                Diffusion(weights=str(place))
    with pytest.raises(SettingError, match="no AudioLDM2 model at"):
        Diffusion(weights="/no/such/folder")


def test_a_hub_model_that_is_here_is_not_asked_for(
    folder: Path, no_network: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = importlib.import_module("huggingface_hub")
    monkeypatch.setattr(
        hub, "snapshot_download", partial(hub.snapshot_download, cache_dir=tmp_path)
    )
    with pytest.raises(SettingError, match="is not on this machine and cannot be fetched: offline"):
        load(DEFAULT_WEIGHTS, "cpu", offline=True)
    name, commit = pinned(DEFAULT_WEIGHTS).split("@")
    place = tmp_path / f"models--{name.replace('/', '--')}" / "snapshots" / commit
    shutil.copytree(folder, place)
    assert load(DEFAULT_WEIGHTS, "cpu").folder == place
    assert Diffusion().fingerprint().startswith(f"diffusion/1 {name}@{commit} ")


def test_a_hub_that_does_not_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = importlib.import_module("huggingface_hub")

    def refuse(*args: Any, **kwargs: Any) -> str:
        raise OSError("no route\nto host")

    monkeypatch.setattr(hub, "snapshot_download", refuse)
    monkeypatch.setattr("morphsep.backends.diffusion.files.hub_answers", lambda *asked: True)
    with pytest.raises(SettingError, match=r"cannot be fetched: no route$"):
        load(DEFAULT_WEIGHTS, "cpu")
    monkeypatch.setattr("morphsep.backends.diffusion.files.hub_answers", lambda *asked: False)
    with pytest.raises(SettingError, match=r"hub does not answer .*--weights"):
        load(DEFAULT_WEIGHTS, "cpu")


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    found = importlib.util.find_spec

    def hidden(name: str) -> Any:
        return None if name == "diffusers" else found(name)

    monkeypatch.setattr(diffusion_extra, "find_spec", hidden)
    with pytest.raises(SettingError, match=r"needs diffusers: pip install 'morphsep\[diffusion\]'"):
        Diffusion(weights=str(folder)).context(CLEAN, DRIVEN)


# --- inversion ------------------------------------------------------------------------------------


def ideal(config: dict[str, Any]) -> Any:
    """The predictor that is right for white latents whose rows have the variances `VARIANCES`."""
    import torch

    made = diffusion_inversion.scheduler(config, "DDIMScheduler", 100)
    variances = torch.tensor(VARIANCES)[:, None, None, None]

    def predict(z: torch.Tensor, timestep: Any) -> torch.Tensor:
        kept = made.alphas_cumprod[int(timestep)]
        return torch.sqrt(1 - kept) * z / (kept * variances + 1 - kept)

    return predict


VARIANCES = (0.25, 1.0, 4.0)


@pytest.mark.parametrize("others", [{}, {"set_alpha_to_one": True, "steps_offset": 0}])
def test_ddim_inverts_what_it_samples(model: Model, others: dict[str, Any]) -> None:
    import torch

    white = torch.randn(3, 8, 256, 16, generator=torch.Generator().manual_seed(1))
    latents = white * torch.tensor(VARIANCES).sqrt()[:, None, None, None]
    config: dict[str, Any] = model.scheduler_config | others | {"clip_sample": True}
    predict, errors = ideal(config), []
    for steps in (25, 100):
        noise = diffusion_inversion.invert(config, predict, latents, steps)
        back = diffusion_inversion.sample(config, predict, noise, steps)
        errors.append(
            [float((a - b).norm() / b.norm()) for a, b in zip(back, latents, strict=True)]
        )
    assert max(errors[1]) < 0.03
    assert max(errors[1]) < max(errors[0]) / 3
    assert all(diffusion_inversion.looks_like_noise(each) for each in noise)
    assert not diffusion_inversion.looks_like_noise(1.1 * noise[1])
    cosine = torch.nn.functional.cosine_similarity(noise.flatten(1), white.flatten(1))
    assert float(cosine.min()) > 0.999


def test_models_that_predict_something_else_are_refused(model: Model) -> None:
    config = model.scheduler_config | {"prediction_type": "v_prediction"}
    with pytest.raises(SettingError, match="predicts noise"):
        diffusion_inversion.scheduler(config, "DDIMScheduler", 10)
    with pytest.raises(SettingError, match="1000 steps"):
        diffusion_inversion.scheduler(model.scheduler_config, "DDIMScheduler", 1001)


def test_guidance_leads_away_from_the_unconditional() -> None:
    import torch

    one, two = torch.tensor(1.0), torch.tensor(2.0)
    predict = diffusion_inversion.guided(lambda z, t: two, lambda z, t: one, 4.0)
    assert float(predict(one, 0)) == 5.0
    plain = diffusion_inversion.guided(lambda z, t: two, lambda z, t: one, 1.0)
    assert float(plain(one, 0)) == 2.0


# --- adapters -------------------------------------------------------------------------------------


def test_adapters_stay_out_of_the_shared_model(model: Model, two_sided: Path) -> None:
    from peft.tuners.tuners_utils import BaseTunerLayer

    unet = clone(model.unet)
    attach(unet, "new", 2)
    assert not any(isinstance(layer, BaseTunerLayer) for layer in model.unet.modules())
    shared = {p.data_ptr() for p in model.unet.parameters()}
    own = [p for p in unet.parameters() if p.data_ptr() not in shared]
    assert sum(p.numel() for p in own) < 0.2 * sum(p.numel() for p in unet.parameters())


def changes(net: Network, amount: float, layers: list[Any], base: Any) -> list[Any]:
    """What adapters add to the weights of layers at `amount`."""
    import torch

    unet, found = net.at(amount), []
    with torch.no_grad():
        for layer in layers:
            plain = base.get_submodule(layer)
            eye = torch.eye(plain.in_features)
            found.append(unet.get_submodule(layer)(eye) - plain(eye))
    return found


def test_the_live_mix_is_exact_and_factors_are_not(model: Model, two_sided: Path) -> None:
    """The table in the research notes: 0 for the live mix, 0.45 and 0.67 for factors, at 1/4 and
    1/2, rank 4, random factors."""
    options = Diffusion(
        weights=str(model.folder), lora="two-sided", adapter=str(two_sided), device="cpu"
    )
    adapters = {end: adapter.lora(end, "conditional") for end, adapter in both(options).items()}
    live = network(model.unet, adapters)
    factors = network(model.unet, adapters, by_factors=True)
    layers = [n for n, m in model.unet.named_modules() if n.endswith(("attn1.to_q", "attn1.to_k"))]
    assert len(layers) > 5
    source, target = (changes(live, end, layers, model.unet) for end in (0.0, 1.0))
    for amount, expected in ((0.25, 0.45), (0.5, 0.67)):
        goals = [(1 - amount) * a + amount * b for a, b in zip(source, target, strict=True)]
        errors = [
            np.array(
                [
                    float((found - goal).norm() / goal.norm())
                    for found, goal in zip(
                        changes(net, amount, layers, model.unet), goals, strict=True
                    )
                ]
            )
            for net in (live, factors)
        ]
        assert errors[0].max() < 1e-4
        assert errors[1].mean() == pytest.approx(expected, abs=0.06)


def both(options: Diffusion) -> Any:
    from morphsep.backends.diffusion.setup import adapters_of

    return adapters_of(options)


@pytest.mark.parametrize("mix", ["live", "diffmorpher"])
def test_ends_equal_single_adapter_renders(
    model: Model, folder: Path, two_sided: Path, mix: str
) -> None:
    import torch

    options = Diffusion(
        weights=str(folder), lora="two-sided", adapter=str(two_sided), mix=mix, steps=1,
        device="cpu", offline=True,
    )  # fmt: skip
    renderer = rendering(options).renderer
    noises = torch.randn(2, 1, 8, 8, 16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        for amount, end in ((0.0, "source"), (1.0, "target")):
            alone = replace(
                renderer,
                conditional=only(model, str(two_sided), end, "conditional"),
                unconditional=only(model, str(two_sided), end, "unconditional"),
                source=getattr(renderer, end),
                target=getattr(renderer, end),
            )
            noise = along_the_arc(noises[0], noises[1], amount)
            assert torch.equal(noise, noises[int(amount)])
            found, expected = renderer.sample(noise, amount), alone.sample(noise, amount)
            assert torch.equal(found, expected)
            inverted = renderer.invert(noise, amount)
            assert torch.equal(inverted, alone.invert(noise, amount))
        between = renderer.sample(noises[0], 0.5)
        assert not torch.equal(between, renderer.sample(noises[0], 0.0))


@lru_cache(maxsize=4)
def only(model: Model, adapter: str, end: Any, role: Any) -> Network:
    """A U-Net that has seen one adapter only."""
    lora = read_adapter(adapter).lora(end, role)
    unet = clone(model.unet)
    attach(unet, "alone", lora.rank, lora.tensors())
    unet.requires_grad_(False)
    return Network(unet=unet)


def test_factors_need_one_rank(model: Model, folder: Path, two_sided: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", model, "two-sided", seed=1, rank=2)
    options = Diffusion(
        weights=str(folder), lora="two-sided", source_adapter=str(two_sided),
        target_adapter=str(other), mix="diffmorpher", device="cpu",
    )  # fmt: skip
    with pytest.raises(SettingError, match="one rank"):
        rendering(options)
    live = rendering(replace(options, mix="live"))
    assert MIXED not in live.renderer.conditional.unet.peft_config


def test_the_adapters_embeddings_are_used(model: Model, folder: Path, one_sided: Path) -> None:
    import torch

    none = rendering(
        Diffusion(weights=str(folder), lora="none", adapter=str(one_sided), device="cpu")
    ).renderer
    plain = rendering(Diffusion(weights=str(folder), device="cpu")).renderer
    assert none.conditional.unet is plain.conditional.unet is load(str(folder), "cpu").unet
    kept = both(Diffusion(weights=str(folder), adapter=str(one_sided)))["target"]
    wanted = kept.embedding("target")["prompt_embeds"]
    assert torch.equal(none.text(1.0).prompt_embeds, wanted)
    assert not torch.equal(none.text(0.0).prompt_embeds, wanted)
    half = (none.text(0.0).prompt_embeds + none.text(1.0).prompt_embeds) / 2
    torch.testing.assert_close(none.text(0.5).prompt_embeds, half)
    assert torch.equal(plain.text(0.0).prompt_embeds, plain.text(1.0).prompt_embeds)


def test_an_adapter_of_another_model_is_refused(
    folder: Path, two_sided: Path, tmp_path: Path
) -> None:
    other = write_tiny_audioldm2(tmp_path / "other", seed=1)
    with pytest.raises(SettingError, match="was trained on tiny"):
        Diffusion(weights=str(other), adapter=str(two_sided))
    made = Diffusion(weights=str(folder), adapter=str(two_sided), device="cpu")
    object.__setattr__(made, "weights", str(other))
    with pytest.raises(SettingError, match="was trained on tiny"):
        rendering(made)


# --- amounts --------------------------------------------------------------------------------------


def test_amounts_are_rendered_as_often_as_they_need() -> None:
    assert rendered_amounts(np.full(9, np.float32(0.3)), 5) == [pytest.approx(0.3)]
    assert rendered_amounts(np.linspace(0, 1, 9), 5) == [0, 0.25, 0.5, 0.75, 1]
    assert len(rendered_amounts(np.linspace(0.5, 0.54, 9), 5)) == 2
    assert rendered_amounts(np.linspace(0, 1, 9), 1) == [0.5]


def test_latents_between_rendered_amounts_are_linear() -> None:
    rendered = [np.full((8, 3, 16), value, np.float32) for value in (0.0, 10.0, 30.0)]
    mixed = blended(rendered, [0.0, 0.5, 1.0], np.float32([0.0, 0.25, 0.9]))
    np.testing.assert_allclose(mixed[0, :, 0], [0, 5, 26], rtol=1e-6)
    alone = blended(rendered[1:2], [0.5], np.float32([0.1, 0.5, 0.9]))
    np.testing.assert_array_equal(alone, rendered[1])


def test_adain_goes_from_one_end_s_statistics_to_the_other_s() -> None:
    draw = np.random.default_rng(0)
    source, target, latents = (
        (mean + std * draw.normal(size=(8, 20, 16))).astype(np.float32)
        for mean, std in ((0, 1), (2, 3), (-5, 0.1))
    )
    made = with_statistics_of(latents, (source, target), 0.25)
    for statistic in (np.mean, np.std):
        wanted = 0.75 * statistic(source, axis=(1, 2)) + 0.25 * statistic(target, axis=(1, 2))
        np.testing.assert_allclose(statistic(made, axis=(1, 2)), wanted, rtol=1e-3)


# --- the backend ----------------------------------------------------------------------------------


def variants(folder: Path, one_sided: Path, two_sided: Path) -> dict[str, Diffusion]:
    plain = Diffusion(weights=str(folder), steps=1, device="cpu", offline=True)
    return {
        "none": plain,
        "no steps": replace(plain, steps=0),
        "embeddings": replace(plain, lora="none", adapter=str(one_sided)),
        "one-sided": replace(plain, lora="one-sided", adapter=str(one_sided)),
        "two-sided": replace(plain, lora="two-sided", adapter=str(two_sided)),
        "factors": replace(plain, lora="two-sided", adapter=str(two_sided), mix="diffmorpher"),
    }


def test_every_variant_morphs_and_differs(
    model: Model, folder: Path, one_sided: Path, two_sided: Path, no_network: list[Any]
) -> None:
    stem = notes(0.5)
    sounds = {}
    for name, backend in variants(folder, one_sided, two_sided).items():
        (out,) = backend.morph([passage(stem, 0.4, start=12_345)])
        assert out.shape == stem.shape, name
        assert out.dtype == np.float32, name
        assert np.isfinite(out).all(), name
        assert np.std(out) > 1e-4, name
        sounds[name] = out
    names = list(sounds)
    for i, name in enumerate(names):
        for other in names[:i]:
            assert not np.allclose(sounds[name], sounds[other], atol=1e-6), (name, other)


def test_ends_are_the_tones(made: Diffusion) -> None:
    stem = notes(0.6)
    curve = np.zeros(stem.shape[1], np.float32)
    curve[5000:15_000] = np.linspace(0, 1, 10_000)
    curve[15_000:] = 1
    whole = passage(stem, curve)
    (out,) = made.morph([whole])
    np.testing.assert_array_equal(out[:, :5000], whole.source[:, :5000])
    np.testing.assert_array_equal(out[:, 15_000:], whole.target[:, 15_000:])
    faithful = replace(made, paper_faithful=True)
    (rendered,) = faithful.morph([whole])
    assert not np.allclose(rendered[:, :5000], whole.source[:, :5000], atol=1e-3)


def test_nothing_is_rendered_where_the_amount_is_an_end(
    made: Diffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("morphsep.backends.diffusion.diffusion.rendering", None)
    ends = [passage(notes(), amount) for amount in (0.0, 1.0)]
    first, last = made.morph(ends)
    np.testing.assert_array_equal(first, ends[0].source)
    np.testing.assert_array_equal(last, ends[1].target)


def test_the_band_above_8_khz_is_the_source_s(made: Diffusion) -> None:
    stem = notes(0.6)
    stem += np.random.default_rng(0).normal(0, 0.01, stem.shape).astype(np.float32)
    each = passage(stem, 0.5)
    (full,), (model_only,) = made.morph([each]), replace(made, paper_faithful=True).morph([each])

    def highs(sound: Signal) -> Signal:
        spectrum = np.fft.rfft(sound[0, 4410:-4410] * np.hanning(sound.shape[1] - 8820))
        return spectrum[int(0.39 * len(spectrum)) :]  # above 8.6 kHz

    difference = highs(full) - highs(each.source)
    assert np.linalg.norm(difference) < 1e-3 * np.linalg.norm(highs(each.source))
    assert np.linalg.norm(highs(model_only)) < 1e-3 * np.linalg.norm(highs(each.source))
    (blend,) = replace(made, highs="blend").morph([each])
    mixed = (each.source + each.target) / 2
    assert np.linalg.norm(highs(blend) - highs(mixed)) < 1e-3 * np.linalg.norm(highs(mixed))


def test_the_same_again_and_in_any_company(made: Diffusion) -> None:
    stems = [notes(0.3), notes(0.3)[:, ::-1].copy(), notes(0.6)]
    passages = [passage(stem, amount) for stem, amount in zip(stems, (0.3, 0.6, 0.3), strict=True)]
    alone = [made.morph([each])[0] for each in passages]
    together = made.morph(passages)
    batch = replace(made, batch=3).morph(passages)
    for first, second, third in zip(alone, together, batch, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(third, first, atol=2e-5)


def test_the_contract_holds(made: Diffusion) -> None:
    check_backend(replace(made, amount_steps=1), CLEAN, DRIVEN)


def test_importing_it_loads_no_model_library() -> None:
    code = (
        "import sys, morphsep.backends.diffusion.diffusion as d; d.Diffusion().fingerprint(); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'diffusers', 'transformers', 'peft')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_channels_that_are_alike_are_rendered_once(
    made: Diffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    mono = notes(0.5)
    twice = np.repeat(mono, 2, axis=0)
    (one,), (two,) = made.morph([passage(mono, 0.5)]), made.morph([passage(twice, 0.5)])
    np.testing.assert_array_equal(two[0], one[0])
    np.testing.assert_array_equal(two[1], one[0])
    seen = []
    real = Model.encode
    monkeypatch.setattr(Model, "encode", lambda self, a: seen.append(len(a)) or real(self, a))
    made.morph([passage(twice, 0.5)])
    assert seen == [1, 1]
    panned = np.concatenate([mono, np.zeros_like(mono)])
    (out,) = made.morph([passage(panned, 0.5)])
    assert seen == [1, 1, 1, 1]
    assert not out[1].any()


def test_the_level_is_one_for_a_track(made: Diffusion) -> None:
    loud, soft = notes(0.5), 0.1 * notes(0.5)
    facts = made.measure([passage(each, 0.0) for each in (loud, soft)])
    assert facts["peak"] == pytest.approx(float(np.abs(passage(loud, 0).target).max()), rel=0.2)
    gains = {gain_of(passage(each, 0.5, facts=facts)) for each in (loud, soft)}
    assert len(gains) == 1
    assert gains.pop() == pytest.approx(0.5 / facts["peak"])
    assert gain_of(passage(np.zeros((1, 100), np.float32), 0.5)) == 1.0


def test_noise_that_is_none_is_said_once(made: Diffusion) -> None:
    said: list[str] = []
    made.morph([passage(notes(0.5, 2), 0.5, warn=said.append)])
    assert set(said) == {NOT_NOISE}
    said.clear()
    replace(made, steps=0).morph([passage(notes(0.5), 0.5, warn=said.append)])
    assert said == []


def test_memory_that_runs_out_halves_the_batch() -> None:
    import torch

    stack, said, sizes = torch.arange(7.0)[:, None], list[str](), list[int]()

    def work(rows: torch.Tensor) -> torch.Tensor:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return rows * 2

    assert torch.equal(batched(work, stack, 4, said.append), stack * 2)
    assert sizes == [4, 2, 2, 2, 1]
    assert len(said) == 1

    def never(rows: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(TrackError, match="does not hold one chunk"):
        batched(never, stack, 2, said.append)


def test_the_chunk_fits_what_the_model_was_trained_on(made: Diffusion) -> None:
    before, after = made.context(CLEAN, DRIVEN)
    window = Window(start=123_457, num_samples=8 * MODEL_RATE + before + after)
    assert 9.2 <= window.num_frames * 0.04 <= 10.24
    assert made.uniform is False


def test_the_fingerprint_names_everything_that_is_heard(
    folder: Path, one_sided: Path, two_sided: Path
) -> None:
    plain = Diffusion(weights=str(folder))
    silent = {"batch": 4, "device": "cpu", "offline": True}
    assert replace(plain, **silent).fingerprint() == plain.fingerprint()
    heard: dict[str, Any] = {
        "weights": "cvssp/audioldm2", "adapter": str(one_sided), "steps": 3, "guidance_min": 1.25,
        "guidance_max": 5.0, "prompt": "x", "negative_prompt": "y", "adain": "on",
        "amount_steps": 2, "highs": "blend", "paper_faithful": True,
    }  # fmt: skip
    prints = {replace(plain, **{name: value}).fingerprint() for name, value in heard.items()}
    two = Diffusion(weights=str(folder), adapter=str(two_sided))
    prints |= {
        plain.fingerprint(),
        two.fingerprint(),
        replace(two, mix="diffmorpher").fingerprint(),
    }
    prints.add(replace(plain, lora="one-sided", adapter=str(one_sided)).fingerprint())
    assert len(prints) == len(heard) + 4
    rest = {"lora", "mix", "source_adapter", "target_adapter"}
    assert {field.name for field in fields(Diffusion)} == {*heard, *silent, *rest}


def test_lora_is_the_adapter_s_unless_said(folder: Path, one_sided: Path, two_sided: Path) -> None:
    weights, two = str(folder), str(two_sided)
    assert Diffusion(weights=weights).lora == "none"
    assert Diffusion(weights=weights, adapter=str(one_sided)).lora == "one-sided"
    assert Diffusion(weights=weights, adapter=two).lora == "two-sided"
    each = Diffusion(weights=weights, source_adapter=two, target_adapter=two)
    assert each.lora == "two-sided"
    assert each.has_adain
    assert not Diffusion(weights=weights, lora="none", adapter=two).has_adain


def test_settings_that_cannot_be_are_one_sentence(
    folder: Path, one_sided: Path, two_sided: Path, tmp_path: Path
) -> None:
    one, two = str(one_sided), str(two_sided)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"lora": "both"}, "lora must be one of auto, none, one-sided, two-sided, not 'both'"),
        ({"mix": "svd"}, "mix must be one of"),
        ({"steps": -1}, "steps must be 0 or more"),
        ({"guidance_min": 5.0}, "1 <= guidance_min"),
        ({"guidance_min": 0.5}, "1 <= guidance_min"),
        ({"mix": "diffmorpher"}, "needs lora=two-sided"),
        ({"lora": "one-sided"}, "lora=one-sided needs adapter=FOLDER"),
        ({"lora": "two-sided", "source_adapter": two}, "go together"),
        ({"source_adapter": one, "target_adapter": two}, "is one-sided, so lora cannot be two"),
        ({"lora": "one-sided", "source_adapter": one, "target_adapter": one}, "go together"),
        ({"lora": "two-sided", "adapter": one}, "is one-sided, so lora cannot be two-sided"),
        ({"adapter": str(tmp_path / "nowhere")}, "no adapter folder"),
        ({"adapter": str(tmp_path)}, "is no adapter folder"),
        ({"weights": "audioldm2"}, "no AudioLDM2 model at 'audioldm2'"),
    ]
    for options, sentence in wrong:
        with pytest.raises(SettingError, match=sentence) as found:
            Diffusion(**({"weights": str(folder)} | options))
        assert "\n" not in str(found.value)
