"""LoRA adapters: training, the folder, resuming, mixing. On a tiny random AudioLDM2."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from morphsep.backends.diffusion import model as diffusion_model
from morphsep.backends.diffusion.lora import adapter, injection, read_adapter
from morphsep.backends.diffusion.training import Recipe, loop, phases, write_adapter
from morphsep.backends.diffusion.training.clips import PEAK, read_clip
from morphsep.backends.diffusion.training.memory import checkpointed
from morphsep.backends.diffusion.training.training import Running, train
from morphsep.errors import SettingError
from tests import songs
from tests.tiny_audioldm2 import write_tiny_audioldm2

pytestmark = pytest.mark.usefixtures("one_thread", "diffusion_extra")

SHORT = Recipe(
    inversion_steps=2, steps=5, unconditional_steps=3, seconds=1.0, crops=2,
    rate=0.01, inversion_rate=0.02,
)  # fmt: skip
OFTEN = Running(device="cpu", offline=True, save_every=2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_audioldm2(tmp_path_factory.mktemp("tiny") / "audioldm2")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    clean = songs.guitar(2.0)
    driven = (0.5 * np.tanh(8 * clean)).astype(np.float32)
    return songs.write(folder / "clean.wav", clean), songs.write(folder / "driven.wav", driven)


@pytest.fixture(scope="module", autouse=True)
def few_checks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phases, "CHECKS", 2)
        yield


@pytest.fixture(scope="module")
def one_sided(
    tiny: Path, pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> adapter.Adapter:
    """Trained without a stop."""
    out = tmp_path_factory.mktemp("trained") / "one-sided"
    return train(*pair, str(tiny), out, SHORT, OFTEN)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def predict(unet: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn(1, 8, 16, 16, generator=generator)
    generated, prompt = torch.ones(1, 8, 24), torch.ones(1, 5, 32)
    with torch.no_grad():
        guess: torch.Tensor = unet(
            latents, 500, encoder_hidden_states=generated, encoder_hidden_states_1=prompt
        )[0]
    return guess


def test_the_tiny_pipeline_is_one_that_diffusers_loads_and_runs(tiny: Path, tmp_path: Path) -> None:
    from diffusers import AudioLDM2Pipeline
    from transformers import GPT2LMHeadModel

    again = write_tiny_audioldm2(tmp_path / "again")
    assert contents(again) == contents(tiny)
    index = json.loads((tiny / "model_index.json").read_text())
    assert index["language_model"] == ["transformers", "GPT2Model"]
    language_model = GPT2LMHeadModel.from_pretrained(tiny / "language_model")
    pipeline = AudioLDM2Pipeline.from_pretrained(tiny, language_model=language_model)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    audio = pipeline(
        "a guitar", num_inference_steps=2, audio_length_in_s=1.28, generator=generator
    ).audios
    assert audio.shape == (1, 20_480)
    assert 0.01 < np.abs(audio).max() <= 1.0


def trainer_of(tiny: Path, **changes: Any) -> phases.Trainer:
    model = diffusion_model.load(str(tiny), "cpu", True)
    generator = torch.Generator().manual_seed(1)
    latents = {
        end: torch.randn(2, 8, 24, 16, generator=generator) * scale
        for end, scale in (("source", 0.5), ("target", 1.0))
    }
    recipe = replace(SHORT, inversion_steps=12, steps=12, unconditional_steps=12, **changes)
    return phases.Trainer(model=model, latents=latents, recipe=recipe)


@pytest.mark.parametrize(
    ("kind", "least"), [("inversion", 2e-4), ("conditional", 0.002), ("unconditional", 0.002)]
)
def test_training_lowers_the_loss_on_a_fixed_batch(
    tiny: Path, tmp_path: Path, kind: str, least: float
) -> None:
    trainer = trainer_of(tiny, rate=0.03)
    told = trainer.model.conditioning("a guitar")
    role: adapter.Role = "unconditional" if kind == "unconditional" else "conditional"
    opening = (
        trainer.inversion("source")
        if kind == "inversion"
        else trainer.adapter("source", role, [("source", told)])
    )
    with opening as phase:
        # two draws of noise and timestep, again and again
        fixed = replace(phase, losses=lambda step: phase.losses(step % 2))
        _, log = loop.run(fixed, tmp_path, 50, lambda *_: None)
        after = [float(next(phase.losses(draw)).detach()) for draw in (0, 1)]
    assert sum(after) / 2 < sum(log.losses[:2]) / 2 - least
    assert len(log.losses) == 12
    assert np.isfinite(log.losses).all()


def test_the_model_is_afterwards_what_it_was(tiny: Path, tmp_path: Path) -> None:
    trainer = trainer_of(tiny)
    unet = trainer.model.unet
    names = [name for name, _ in unet.named_modules()]
    before = predict(unet)
    told = trainer.model.conditioning("a guitar")
    with trainer.adapter("source", "conditional", [("source", told)]) as phase:
        loop.run(replace(phase, steps=2), tmp_path, 50, lambda *_: None)
        assert not torch.equal(predict(unet), before)
    assert torch.equal(predict(unet), before)
    assert [name for name, _ in unet.named_modules()] == names
    assert not any(parameter.requires_grad for parameter in unet.parameters())


def test_only_the_factors_and_the_embeddings_take_gradients(tiny: Path) -> None:
    trainer = trainer_of(tiny)
    told = trainer.model.conditioning("a guitar")
    with trainer.adapter("source", "conditional", [("source", told)]) as phase:
        assert {name.split(".")[-3] for name in phase.parameters} == {"lora_A", "lora_B"}
        torch.autograd.backward(next(phase.losses(0)))
        graded = {n for n, p in trainer.model.unet.named_parameters() if p.grad is not None}
        assert graded == set(phase.parameters)
    with trainer.inversion("source") as phase:
        torch.autograd.backward(next(phase.losses(0)))
        assert all(bool(p.grad.abs().max() > 0) for p in phase.parameters.values())  # type: ignore[union-attr]
        assert not any(p.grad is not None for p in trainer.model.unet.parameters())


def test_both_tones_see_the_same_noise_and_another_seed_other_noise(tiny: Path) -> None:
    trainer, other = trainer_of(tiny), trainer_of(tiny, seed=1)
    told = trainer.model.conditioning("a guitar")
    same = {"source": trainer.latents["source"], "target": trainer.latents["source"]}
    alike = replace(trainer, latents=same)

    def loss(trainer: phases.Trainer, end: adapter.Tone, step: int) -> float:
        return float(next(trainer.losses([(end, told)], "conditional", step)))

    assert loss(alike, "source", 4) == loss(alike, "target", 4)
    assert loss(alike, "source", 5) != loss(alike, "source", 4)
    assert loss(replace(alike, recipe=other.recipe), "source", 4) != loss(alike, "source", 4)


def test_what_a_one_sided_training_writes(one_sided: adapter.Adapter, tiny: Path) -> None:
    files = contents(one_sided.folder)
    assert set(files) == {
        "adapter.json", "README.md", "loss.jsonl", "loss.png",
        "source/embedding.safetensors", "target/embedding.safetensors",
        "both/conditional/adapter_config.json", "both/conditional/adapter_model.safetensors",
        "both/unconditional/adapter_config.json", "both/unconditional/adapter_model.safetensors",
    }  # fmt: skip
    config = json.loads(files["both/conditional/adapter_config.json"])
    assert (config["r"], config["lora_alpha"], config["use_rslora"]) == (4, 4, False)
    assert config["target_modules"] == ["to_q", "to_k", "to_v", "to_out.0"]
    assert (config["variant"], config["tone"], config["role"]) == (
        "one-sided", "both", "conditional",
    )  # fmt: skip
    model = diffusion_model.load(str(tiny), "cpu", True)
    assert config["base_fingerprint"] == one_sided.base.fingerprint == model.fingerprint
    assert str(tiny.parent).encode() not in b"".join(files.values())
    assert one_sided.lora("source", "unconditional").rank == 2
    assert one_sided.lora("source", "conditional") == one_sided.lora("target", "conditional")
    assert not one_sided.folder.with_name("one-sided.training").exists()


def test_loss_log_curve_and_card(one_sided: adapter.Adapter) -> None:
    picture = (one_sided.folder / "loss.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) > 5000
    rows = [json.loads(row) for row in (one_sided.folder / "loss.jsonl").read_text().splitlines()]
    steps = {"inversion-source": 2, "inversion-target": 2, "both-conditional": 5,
             "both-unconditional": 3}  # fmt: skip
    assert [(row["phase"], row["step"]) for row in rows] == [
        (phase, step) for phase, count in steps.items() for step in range(count)
    ]
    card = (one_sided.folder / "README.md").read_text()
    told = json.loads((one_sided.folder / "adapter.json").read_text())["training"]
    after = told["loss"]["both-conditional"]["after"]
    assert f"| both-conditional | 4 | 5 | 0.01 | {told['loss']['both-conditional']['before']:.4f} "\
        f"| {after:.4f} |" in card  # fmt: skip
    assert "clean.wav" in card
    assert told["clips"]["target"]["sha256"] in card
    assert one_sided.base.fingerprint in card


def test_gradient_checkpointing_keeps_less_and_changes_no_gradient(tiny: Path) -> None:
    trainer = trainer_of(tiny)
    told = trainer.model.conditioning("a guitar")
    unet = trainer.model.unet
    weights = {p.untyped_storage().data_ptr() for p in unet.parameters()}

    def step(phase: loop.Phase) -> tuple[int, list[torch.Tensor]]:
        """Bytes that are kept for the way back, and the gradients."""
        sizes = dict[int, int]()

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = next(phase.losses(0))
        phase.optimiser.zero_grad()
        torch.autograd.backward(loss)
        kept = sum(size for place, size in sizes.items() if place not in weights)
        return kept, [p.grad.clone() for p in phase.parameters.values() if p.grad is not None]

    with trainer.adapter("source", "conditional", [("source", told)]) as phase:
        plain, gradients = step(phase)
        with checkpointed(unet):
            frugal, same = step(phase)
    assert frugal < 0.5 * plain
    assert len(gradients) == len(phase.parameters)
    torch.testing.assert_close(same, gradients)
    assert all("forward" not in vars(module) for module in unet.modules())


def test_two_sided_is_an_adapter_for_each_tone_from_one_start(
    tiny: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    recipe = replace(SHORT, variant="two-sided", inversion_steps=1, steps=2, unconditional_steps=1)
    made = train(*pair, str(tiny), tmp_path / "two", recipe, OFTEN)
    assert [(each.tone, each.role, each.rank) for each in made.loras] == [
        ("source", "conditional", 2), ("source", "unconditional", 2),
        ("target", "conditional", 2), ("target", "unconditional", 2),
    ]  # fmt: skip
    source, target = (made.lora(end, "conditional").tensors() for end in adapter.ENDS)
    assert source.keys() == target.keys()
    assert not all(torch.equal(source[name], target[name]) for name in source)
    # steps of 0.01 cannot leave a common start by more
    assert all((source[name] - target[name]).abs().max() < 0.05 for name in source)


def test_an_adapter_comes_back_bit_for_bit(one_sided: adapter.Adapter, tiny: Path) -> None:
    unet = diffusion_model.load(str(tiny), "cpu", True).unet
    lora = one_sided.lora("source", "conditional")
    tensors = lora.tensors()
    with injection.attached(unet, "again", lora.rank, tensors):
        found = injection.state_of(unet, "again")
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], tensors[name]) for name in tensors)
        moved = predict(unet)
    assert not torch.equal(moved, predict(unet))
    copy = write_adapter(
        one_sided.folder.with_name("copy"), variant="one-sided", base=one_sided.base,
        prompt=one_sided.prompt, negative_prompt=one_sided.negative_prompt,
        ranks={"conditional": 4, "unconditional": 2},
        loras={(each.tone, each.role): each.tensors() for each in one_sided.loras},
        embeddings={end: one_sided.embedding(end) for end in adapter.ENDS},
        extras={}, training={},
    )  # fmt: skip
    for name in adapter.tensor_files("one-sided"):
        assert (copy.folder / name).read_bytes() == (one_sided.folder / name).read_bytes()
    assert copy.fingerprint() == one_sided.fingerprint()


class KilledError(BaseException):
    """No `except Exception` between a step and the end of the process sees it."""


def test_a_training_that_was_killed_again_and_again_ends_as_one_that_was_not(
    one_sided: adapter.Adapter, tiny: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "one-sided"
    deaths = [("inversion-source", 2), ("both-conditional", 3), ("both-conditional", 4),
              ("both-unconditional", 1)]  # fmt: skip
    for death in deaths:

        def die(phase: str, done: int, steps: int, loss: float, death: object = death) -> None:
            if (phase, done) == death:
                raise KilledError

        with pytest.raises(KilledError):
            train(*pair, str(tiny), out, SHORT, OFTEN, die)
        assert not out.exists()
    done = list[tuple[str, int]]()
    train(*pair, str(tiny), out, SHORT, OFTEN, lambda phase, step, *_: done.append((phase, step)))
    assert done == [("both-unconditional", step) for step in (1, 2, 3)]
    assert contents(out) == contents(one_sided.folder)


def test_tensors_that_are_read_lie_as_those_that_were_computed(
    one_sided: adapter.Adapter, tmp_path: Path
) -> None:
    """Kernels round by alignment: resuming in another process differed by it."""
    log = loop.Log(name="phase")
    kept = {"a": torch.ones(3), "b": torch.ones(5), "c": torch.ones(7)}
    phase = loop.Phase(
        name="phase", steps=0, parameters={}, optimiser=torch.optim.Adam([torch.ones(1)]),
        losses=lambda step: iter(()), check=lambda: 0.0, result=lambda: kept,
    )  # fmt: skip
    loop.run(phase, tmp_path, 1, lambda *_: None)
    found, read = loop.finished(tmp_path, "phase") or ({}, None)
    assert read == log
    tensors = [*found.values(), *one_sided.embedding("source").values()]
    assert [tensor.data_ptr() % 64 for tensor in tensors] == [0] * 6


def test_a_training_that_is_done_is_not_done_again(
    one_sided: adapter.Adapter, tiny: Path, pair: tuple[Path, Path]
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    again = train(*pair, str(tiny), one_sided.folder, SHORT, OFTEN, never)
    assert again == one_sided
    with pytest.raises(SettingError, match="exists already"):
        train(*pair, str(tiny), one_sided.folder, replace(SHORT, seed=1), OFTEN, never)


def test_an_unfinished_training_of_something_else_is_not_taken_over(
    tiny: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    def die(*_: object) -> None:
        raise KilledError

    quick = replace(SHORT, inversion_steps=1, steps=1, unconditional_steps=1)
    with pytest.raises(KilledError):
        train(*pair, str(tiny), tmp_path / "a", quick, OFTEN, die)
    with pytest.raises(SettingError, match="--no-resume"):
        train(*pair, str(tiny), tmp_path / "a", replace(quick, seed=1), OFTEN)
    begun_again = replace(OFTEN, resume=False, gradient_checkpointing=True)
    made = train(*pair, str(tiny), tmp_path / "a", replace(quick, seed=1), begun_again)
    told = json.loads((made.folder / "adapter.json").read_text())["training"]
    assert told["recipe"]["seed"] == 1


def test_what_cannot_be_trained_on_gets_one_sentence(
    tiny: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    silent = songs.write(tmp_path / "silent.wav", np.zeros((1, 44_100), np.float32))
    brief = songs.write(tmp_path / "brief.wav", songs.guitar(0.7))
    taken = tmp_path / "taken"
    taken.mkdir()
    half, out = replace(SHORT, half=True), tmp_path / "out"
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    cases: list[tuple[str, tuple[Any, ...]]] = [
        ("nowhere.wav", (tmp_path / "nowhere.wav", pair[1], str(tiny), out, SHORT)),
        ("text.wav", (pair[0], text, str(tiny), out, SHORT)),
        ("silent", (silent, pair[1], str(tiny), out, SHORT)),
        ("lasts 0.70 s", (brief, pair[1], str(tiny), out, SHORT)),
        ("exists already", (*pair, str(tiny), taken, SHORT)),
        ("not to s3://", (*pair, str(tiny), "s3://bucket/a", SHORT)),
        ("no AudioLDM2 model", (*pair, str(tmp_path), out, SHORT)),
        ("CUDA", (*pair, str(tiny), out, half)),
    ]
    for expected, arguments in cases:
        with pytest.raises(SettingError, match=expected) as caught:
            train(*arguments, running=OFTEN)
        assert "\n" not in str(caught.value)
        assert not out.exists()


@pytest.mark.parametrize(
    "values",
    [{"variant": "three-sided"}, {"rank": 0}, {"steps": -1}, {"rate": 0.0}, {"seconds": 0.1},
     {"crops": 0}],
)  # fmt: skip
def test_a_recipe_that_cannot_be_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as caught:
        Recipe(**values)
    assert "\n" not in str(caught.value)


def test_what_is_no_adapter_gets_one_sentence(one_sided: adapter.Adapter, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    with pytest.raises(SettingError, match="there is no adapter folder"):
        read_adapter(bad)
    bad.mkdir()
    with pytest.raises(SettingError, match="is no adapter folder"):
        read_adapter(bad)
    with pytest.raises(SettingError, match="trained on audioldm2, whose weights are not"):
        one_sided.check_base("0" * 64)
    one_sided.check_base(one_sided.base.fingerprint)


@pytest.mark.parametrize("name", ["adapter.json", *adapter.tensor_files("one-sided")])
def test_a_damaged_adapter_gets_one_sentence(
    one_sided: adapter.Adapter, tmp_path: Path, name: str
) -> None:
    bad = shutil.copytree(one_sided.folder, tmp_path / "bad")
    data = (bad / name).read_bytes()
    for damaged in (data[:-7], b"", bytes([data[0] ^ 1]) + data[1:]):
        (bad / name).write_bytes(damaged)
        with pytest.raises(SettingError, match="damaged") as caught:
            read_adapter(bad)
        assert "\n" not in str(caught.value)
    (bad / name).unlink()
    with pytest.raises(SettingError, match=r"damaged|is no adapter"):
        read_adapter(bad)


def test_an_adapter_of_a_later_format_is_refused(
    one_sided: adapter.Adapter, tmp_path: Path
) -> None:
    later = shutil.copytree(one_sided.folder, tmp_path / "later")
    index = json.loads((later / "adapter.json").read_text())
    (later / "adapter.json").write_text(json.dumps(index | {"format": 2}))
    with pytest.raises(SettingError, match="of format 2"):
        read_adapter(later)


def test_a_full_disk_leaves_no_half_an_adapter(
    one_sided: adapter.Adapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        if self.name == "card":
            raise OSError(28, "No space left on device")
        return real(self, data)

    real = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_adapter(
            tmp_path / "a", variant="one-sided", base=one_sided.base, prompt="", negative_prompt="",
            ranks={"conditional": 4, "unconditional": 2}, loras={}, embeddings={},
            extras={"card": b""}, training={},
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_of_another_u_net_does_not_fit(tiny: Path, one_sided: adapter.Adapter) -> None:
    unet = diffusion_model.load(str(tiny), "cpu", True).unet
    before = predict(unet)
    tensors = one_sided.lora("source", "conditional").tensors()
    with pytest.raises(SettingError, match="does not fit"):
        injection.attach(unet, "other", 3, tensors)
    assert torch.equal(predict(unet), before)


def test_without_peft_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(SettingError, match=r"pip install 'morphsep\[diffusion\]'"):
        injection.peft()


def test_excerpts_of_a_long_clip_are_chosen_by_the_seed(tmp_path: Path) -> None:
    sound = songs.guitar(12.0, channels=1)
    sound[:, 4 * 44_100 : 8 * 44_100] = 0.0
    path = songs.write(tmp_path / "long.wav", sound)
    recipe = Recipe(seconds=2.0, crops=4, seed=7)
    first, again = read_clip(path, recipe, 16_000), read_clip(path, recipe, 16_000)
    assert first.starts == again.starts
    assert first.starts != read_clip(path, replace(recipe, seed=8), 16_000).starts
    assert np.array_equal(first.audio, again.audio)
    assert first.audio.shape == (4, 32_000)
    # none lies in the rest
    assert not [start for start in first.starts if 4 <= start <= 6]
    assert np.allclose(np.abs(first.audio).max(axis=1), PEAK)
    # the other tone's take of the same length is cut at the same places
    other = songs.write(tmp_path / "driven.wav", 0.5 * np.tanh(4 * sound))
    assert read_clip(other, recipe, 16_000).starts == first.starts


def test_a_short_clip_is_taken_whole(pair: tuple[Path, Path]) -> None:
    clip = read_clip(pair[0], Recipe(), 16_000)
    assert (clip.starts, clip.seconds, clip.audio.shape) == ((0.0,), 2.0, (1, 32_000))


# How two adapters can be mixed: the table of research note morphing.md, 4.2.

# Random factors of rank 4 in layers 16 wide, relative error of the mixed weights' change.
TABLE = {
    ("svd", 0.25): 0.24, ("svd", 0.5): 0.35,
    ("factors", 0.25): 0.45, ("factors", 0.5): 0.67,
    ("linear", 0.25): 0.74, ("linear", 0.5): 0.96,
}  # fmt: skip


@pytest.fixture
def mixed(tiny: Path) -> Iterator[tuple[Any, list[Any]]]:
    """peft's view of a U-Net with two random adapters, and its adapted layers."""
    from peft import LoraConfig
    from peft.tuners.lora import LoraLayer, LoraModel

    unet = diffusion_model.load(str(tiny), "cpu", True).unet
    config = [LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_k", "to_v", "to_out.0"])
              for _ in adapter.ENDS]  # fmt: skip
    view = LoraModel(unet, config[0], "source")
    view.peft_config["target"] = config[1]
    view.inject_adapter(unet, "target")
    generator = torch.Generator().manual_seed(0)
    for name, parameter in unet.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(generator=generator)
    with torch.no_grad():
        yield view, [layer for layer in unet.modules() if isinstance(layer, LoraLayer)]
    injection.remove(unet)


