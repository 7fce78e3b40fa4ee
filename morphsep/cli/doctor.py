"""``morphsep doctor``: what this machine can do, and a remedy for everything that it cannot."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

State = Literal["ok", "limited", "missing"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `limited`: works, but not all of it; `missing`: must be mended."""

    what: str
    state: State
    found: str
    remedy: str = ""


def checks(out: Path | None = None) -> Iterator[Check]:
    """Everything that a run needs, checked on this machine; nothing is left behind."""
    yield _python()
    yield _decoders()
    yield _effects()
    yield _ffmpeg()
    yield from _weights()
    yield _best_stems()
    yield _device()
    yield _ray()
    yield _writable("output folder", out if out is not None else Path.cwd())
    yield _space(out if out is not None else Path.cwd())


def _python() -> Check:
    found = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 14):
        return Check("Python", "ok", found)
    return Check("Python", "limited", found, "tested with 3.11 to 3.14: use one of these")


def _decoders() -> Check:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        remedy = "pip install --force-reinstall soundfile"
        return Check("decoders", "missing", f"soundfile: {error}", remedy)
    found = soundfile.available_formats()
    lacking = [name for name in ("WAV", "FLAC", "AIFF", "OGG", "MP3", "W64", "RF64", "CAF")
               if name not in found]  # fmt: skip
    if lacking:
        remedy = "pip install --upgrade soundfile (brings libsndfile 1.1 or newer)"
        return Check("decoders", "limited", f"no {', '.join(lacking)}", remedy)
    version = soundfile.__libsndfile_version__
    return Check("decoders", "ok", f"libsndfile {version}: wav flac aiff ogg opus mp3 w64 rf64 caf")


def _effects() -> Check:
    try:
        import pedalboard
    except ImportError as error:
        # its wheel is linked against a library that minimal systems lack
        remedy = "install libatomic with your system's packages (Debian, Ubuntu: libatomic1)"
        if "libatomic" not in str(error):
            remedy = "pip install --force-reinstall pedalboard"
        return Check("effects", "missing", f"pedalboard: {error}", remedy)
    return Check("effects", "ok", f"{pedalboard.__name__} {version(pedalboard.__name__)}")


def _ffmpeg() -> Check:
    path = shutil.which("ffmpeg")
    if path:
        return Check("m4a, aac, wma", "ok", "ffmpeg is there")
    return Check(
        "m4a, aac, wma", "limited", "no ffmpeg: such files become failed rows",
        "install ffmpeg with your system's packages",
    )  # fmt: skip


def _weights() -> Iterator[Check]:
    from morphsep import models
    from morphsep.separators.demucs import DEFAULT_MODEL

    folder = models.weights_dir()
    if models.available(DEFAULT_MODEL):
        yield Check("separator weights", "ok", f"{DEFAULT_MODEL} in {models.path(DEFAULT_MODEL)}")
    else:
        yield Check(
            "separator weights", "limited",
            f"{DEFAULT_MODEL} is not in {folder}: auto takes embedded when there is no network",
            f"morphsep models fetch {DEFAULT_MODEL} (once, with a network), "
            "or bring stems with --stem",
        )  # fmt: skip
    yield _writable("weights folder", folder)


TEST_SET = "SDR of guitar on MVSep's 30 tracks"
"""Of all figures below; those of other sets cannot be put beside them."""


def _best_stems() -> Check:
    """What `auto` takes on this machine, and what would be better."""
    from morphsep import models
    from morphsep.separators import choose_separator

    what, hosts = "guitar stems", 3.0
    try:
        choice = choose_separator(timeout=hosts)
    except ImportError as error:
        return Check(what, "missing", str(error), "pip install torch")
    best = max(known.sdr[0] for known in models.ROFORMERS.values())
    kind, _, name = choice.name.partition(":")
    if kind == "roformer":
        found = f"{choice.reason}; {_span(*models.ROFORMERS[name].sdr)} ({TEST_SET})"
        return Check(what, "ok", found)
    if kind != "demucs":
        remedy = f"morphsep models fetch {models.DEFAULT_MODEL}, or bring stems with --stem"
        return Check(what, "limited", choice.reason, remedy)
    found = f"{choice.reason}; {models.DEMUCS_SDR} dB ({TEST_SET})"
    if not _has_gpu():
        return Check(what, "ok", f"{found}; a RoFormer ({best} dB) wants a GPU")
    return Check(
        what, "limited", f"{found}; with this GPU a RoFormer gives up to {best}",
        "morphsep models list: where they are kept, and under which terms",
    )  # fmt: skip


def _span(least: float, most: float) -> str:
    return f"{least} dB" if least == most else f"{least} to {most} dB"


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _device() -> Check:
    try:
        import torch
    except ImportError as error:
        return Check("device", "missing", str(error), "pip install torch")
    if torch.cuda.is_available():
        return Check("device", "ok", f"{torch.cuda.get_device_name()} (torch {torch.__version__})")
    return Check(
        "device", "limited", f"CPU, {torch.get_num_threads()} threads (torch {torch.__version__})",
        "works; Demucs is several times faster on an NVIDIA GPU with a CUDA build of torch",
    )  # fmt: skip


def _ray() -> Check:
    try:
        return Check("ray", "ok", f"ray {version('ray')}")
    except PackageNotFoundError:
        return Check(
            "ray", "limited", "not installed: --executor local only", "pip install 'morphsep[ray]'"
        )


def _writable(what: str, folder: Path) -> Check:
    near = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=near) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        remedy = "change its permissions, or choose another folder"
        return Check(what, "missing", f"{near} cannot be written to: {error.strerror}", remedy)
    return Check(what, "ok", f"{folder} can be written to")


def _space(folder: Path) -> Check:
    near = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(near).free / 2**30
    state: State = "ok" if free > 2 else "limited"
    remedy = "" if free > 2 else "an hour of stereo needs about 3 GB while it is worked on"
    return Check("disk", state, f"{free:.1f} GiB free", remedy)
