"""The options of the backend `diffusion`, checked; and the adapters that they name."""

from __future__ import annotations

from dataclasses import dataclass

from morphsep.backends.diffusion.files import DEFAULT_WEIGHTS, check_weights, identity, is_folder
from morphsep.backends.diffusion.lora.adapter import ENDS, Adapter, Tone, read_adapter
from morphsep.errors import SettingError

LORA = ("auto", "none", "one-sided", "two-sided")
MIX = ("live", "diffmorpher")
ADAIN = ("auto", "on", "off")
HIGHS = ("source", "blend")
PAIRED = ("auto", "two-sided")
"""Values of `lora` that allow a separate folder for each end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What users of the backend can set.

    Raises:
        SettingError: a value is invalid, or a folder is not an adapter.
    """

    weights: str = DEFAULT_WEIGHTS
    """Hub name, ``NAME@COMMIT``, or a folder in the hub's layout. SoundMorpher's base model."""
    lora: str = "auto"
    """``none``, ``one-sided`` (one LoRA for both ends) or ``two-sided`` (one for each): the three
    variants of arXiv 2510.07908, table I. ``auto`` is the adapter's, ``none`` without one."""
    adapter: str = ""
    """Folder written by ``morphsep lora train``. Its embeddings are used with lora=none, too: the
    paper's "w/o LoRA" is textual inversion only."""
    source_adapter: str = ""
    """Two-sided: folder whose source end is used, instead of `adapter`."""
    target_adapter: str = ""
    """Two-sided: folder whose target end is used, instead of `adapter`."""
    steps: int = 100
    """DDIM steps, each way: SoundMorpher's. 0: latents are interpolated without any diffusion, the
    literal reading of "w/o LoRA" in arXiv 2510.07908."""
    guidance_min: float = 1.5
    """Guidance at both ends: SoundMorpher's ``s_min``."""
    guidance_max: float = 4.0
    """Guidance at amount 0.5: SoundMorpher's ``s_max``; linear between."""
    prompt: str = "a audio clip of music composition."
    """For both ends, without an adapter's embeddings: SoundMorpher's, spelt as there."""
    negative_prompt: str = "low quality"
    """SoundMorpher's; an adapter has its own, the one used in training."""
    mix: str = "live"
    """How two adapters are mixed: ``live`` interpolates both U-Nets' parameters, ``diffmorpher``
    the factors, as in DiffMorpher's code (CVPR 2024); for comparison."""
    adain: str = "auto"
    """Whether each latent channel gets mean and deviation between those of both ends: ``auto`` is
    ``on`` for two-sided, as in arXiv 2510.07908, III-D, else ``off``."""
    amount_steps: int = 5
    """Most amounts at which a chunk is rendered where the amount moves within it, evenly spaced
    over its range there; latents in between are interpolated linearly. Ours."""
    highs: str = "source"
    """Above 8 kHz: the ``source``, or a ``blend`` of both tones by the amount. Ours."""
    paper_faithful: bool = False
    """Only the model's output: nothing above 8 kHz, no exact ends."""
    batch: int = 1
    """Channels of chunks at once. More than 1 is faster on a GPU only."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``mps``."""
    offline: bool = False
    """Whether weights must already be on this machine."""

    def __post_init__(self) -> None:
        for name, known in (("lora", LORA), ("mix", MIX), ("adain", ADAIN), ("highs", HIGHS)):
            if getattr(self, name) not in known:
                raise SettingError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        if self.steps < 0 or self.amount_steps < 1 or self.batch < 1:
            raise SettingError("steps must be 0 or more, amount_steps and batch 1 or more")
        if not 1 <= self.guidance_min <= self.guidance_max:
            raise SettingError("guidance must satisfy 1 <= guidance_min <= guidance_max")
        if self.lora == "auto":
            variants = sorted({each.variant for each in adapters_of(self).values()})
            object.__setattr__(self, "lora", variants[0] if variants else "none")
        if self.mix == "diffmorpher" and self.lora != "two-sided":
            raise SettingError("mix=diffmorpher mixes two adapters: it needs lora=two-sided")
        check_weights(self.weights)
        for each in adapters_of(self).values():
            # The content of a hub name is known only once it is fetched.
            if is_folder(self.weights):
                each.check_base(identity(self.weights))

    @property
    def has_adain(self) -> bool:
        """Whether latents get statistics between those of both ends."""
        return self.adain == "on" or (self.adain == "auto" and self.lora == "two-sided")


def adapters_of(options: Options) -> dict[Tone, Adapter]:
    """The adapter folder of each end, opened; empty if none is given.

    Raises:
        SettingError: the folders do not match the variant, or are not adapters.
    """
    pair = (options.source_adapter, options.target_adapter)
    if any(pair) and (not all(pair) or options.adapter or options.lora not in PAIRED):
        raise SettingError(
            "source_adapter and target_adapter go together, instead of adapter, and with "
            "lora=two-sided"
        )
    folders = pair if any(pair) else (options.adapter, options.adapter)
    if not any(folders):
        if options.lora not in ("auto", "none"):
            raise SettingError(
                f"lora={options.lora} needs adapter=FOLDER, which `morphsep lora train` writes"
            )
        return {}
    found = {end: read_adapter(folder) for end, folder in zip(ENDS, folders, strict=True)}
    known = "two-sided" if any(pair) else options.lora
    for each in found.values():
        if known not in ("auto", "none", each.variant):
            raise SettingError(
                f"the adapter {each.folder} is {each.variant}, so lora cannot be {known}"
            )
    return found