def error(changes: list[torch.Tensor], goal: list[torch.Tensor]) -> float:
    off = sum(float((a - b).square().sum()) for a, b in zip(changes, goal, strict=True))
    return float((off / sum(float(b.square().sum()) for b in goal)) ** 0.5)


def errors(view: Any, layers: list[Any], amount: float) -> dict[str, float]:
    weights = [1 - amount, amount]
    goal = [weights[0] * each.get_delta_weight("source")
            + weights[1] * each.get_delta_weight("target") for each in layers]  # fmt: skip
    injection.mix(view.model, {"source": weights[0], "target": weights[1]})
    eyes = [torch.eye(each.in_features) for each in layers]
    found = {"live": error([(layer(eye) - layer.base_layer(eye)).T
                            for layer, eye in zip(layers, eyes, strict=True)], goal)}  # fmt: skip
    injection.mix(view.model, {"source": 1.0, "target": 1.0})
    merges: dict[str, dict[str, Any]] = {
        "cat": {}, "svd": {}, "linear": {}, "svd8": {"svd_rank": 8},
    }  # fmt: skip
    for name, options in merges.items():
        made = f"{name}at{round(100 * amount)}"
        view.add_weighted_adapter(
            list(adapter.ENDS), weights, made, combination_type=name.rstrip("8"), **options
        )
        found[name] = error([layer.get_delta_weight(made) for layer in layers], goal)

    def factor(layer: Any, side: str) -> torch.Tensor:
        source, target = (getattr(layer, side)[end].weight for end in adapter.ENDS)
        return weights[0] * source + weights[1] * target

    products = [factor(layer, "lora_B") @ factor(layer, "lora_A") for layer in layers]
    return found | {"factors": error(products, goal)}


