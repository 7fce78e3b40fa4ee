"""What the yaml beside a RoFormer checkpoint says: the shape of the network, and how it is run.

The format is that of Music-Source-Separation-Training (MSST). Nothing in the file is executed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError
from morphsep.separators.roformer.section import Section

Kind = Literal["bs", "mel"]

BS_BANDS = (*(2,) * 24, *(4,) * 12, *(12,) * 8, *(24,) * 8, *(48,) * 8, 128, 129)
"""Bins of each band where the yaml of a BS-RoFormer names none."""
MOST_LAYERS = 10_000
"""Of the network and of its masks: far more than any has, so few that they can be counted."""
LONGEST_FFT = 1 << 15

IGNORED = {
    "attn_dropout", "ff_dropout", "flash_attn", "sage_attention", "dim_freqs_in",
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

    def overlapped(self, num_overlap: int) -> Config:
        """With so many chunks over each sample.

        Raises:
            SettingError: chunks are not that long.
        """
        if not 1 <= num_overlap <= self.chunk:
            raise SettingError(f"num_overlap is {num_overlap}, chunks have {self.chunk} samples.")
        return replace(self, num_overlap=num_overlap)


def read_config(path: Path) -> Config:
    """The configuration in a ``.yaml``.

    Raises:
        SettingError: it cannot be read, describes no RoFormer, or asks for what is not hosted.
    """
    content = _parse(path)
    try:
        return _config(Section(content, "it"))
    except SettingError as error:
        raise SettingError(f"{path} describes no RoFormer that is hosted: {error}") from error


def _parse(path: Path) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Plain values, and the tuples that MSST's files contain."""

    def make_tuple(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> tuple[Any, ...]:
        return tuple(loader.construct_sequence(node))

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", make_tuple)
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), Loader)
    # a value that is no date, say; lists in lists in lists
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:300]
        raise SettingError(f"{path} cannot be read as yaml: {reason}") from error


def _config(content: Section) -> Config:
    model, audio, training = map(content.section, ("model", "audio", "training"))
    inference = content.section("inference", {})
    rates = [section.whole("sample_rate", MODEL_RATE) for section in (audio, model)]
    if not model.flag("stereo", False) or set(rates) != {MODEL_RATE}:
        raise SettingError(f"it is not for stereo at {MODEL_RATE} Hz.")
    shape = _shape(model)
    stems = training.target("target_instrument") or training.texts("instruments")
    if len(stems) != shape.num_stems:
        raise SettingError(f"it has {shape.num_stems} masks, but stems {', '.join(stems)}.")
    chunk = audio.whole("chunk_size", 0)
    config = Config(
        shape=shape,
        stems=stems,
        chunk=inference.whole("chunk_size", chunk),
        num_overlap=inference.whole("num_overlap", 1),
        normalise=inference.flag("normalize", False),
    )
    if config.chunk < shape.n_fft:
        raise SettingError(f"its chunk_size is {config.chunk}, its FFT {shape.n_fft}.")
    return config.overlapped(config.num_overlap)


def _shape(model: Section) -> Shape:
    is_mel = "num_bands" in model
    whole = model.whole
    shape = Shape(
        kind="mel" if is_mel else "bs",
        bands=(whole("num_bands"),) if is_mel else model.wholes("freqs_per_bands", BS_BANDS),
        num_stems=whole("num_stems", 1),
        dim=whole("dim"),
        depth=whole("depth"),
        time_depth=whole("time_transformer_depth", 2),
        frequency_depth=whole("freq_transformer_depth", 2),
        heads=whole("heads", 8),
        head_dim=whole("dim_head", 64),
        # MSST's two networks count them differently
        mask_hidden=whole("mask_estimator_depth", 1) if is_mel
        else whole("mask_estimator_depth", 2) - 1,
        mask_factor=whole("mlp_expansion_factor", 4),
        n_fft=whole("stft_n_fft", 2048),
        hop=whole("stft_hop_length", 512),
        window=whole("stft_win_length", 2048),
        zero_dc=model.flag("zero_dc", True),
    )  # fmt: skip
    unknown = model.others(IGNORED)
    if unknown:
        raise SettingError(f"it sets {', '.join(unknown)}, which is not hosted here.")
    _check(shape)
    return shape


def _check(shape: Shape) -> None:
    layers = shape.depth * (shape.time_depth + shape.frequency_depth)
    masks = shape.num_stems * max(shape.mask_hidden + 1, 1)
    sizes = (
        shape.dim, shape.hop, shape.heads, shape.head_dim, shape.num_stems, shape.mask_factor,
        shape.depth, shape.time_depth, shape.frequency_depth, shape.mask_hidden + 1, *shape.bands,
    )  # fmt: skip
    if shape.head_dim % 2 or min(sizes) < 1 or max(layers, masks) > MOST_LAYERS:
        raise SettingError("its sizes make no network.")
    if shape.n_fft > LONGEST_FFT:
        raise SettingError(f"its FFT of {shape.n_fft} is not hosted here.")
    if not shape.hop <= shape.window <= shape.n_fft:
        raise SettingError("its STFT loses samples (hop, window, FFT).")
    bins = sum(shape.bands)
    if bins > shape.num_bins or (shape.kind == "bs" and bins < shape.num_bins):
        raise SettingError(f"its bands want {bins} bins, its STFT has {shape.num_bins}.")
