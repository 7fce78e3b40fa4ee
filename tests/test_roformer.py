"""The RoFormer separator against the published formulas, and against every way to cut the work."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import morphsep
from morphsep.errors import SettingError, TrackError
from morphsep.separators.demucs import Demucs
from morphsep.separators.roformer import RoFormer
from morphsep.separators.roformer.bands import mel_bands
from morphsep.separators.roformer.config import read_config
from morphsep.separators.roformer.network import Network
from morphsep.separators.roformer.tensors import published, read_tensors
from morphsep.testing import ArrayMix
from tests import songs
from tests.roformer_checkpoints import (
    CHUNKS,
    SIX,
    Size,
    content,
    write_roformer,
    write_yaml,
)
from tests.roformer_reference import Reference, demix

pytestmark = pytest.mark.usefixtures("one_thread")
CHUNK = CHUNKS["tiny-bs"]
TINY: tuple[Size, ...] = ("tiny-bs", "tiny-mel")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roformer(tmp_path_factory.mktemp("small") / "model")


def song(num_samples: int, channels: int = 2) -> ArrayMix:
    """Noise with a bit of DC, so that forgetting the mean shows."""
    noise = np.random.default_rng(0).standard_normal((channels, num_samples))
    return ArrayMix((0.1 * noise + 0.02).astype(np.float32))


def reference(folder: Path, size: Size, mix: ArrayMix, **inference: Any) -> np.ndarray:
    """The guitar by the published formulas."""
    said = content(size, **inference)
    network = Reference(said["model"], torch.load(folder / "model.ckpt"))
    with torch.inference_mode():
        stems = demix(network, said, mix.samples)
    return stems[SIX.index("guitar") if len(stems) > 1 else 0]


def assert_close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5) -> None:
    """Apart by less than a part of the peak."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


@pytest.mark.parametrize("size", TINY)
@pytest.mark.parametrize(
    "inference", [{"num_overlap": 2}, {"num_overlap": 3, "normalize": True}], ids=str
)
@pytest.mark.parametrize("chunks", [0.01, 0.6, 1.0, 1.9, 3.3])
def test_equals_the_published_formulas(
    tmp_path: Path, size: Size, inference: dict[str, Any], chunks: float
) -> None:
    folder, mix = write_roformer(tmp_path, size, **inference), song(int(chunks * CHUNKS[size]))
    stem = RoFormer(str(folder), device="cpu").separate(mix, 0, mix.num_samples)
    expected = reference(folder, size, mix, **inference)
    assert stem.dtype == np.float32
    assert 0.1 < expected.std() / mix.samples.std() < 3
    assert_close(stem, expected)


@pytest.mark.parametrize("chunks", [0.6, 1.6, 2.1])
def test_a_track_that_is_not_mirrored_does_not_fade_in(tmp_path: Path, chunks: float) -> None:
    """With more than ten chunks over each sample, the second begins in the first one's fade."""
    folder, mix = write_roformer(tmp_path, num_overlap=12), song(int(chunks * CHUNK))
    stem = RoFormer(str(folder), device="cpu").separate(mix, 0, mix.num_samples)
    assert_close(stem, reference(folder, "tiny-bs", mix, num_overlap=12))


