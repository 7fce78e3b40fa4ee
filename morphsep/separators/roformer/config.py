"""What the yaml beside a RoFormer checkpoint says: the shape of the network, and how it is run.

The format is that of Music-Source-Separation-Training (MSST). Nothing in the file is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError

Kind = Literal["bs", "mel"]

BS_BANDS = (*(2,) * 24, *(4,) * 12, *(12,) * 8, *(24,) * 8, *(48,) * 8, 128, 129)
"""Bins of each band where the yaml of a BS-RoFormer names none."""
MEL_BANDS = 60

IGNORED = {
    "attn_dropout", "ff_dropout", "flash_attn", "sage_attention", "dim_freqs_in", "sample_rate",
    "stft_normalized", "match_input_audio_length", "use_torch_checkpoint",
    "multi_stft_resolution_loss_weight", "multi_stft_resolutions_window_sizes",
    "multi_stft_hop_size", "multi_stft_normalized",
}  # fmt: skip
"""Settings that matter in training only, or do not change what comes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The network's shape."""

    kind: Kind
    """``bs``: bands side by side; ``mel``: overlapping bands on the mel scale."""
    bands: tuple[int, ...]
    """``bs``: bins of each band; ``mel``: how many bands, alone."""
    num_stems: int
    dim: int
    depth: int
    time_depth: int
    frequency_depth: int
    heads: int
    head_dim: int
    mask_hidden: int
    """Hidden layers of the networks that make masks."""
    mask_factor: int
    """Size of a hidden layer, in `dim`."""
    n_fft: int
    hop: int
    window: int
    zero_dc: bool

    @property
    def num_bins(self) -> int:
        """Frequency bins of the STFT."""
        return self.n_fft // 2 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A model: its network, its stems in the order of the masks, its chunks."""

    shape: Shape
    stems: tuple[str, ...]
    chunk: int
    """Samples that the network sees at once."""
    num_overlap: int
    """Chunks that lie over each sample."""
    normalise: bool
    """Whether the network wants the mix less its mean, over its standard deviation."""


def read_config(path: Path) -> Config:
    """The configuration in a ``.yaml``.

    Raises:
        SettingError: it cannot be read, describes no RoFormer, or asks for what is not hosted.
    """
    content = _parse(path)
    try:
        return _config(content)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingError(f"{path} describes no RoFormer in MSST's format: {error!r}.") from error


def _parse(path: Path) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Plain values, and the tuples that MSST's files contain."""

    def make_tuple(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> tuple[Any, ...]:
        return tuple(loader.construct_sequence(node))

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", make_tuple)
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:300]
        raise SettingError(f"{path} cannot be read as yaml: {reason}") from error


def _config(content: Mapping[str, Any]) -> Config:
    model, audio, training = content["model"], content["audio"], content["training"]
    inference = content.get("inference") or {}
    shape = _shape(model)
    rate = audio.get("sample_rate", model.get("sample_rate", MODEL_RATE))
    if rate != MODEL_RATE or not model.get("stereo", False):
        raise SettingError(f"it is not for stereo at {MODEL_RATE} Hz.")
    target = training.get("target_instrument")
    stems = (target,) if target else tuple(training["instruments"])
    if len(stems) != shape.num_stems:
        raise SettingError(f"it has {shape.num_stems} masks, but stems {', '.join(stems)}.")
    config = Config(
        shape=shape,
        stems=stems,
        chunk=int(inference.get("chunk_size", audio["chunk_size"])),
        num_overlap=int(inference.get("num_overlap", 1)),
        normalise=inference.get("normalize") is True,
    )
    if config.chunk < shape.n_fft or not 1 <= config.num_overlap <= config.chunk:
        raise SettingError("its chunk_size and num_overlap make no chunks.")
    return config


def _shape(model: Mapping[str, Any]) -> Shape:
    settings = dict(model)
    kind: Kind = "mel" if "num_bands" in settings else "bs"
    number = _numbers(settings)
    n_fft = number("stft_n_fft", 2048)
    if kind == "mel":
        bands: tuple[int, ...] = (number("num_bands", MEL_BANDS),)
    else:
        bands = tuple(int(bins) for bins in settings.pop("freqs_per_bands", BS_BANDS))
    shape = Shape(
        kind=kind,
        bands=bands,
        num_stems=number("num_stems", 1),
        dim=number("dim"),
        depth=number("depth"),
        time_depth=number("time_transformer_depth", 2),
        frequency_depth=number("freq_transformer_depth", 2),
        heads=number("heads", 8),
        head_dim=number("dim_head", 64),
        # MSST's two networks count them differently
        mask_hidden=number("mask_estimator_depth", 1) if kind == "mel"
        else number("mask_estimator_depth", 2) - 1,
        mask_factor=number("mlp_expansion_factor", 4),
        n_fft=n_fft,
        hop=number("stft_hop_length", 512),
        window=number("stft_win_length", 2048),
        zero_dc=bool(settings.pop("zero_dc", True)),
    )  # fmt: skip
    _check(shape, settings)
    return shape


def _numbers(settings: dict[str, Any]) -> Any:
    """Takes whole numbers out of settings."""

    def take(name: str, default: int | None = None) -> int:
        value = settings.pop(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise SettingError(f"{name} is {value!r}, not a whole number.")
        return value

    return take


def _check(shape: Shape, others: Mapping[str, Any]) -> None:
    unknown = sorted(k for k, v in others.items() if v and k not in IGNORED | {"stereo"})
    if unknown:
        raise SettingError(f"it sets {', '.join(unknown)}, which is not hosted here.")
    depths = (shape.depth, shape.time_depth, shape.frequency_depth)
    if shape.head_dim % 2 or min(shape.dim, shape.hop, shape.heads, shape.num_stems, *depths) < 1:
        raise SettingError("its sizes make no network.")
    if not shape.hop <= shape.window <= shape.n_fft:
        raise SettingError("its STFT loses samples (hop, window, FFT).")
    if shape.kind == "bs" and sum(shape.bands) != shape.num_bins:
        raise SettingError(
            f"its bands have {sum(shape.bands)} bins, its STFT has {shape.num_bins}."
        )
