"""What is known of published RoFormer checkpoints.

None is fetched by us: of none has whoever trained it stated a licence that allows it. What is known
of each is said, so that who fetches one knows what it is and whether it came whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from morphsep.models.licences import UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class RoFormerInfo:
    """What is known of a published model."""

    page: str
    """Where it is kept."""
    file: str
    num_bytes: int
    """About, where only megabytes are known."""
    sha256: str
    """Of the file, or its first digits; empty where nothing is known."""
    licence: str
    sdr: tuple[float, float]
    """dB on the guitars of MVSep's 30 tracks, as surveyed in September 2026: least and most of the
    figures that are published."""


ROFORMERS: Mapping[str, RoFormerInfo] = MappingProxyType({
    "bs-roformer-sw": RoFormerInfo(
        page="https://huggingface.co/enerjazzer/BS-ROFO-SW-Fixed",
        file="BS-Rofo-SW-Fixed.ckpt",
        num_bytes=699_412_152,
        sha256="24e7d35ee9c64415673d3fd33e06a67cac2c103c5df6267ba1576459c775916e",
        licence="none stated; who trained it has not said so, and the page is a copy",
        sdr=(9.01, 9.01),
    ),
    "xlance-guitar": RoFormerInfo(
        page="https://huggingface.co/chenxie95/xlance-msr-ckpt",
        file="gtr_mss.pth",
        num_bytes=204_400_000,
        sha256="813a92bd210e1fc7",
        licence="MIT on its page; made from bs-roformer-sw, which has none",
        sdr=(8.60, 8.60),
    ),
    "mega-53-guitar": RoFormerInfo(
        page="https://huggingface.co/noblebarkrr/BS-Roformer-MVSep-Mega-53-stems",
        file="bs_mega_53stem_guitar_mvsep.ckpt",
        num_bytes=77_600_000,
        sha256="",
        licence="none stated",
        sdr=(8.25, 8.25),
    ),
    "becruily-guitar": RoFormerInfo(
        page="https://huggingface.co/becruily/mel-band-roformer-guitar",
        file="becruily_guitar.ckpt",
        num_bytes=45_142_183,
        sha256="83472bbf125774af5282d2e0b86df89eaf2dd45e8a4ec8d68e820ebf3e42a83c",
        licence="none stated",
        sdr=(5.05, 5.63),
    ),
})  # fmt: skip
"""Models with a guitar, best first by the least that is published."""
DEMUCS_SDR = 5.25
"""Of ``htdemucs_6s`` on the same guitars, dB."""


def how_to_get(name: str, folder: Path) -> str:
    """What to do about a model that is not on this machine."""
    known = ROFORMERS[name]
    return (
        f"{name} is not on this machine, and morphsep does not fetch it (licence: "
        f"{known.licence}). If you may use it, put {known.file} and its yaml, from {known.page}, "
        f"into {folder}."
    )


def published_as(sha256: str) -> str | None:
    """The name of the known model whose weights have this checksum."""
    found = (name for name, known in ROFORMERS.items() if known.sha256)
    return next((name for name in found if sha256.startswith(ROFORMERS[name].sha256)), None)


def licence_of_roformer(sha256: str, model: str = "") -> str:
    """What is known of weights with this checksum: whose they are, and under which licence.

    Args:
        model: how the user names them. No more than that is known of weights in the place of a
            published model whose checksum we have not.
    """
    name = published_as(sha256)
    if name is None:
        known = ROFORMERS.get(model)
        if known is None or known.sha256:
            return UNKNOWN
        return f"found under the name {model}, not checked; its licence: {known.licence}"
    return f"{name} ({ROFORMERS[name].page}): {ROFORMERS[name].licence}"