@pytest.mark.parametrize("num_samples", [1, 2, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_nothing_is_lost_where_chunks_do_not_overlap(small: Path, num_samples: int) -> None:
    """There MSST gives zeros at both ends of each chunk."""
    mix = song(num_samples)
    separator = RoFormer(str(small), device="cpu", num_overlap=1)
    network = separator._ready()[1]
    stem = separator.separate(mix, 0, num_samples)
    for start in range(0, num_samples, CHUNK):
        part = torch.from_numpy(mix.samples[:, start : start + CHUNK])
        size = part.shape[1]
        mode = "reflect" if size > CHUNK // 2 else "constant"
        whole = torch.nn.functional.pad(part, (0, CHUNK - size), mode=mode)
        with torch.inference_mode():
            expected = network(whole[None])[0, 0, :, :size].numpy()
        assert_close(stem[:, start : start + CHUNK], expected)


def test_any_cut_gives_the_same_bits(small: Path) -> None:
    num_samples = int(2.6 * CHUNK)
    mix, separator = song(num_samples), RoFormer(str(small), device="cpu")
    whole = separator.separate(mix, 0, num_samples)
    cuts = np.random.default_rng(5).integers(0, num_samples, 3).tolist()
    edges = [0, *sorted([*cuts, CHUNK // 2, CHUNK, CHUNK + 1]), num_samples]
    pieces = [separator.separate(mix, a, b) for a, b in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    assert separator.separate(mix, 5, 5).shape == (2, 0)
    lanes = RoFormer(str(small), device="cpu", lanes=3).separate(mix, 0, num_samples)
    assert np.array_equal(lanes, whole)
    batches = RoFormer(str(small), device="cpu", batch_size=3).separate(mix, 0, num_samples)
    assert_close(batches, whole, 1e-6)


@pytest.mark.parametrize("num_overlap", [4, 5])
@pytest.mark.parametrize("channels", [1, 2])
def test_lanes_give_the_same_bits_around_silence(
    small: Path, num_overlap: int, channels: int
) -> None:
    """A silent chunk needs no network, and is there before one that sounds. Here one begins with
    the silence, where the STFT's frames make others sound into it."""
    samples = song(int(5.3 * CHUNK), channels).samples
    samples[:, 2 * CHUNK : int(4.1 * CHUNK)] = 0
    stems = [
        RoFormer(str(small), device="cpu", num_overlap=num_overlap, lanes=lanes).separate(
            ArrayMix(samples), 0, samples.shape[1]
        )
        for lanes in (1, 2, 3, 4)
    ]
    assert not stems[0][:, int(3.05 * CHUNK) : int(3.1 * CHUNK)].any()
    for stem in stems[1:]:
        assert np.array_equal(stem, stems[0])


def test_exchanged_files_make_the_new_models_stem_under_its_key(tmp_path: Path) -> None:
    """In a process that has loaded the old ones: results are kept under the checksums of today."""
    separator, mix = RoFormer(str(write_roformer(tmp_path)), device="cpu"), song(CHUNK + 4000)
    made = {separator.fingerprint(): separator.separate(mix, 0, mix.num_samples)}
    for exchange in ({"seed": 1}, {"seed": 1, "num_overlap": 4}, {"size": "tiny-mel"}):
        write_roformer(tmp_path, **exchange)
        stem = separator.separate(mix, 0, mix.num_samples)
        anew = RoFormer(str(tmp_path), device="cpu")
        assert separator.fingerprint() == anew.fingerprint() not in made
        assert np.array_equal(stem, anew.separate(mix, 0, mix.num_samples))
        made[separator.fingerprint()] = stem
    (tmp_path / "model.ckpt").rename(tmp_path / "renamed.ckpt")
    assert np.array_equal(separator.separate(mix, 0, mix.num_samples), stem)
    (tmp_path / "renamed.ckpt").write_bytes(b"exchanged")
    with pytest.raises(SettingError, match="was not loaded"):
        separator.separate(mix, 0, 100)


def test_of_six_stems_only_one_is_read_and_run(small: Path) -> None:
    config = read_config(small / "config.yaml")
    tensors = read_tensors(small / "model.ckpt", config.shape, 4)
    masks = {name.split(".")[1] for name in tensors if name.startswith("mask_estimators")}
    assert masks == {"4"}
    mix = song(CHUNK)
    said = content("tiny-bs")
    with torch.inference_mode():
        stems = demix(Reference(said["model"], torch.load(small / "model.ckpt")), said, mix.samples)
    for name, expected in zip(SIX, stems, strict=True):
        stem = RoFormer(f"{small}:{name.upper()}", device="cpu").separate(mix, 0, CHUNK)
        assert_close(stem, expected)


def test_mono_is_the_mean_of_both_outputs(small: Path) -> None:
    mix = song(CHUNK + 4000, channels=1)
    stem = RoFormer(str(small), device="cpu").separate(mix, 0, mix.num_samples)
    expected = reference(small, "tiny-bs", mix).mean(axis=0, keepdims=True)
    assert stem.shape == (1, mix.num_samples)
    assert_close(stem, expected)


@pytest.mark.parametrize("normalize", [False, True])
def test_silence_gives_silence_and_dc_stays_finite(tmp_path: Path, normalize: bool) -> None:
    separator = RoFormer(str(write_roformer(tmp_path, normalize=normalize)), device="cpu")
    for samples in (np.zeros((2, 3 * CHUNK)), np.full((2, 5000), 0.25), np.full((1, 1), 0.5)):
        mix = ArrayMix(samples.astype(np.float32))
        stem = separator.separate(mix, 0, mix.num_samples)
        assert np.isfinite(stem).all()
        assert samples.any() or not stem.any()


def test_a_song_without_guitar_is_not_changed(tmp_path: Path) -> None:
    """As the model hears it: its masks for the guitar are 0."""
    folder = write_roformer(tmp_path / "model")
    state = torch.load(folder / "model.ckpt")
    last = {name for name in state if name.startswith("mask_estimators.4.") and ".2." in name}
    torch.save(state | {name: 0 * state[name] for name in last}, folder / "model.ckpt")
    path = songs.song(tmp_path, 3.0, subtype="FLOAT")
    row = morphsep.morph_file(
        path, tmp_path / "out", to="distortion", separator=f"roformer:{folder}", uniform=False
    )
    assert (row.status, row.num_morphed) == ("ok", 0)
    assert np.array_equal(songs.read(tmp_path / "out" / row.output), songs.read(path))


def test_half_precision_is_near_and_for_gpus_only(small: Path) -> None:
    with pytest.raises(SettingError, match="half precision is for GPUs"):
        RoFormer(str(small), device="cpu", half=True)
    if not torch.cuda.is_available():
        with pytest.raises(SettingError, match="half precision is for GPUs"):
            RoFormer(str(small), half=True).load()
    assert "half" in RoFormer(str(small), half=True).fingerprint()
    config = read_config(small / "config.yaml")
    tensors = read_tensors(small / "model.ckpt", config.shape, 4)
    samples = torch.from_numpy(song(CHUNK).samples)[None]
    with torch.inference_mode():
        whole, half = (
            Network(config.shape, tensors, 4, half=half)(samples).numpy() for half in (False, True)
        )
    assert 0 < np.abs(half - whole).max() < 0.01 * np.abs(whole).max()


@pytest.mark.parametrize(("num_bands", "n_fft"), [(60, 2048), (10, 256), (64, 2048), (40, 1024)])
def test_mel_bands_are_those_of_librosa(num_bands: int, n_fft: int) -> None:
    import librosa

    expected = librosa.filters.mel(sr=44100, n_fft=n_fft, n_mels=num_bands) > 0
    expected[0, 0] = expected[-1, -1] = True
    assert np.array_equal(mel_bands(num_bands, n_fft), expected)


@pytest.mark.parametrize("size", ["sw", "becruily"])
def test_full_size_models_have_the_published_tensors(tmp_path: Path, size: Size) -> None:
    config = read_config(write_yaml(tmp_path / "a.yaml", content(size)))
    shapes = published(config.shape)
    numbers = sum(int(np.prod(shape)) for name, shape in shapes.items() if "freqs" not in name[-5:])
    wanted = {"sw": (1939, 174.7), "becruily": (636, 22.4)}[size]
    assert (len(shapes), round(numbers / 1e6, 1)) == wanted


@pytest.mark.parametrize("form", ["state", "state_dict", "model_state_dict", "training", "half"])
def test_forms_of_checkpoints(small: Path, tmp_path: Path, form: str) -> None:
    folder = write_roformer(tmp_path)
    state = torch.load(folder / "model.ckpt")
    if form == "training":
        whole = {"epoch": 3, "best_metric": np.float64(9.0), "model_state_dict": state}
        torch.save(whole, folder / "model.ckpt")
    elif form == "half":
        torch.save({k: v.half() for k, v in state.items()}, folder / "model.ckpt")
    else:
        torch.save({form: state}, folder / "model.ckpt")
    mix = song(5000)
    stem = RoFormer(str(folder), device="cpu").separate(mix, 0, 5000)
    expected = RoFormer(str(small), device="cpu").separate(mix, 0, 5000)
    assert_close(stem, expected, 1e-2 if form == "half" else 1e-6)


def test_safetensors_and_names_of_files(small: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = write_roformer(tmp_path / "take:2")
    save_file(torch.load(folder / "model.ckpt"), folder / "model.safetensors")
    (folder / "model.ckpt").unlink()
    mix = song(3000)
    expected = RoFormer(str(small), device="cpu").separate(mix, 0, 3000)
    for place in (folder, folder / "model.safetensors", folder / "config.yaml"):
        stem = RoFormer(f"{place}:guitar", device="cpu").separate(mix, 0, 3000)
        assert_close(stem, expected, 1e-6)
    # of several models in a folder, the yaml is the one of the same name
    for name in ("a", "b"):
        os.link(folder / "model.safetensors", folder / f"{name}.safetensors")
        write_yaml(folder / f"{name}_config.yaml", content("tiny-bs", num_overlap=4))
    (folder / "config.yaml").unlink()
    with pytest.raises(SettingError, match=r"Weights: a\.safetensors, b\.safetensors"):
        RoFormer(str(folder))


def test_a_folder_with_one_yaml_for_each_file(tmp_path: Path) -> None:
    folder = write_roformer(tmp_path)
    for name in ("one", "two"):
        os.link(folder / "model.ckpt", folder / f"{name}.ckpt")
        write_yaml(folder / f"{name}_config.yaml", content("tiny-bs"))
    (folder / "model.ckpt").unlink()
    assert RoFormer(str(folder / "one.ckpt"))._files().files[1].name == "one_config.yaml"
    assert RoFormer(str(folder / "two_config.yaml"))._files().files[0].name == "two.ckpt"


def refusal(folder: Path) -> str:
    """Why the model in a folder is not loaded."""
    with pytest.raises(SettingError) as caught:
        RoFormer(str(folder), device="cpu").load()
    return str(caught.value)


def test_a_yaml_without_weights_and_weights_without_a_yaml(tmp_path: Path) -> None:
    folder = write_roformer(tmp_path)
    (folder / "model.ckpt").rename(tmp_path / "elsewhere")
    assert "Weights: none; yaml: config.yaml" in refusal(folder)
    (tmp_path / "elsewhere").rename(folder / "model.ckpt")
    (folder / "config.yaml").unlink()
    assert "Weights: model.ckpt; yaml: none" in refusal(folder)
    with pytest.raises(SettingError, match="which model"):
        RoFormer()
    with pytest.raises(SettingError, match="bs-roformer-sw"):
        RoFormer(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("suffix", ["ckpt", "safetensors"])
def test_damaged_weights_are_refused_in_a_sentence(tmp_path: Path, suffix: str) -> None:
    from safetensors.torch import save_file

    folder = write_roformer(tmp_path)
    path = folder / f"model.{suffix}"
    if suffix == "safetensors":
        save_file(torch.load(folder / "model.ckpt"), path)
        (folder / "model.ckpt").unlink()
    whole = path.read_bytes()
    others = (b"not a checkpoint", b"exchanged", b"\x80\x02J", b"\x80\x02)Q.")
    for damaged in (b"", *others, whole[: len(whole) // 2], whole[:-100]):
        path.write_bytes(damaged)
        assert "was not loaded" in refusal(folder)


def test_a_checkpoint_of_another_family(tmp_path: Path) -> None:
    from tests.checkpoints import build_htdemucs

    folder = write_roformer(tmp_path)
    torch.save(build_htdemucs().state_dict(), folder / "model.ckpt")
    assert "another kind of network" in refusal(folder)
    for other in ({"x": 3}, [torch.zeros(2)], torch.zeros(2)):
        torch.save(other, folder / "model.ckpt")
        assert "holds no tensors by name" in refusal(folder)


@pytest.mark.parametrize(
    ("setting", "value", "tensor"),
    [
        ("mlp_expansion_factor", 4, r"mask_estimators\.0\.to_freqs\.0\.0\.0\.weight is 16 x 8"),
        ("dim", 16, r"layers\.0\.0\.layers\.0\.0\.norm\.gamma is 8"),
        ("heads", 3, r"to_qkv\.weight is 24 x 8, the yaml makes it 36 x 8"),
        ("mask_estimator_depth", 3, r"0\.2\.weight is 32 x 16, the yaml makes it 16 x 16"),
        ("depth", 3, "lacks layers.2.0"),
        ("depth", 1, "has layers.1.0"),
        ("depth", 0, "its sizes make no network"),
        ("num_stems", 7, "7 masks, but stems bass"),
        ("freqs_per_bands", (4, 12, 48, 64), "128 bins"),
        ("linear_transformer_depth", 1, "linear_transformer_depth, which is not hosted"),
        ("use_pope", True, "use_pope"),
        ("stereo", False, "not for stereo"),
        ("dim", "eight", "dim is 'eight'"),
        ("stft_hop_length", 512, "STFT"),
    ],
)
def test_wrong_factors_are_refused_with_what_does_not_fit(
    tmp_path: Path, setting: str, value: Any, tensor: str
) -> None:
    import re

    folder, said = write_roformer(tmp_path), content("tiny-bs")
    write_yaml(folder / "config.yaml", said | {"model": said["model"] | {setting: value}})
    assert re.search(tensor, refusal(folder))


@pytest.mark.parametrize(
    "text", ["", "3", "[1, 2]", "model: {}", "a: [", "model: !!python/object/apply:os.getcwd []"]
)
def test_other_yamls_are_refused_and_nothing_in_them_runs(tmp_path: Path, text: str) -> None:
    folder = write_roformer(tmp_path)
    (folder / "config.yaml").write_text(text)
    assert "config.yaml" in refusal(folder)


NESTED = "a: " + "[" * 3000


@pytest.mark.parametrize(
    ("section", "name", "value", "said"),
    [
        ("audio", "chunk_size", float("inf"), "chunk_size is inf, not a whole number"),
        ("audio", "chunk_size", 12800.5, "not a whole number"),
        ("audio", "chunk_size", 10**30, "not a whole number"),
        ("audio", "chunk_size", 100, "chunk_size is 100, its FFT 256"),
        ("audio", "sample_rate", 48000, "stereo at 44100 Hz"),
        ("audio", "sample_rate", "44100", "sample_rate is '44100'"),
        ("model", "sample_rate", 22050, "stereo at 44100 Hz"),
        ("model", "stft_n_fft", 1 << 20, "its FFT of 1048576"),
        ("model", "stereo", "yes", "stereo is 'yes', not true or false"),
        ("model", "zero_dc", 1, "zero_dc is 1"),
        ("model", "depth", 10**8, "its sizes make no network"),
        ("model", "dim_head", 0, "its sizes make no network"),
        ("model", "mlp_expansion_factor", 0, "its sizes make no network"),
        ("model", "freqs_per_bands", "many", "not a list of whole numbers"),
        ("model", "freqs_per_bands", [4, 12, 48, 65, 0], "its sizes make no network"),
        ("model", "num_bands", 0, "its sizes make no network"),
        ("model", "num_bands", 10**8, "its STFT has 129"),
        ("training", "instruments", [1, 2, 3, 4, 5, 6], "not a list of texts"),
        ("training", "instruments", False, "instruments is False, not a list of texts"),
        ("training", "instruments", "guitar", "instruments is 'guitar', not a list of texts"),
        ("training", "target_instrument", 4, "target_instrument is 4, not a text"),
        ("inference", "num_overlap", 2.5, "num_overlap is 2.5"),
        ("inference", "num_overlap", 0, "num_overlap is 0"),
        ("inference", "num_overlap", 100_000, "num_overlap is 100000, chunks have 12800"),
        ("inference", "normalize", "no", "normalize is 'no'"),
    ],
)  # fmt: skip
def test_values_of_another_type_or_size_are_refused_by_name(
    tmp_path: Path, section: str, name: str, value: Any, said: str
) -> None:
    folder, whole = write_roformer(tmp_path), content("tiny-bs")
    if name == "num_bands":
        del whole["model"]["freqs_per_bands"]
    write_yaml(folder / "config.yaml", whole | {section: whole[section] | {name: value}})
    assert said in refusal(folder)
    assert "config.yaml" in refusal(folder)


@pytest.mark.parametrize("text", [NESTED, "a: 2001-99-99", "a: &x [*x]\nmodel: *x", "\0"])
def test_yamls_that_break_their_reader_are_refused(tmp_path: Path, text: str) -> None:
    folder = write_roformer(tmp_path)
    (folder / "config.yaml").write_text(text)
    assert "config.yaml" in refusal(folder)


@pytest.mark.parametrize("missing", ["model", "audio", "training"])
def test_a_section_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    folder, said = write_roformer(tmp_path), content("tiny-bs")
    del said[missing]
    write_yaml(folder / "config.yaml", said | {"multi": (1,)})
    assert f"it has no {missing}" in refusal(folder)


def test_more_chunks_over_a_sample_than_it_has_are_refused(small: Path) -> None:
    with pytest.raises(SettingError, match="num_overlap is 100000, chunks have 12800 samples"):
        RoFormer(str(small), num_overlap=100_000)


@pytest.mark.parametrize("separator", [RoFormer, Demucs])
@pytest.mark.parametrize("name", ["~nobody-of-that-name/x", "x" * 5000, "a/" * 3000, "a\0b"])
def test_names_that_no_file_can_have_are_refused(separator: type, name: str) -> None:
    for text in (name, f"{name}:guitar"):
        with pytest.raises(SettingError, match="or folder"):
            separator(text)


def test_another_file_of_a_folder_is_not_taken_for_its_model(tmp_path: Path) -> None:
    folder = write_roformer(tmp_path)
    for name in ("notes.txt", "model.onnx", "bare"):
        (folder / name).write_text("no weights")
        with pytest.raises(SettingError, match=f"{name} is neither weights .* nor a yaml"):
            RoFormer(str(folder / name))
    assert RoFormer(str(folder)).fingerprint()


class Malicious:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_a_malicious_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    folder, witness = write_roformer(tmp_path / "model"), tmp_path / "ran"
    torch.save({"state_dict": Malicious(f"touch {witness}")}, folder / "model.ckpt")
    assert "It was refused and nothing of it ran" in refusal(folder)
    assert not witness.exists()


def test_a_model_without_guitar_names_its_stems(tmp_path: Path) -> None:
    folder, said = write_roformer(tmp_path), content("tiny-bs")
    said["training"]["instruments"][4] = "strings"
    write_yaml(folder / "config.yaml", said)
    with pytest.raises(SettingError, match="no stem 'guitar', only bass, drums, other, vocals"):
        RoFormer(str(folder))
    assert RoFormer(f"{folder}:strings").fingerprint()


PEAK = """
import resource, sys
from morphsep.separators.demucs import Demucs
from morphsep.separators.roformer import RoFormer
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
RoFormer(sys.argv[1], device="cpu").load()
before = peak()
RoFormer(sys.argv[2], device="cpu").load()
print(peak() - before)
"""


@pytest.mark.parametrize("suffix", ["ckpt", "safetensors"])
def test_of_six_stems_the_memory_of_one_is_taken(small: Path, tmp_path: Path, suffix: str) -> None:
    """700 MB of weights on a machine with 1 GB."""
    from safetensors.torch import save_file

    said = content("tiny-bs")
    said["model"]["mlp_expansion_factor"] = 800
    config = read_config(write_yaml(tmp_path / "config.yaml", said))
    state = {name: torch.zeros(shape) for name, shape in published(config.shape).items()}
    save = torch.save if suffix == "ckpt" else save_file
    save(state, tmp_path / f"model.{suffix}")
    megabytes = (tmp_path / f"model.{suffix}").stat().st_size / 2**20
    assert megabytes > 150
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(small), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    # its own sixth twice: in the file, and copied
    assert float(done.stdout) < megabytes / 2


def test_weights_that_memory_does_not_hold(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    separator = RoFormer(str(small), device="cpu")
    network = separator._ready()[1]

    def full(samples: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    monkeypatch.setattr(network, "forward", full)
    with pytest.raises(TrackError) as caught:
        separator.separate(song(1000), 0, 1000)
    assert caught.value.code == "out_of_memory"


def test_fingerprint_holds_what_changes_the_stem_and_nothing_else(
    small: Path, tmp_path: Path
) -> None:
    def fingerprint(**settings: Any) -> str:
        return RoFormer(str(small), **settings).fingerprint()

    same = {"device": "cpu", "batch_size": 4, "lanes": 2, "source": "Guitar", "num_overlap": 2}
    assert fingerprint() == fingerprint(**same)
    other = write_roformer(tmp_path / "other", seed=1)
    said = write_roformer(tmp_path / "said", num_overlap=4)
    different = {
        fingerprint(),
        fingerprint(source="piano"),
        fingerprint(num_overlap=4),
        fingerprint(half=True),
        RoFormer(str(other)).fingerprint(),
        RoFormer(str(said)).fingerprint(),
    }
    assert len(different) == 6
    assert RoFormer(str(said)).weights_hash == RoFormer(str(small)).weights_hash
    for wrong in ({"batch_size": 0}, {"num_overlap": 0}, {"lanes": 0}, {"device": "quantum"}):
        with pytest.raises(SettingError):
            fingerprint(**wrong)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("size", ["becruily", "sw"])
def test_equals_the_published_networks_at_full_size(tmp_path: Path, size: Size) -> None:
    """One chunk; the time of a full grid would be many minutes."""
    folder = write_roformer(tmp_path, size)
    mix = song(CHUNKS[size] // 2)
    stem = RoFormer(str(folder), device="cpu").separate(mix, 0, mix.num_samples)
    assert_close(stem, reference(folder, size, mix))


@pytest.mark.parametrize("size", TINY)
@pytest.mark.filterwarnings("default")
def test_equals_the_code_of_msst_where_it_is_installed(tmp_path: Path, size: Size) -> None:
    """``pip install --no-deps msst`` and what it imports; its torch is older than ours."""
    from jobs.bench import roformer_peer

    if not roformer_peer.is_installed():
        pytest.skip("MSST is not installed")
    folder, mix = write_roformer(tmp_path, size), song(int(2.3 * CHUNKS[size]))
    guitar = 4 if size == "tiny-bs" else 0
    peer = roformer_peer.load(folder, keep=guitar)
    stem = RoFormer(str(folder), device="cpu").separate(mix, 0, mix.num_samples)
    assert_close(stem, peer(mix.samples))
    assert_close(stem, roformer_peer.load(folder, active=[guitar], keep=guitar)(mix.samples))