@pytest.mark.parametrize("amount", [0.25, 0.5])
def test_only_a_live_mix_cat_and_a_whole_svd_are_exact(
    mixed: tuple[Any, list[Any]], amount: float
) -> None:
    found = errors(*mixed, amount)
    assert found["live"] < 1e-6
    assert found["cat"] < 1e-6
    assert found["svd8"] < 1e-5
    for way in ("svd", "factors", "linear"):
        assert found[way] == pytest.approx(TABLE[way, amount], abs=0.05), way
    assert 0.1 < found["svd"] < found["factors"] < found["linear"]


def test_at_its_ends_a_live_mix_is_one_adapter_bit_for_bit(mixed: tuple[Any, list[Any]]) -> None:
    view, _ = mixed
    unet = view.model
    for alone, weights in (("source", (1.0, 0.0)), ("target", (0.0, 1.0))):
        injection.mix(unet, {alone: 1.0})
        expected = predict(unet)
        injection.mix(unet, dict(zip(adapter.ENDS, weights, strict=True)))
        assert torch.equal(predict(unet), expected)
    injection.mix(unet, {"source": 0.5, "target": 0.5})
    assert not torch.equal(predict(unet), expected)


def test_the_traps_of_merging_are_still_there(mixed: tuple[Any, list[Any]]) -> None:
    """Why nothing here merges: a name that exists is kept, without a word; a dot cannot be."""
    view, layers = mixed
    ends = list(adapter.ENDS)
    view.add_weighted_adapter(ends, [1.0, 0.0], "mix", combination_type="cat")
    before = layers[0].get_delta_weight("mix").clone()
    view.add_weighted_adapter(ends, [0.0, 1.0], "mix", combination_type="cat")
    assert torch.equal(layers[0].get_delta_weight("mix"), before)
    with pytest.raises(KeyError):
        view.add_weighted_adapter(ends, [0.5, 0.5], "mix0.5", combination_type="cat")
