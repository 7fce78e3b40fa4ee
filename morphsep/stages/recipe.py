"""The recipe: settings made into things, before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from morphsep import request
from morphsep.audio import SUBTYPES, check_format
from morphsep.dsp import Grid, samples
from morphsep.errors import SettingError
from morphsep.storage import absolute, digest

if TYPE_CHECKING:
    from morphsep.backends import Backend
    from morphsep.separators import Separator
    from morphsep.tones import Tone
from morphsep.request import AS_RECORDED, Settings

CODE_SCHEMA = 1
"""Goes into every key. Raised whenever a change of code changes what a setting sounds like."""


_BRACES = str.maketrans({"{": "{{", "}": "}}"})
"""How a pattern spells the braces of a file's name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """Settings made into things: what the stages work with."""

    settings: Settings
    source: Tone
    target: Tone
    curve: request.Curve
    grid: Grid
    section: int
    """Length of a section in samples at 44.1 kHz."""
    separator: Separator
    backend: Backend

    def stem_key(self, content_hash: str, own_stem_hash: str) -> str:
        """Names the stem: all that it depends on, and nothing else."""
        return digest(
            "stem", CODE_SCHEMA, content_hash, own_stem_hash, self.separator.fingerprint(),
            self.settings.channels,
        )  # fmt: skip

    def warp_key(self) -> str:
        """Names the perceptual map of this pair of tones, on whatever stem."""
        return digest(
            "warp", CODE_SCHEMA, self.source.fingerprint(), self.target.fingerprint(),
            self.backend.fingerprint(),
        )  # fmt: skip

    def key(self, stem_key: str) -> str:
        """Names the result: all that its samples depend on."""
        s = self.settings
        return digest(
            "track",
            stem_key,
            self.warp_key(),
            self.curve,
            self.grid,
            s.uniform,
            s.format,
            s.subtype,
        )

    def stems_key(self, stem_key: str) -> str:
        """Names the result where only stems are asked for."""
        return digest("separate", stem_key, self.settings.format, self.settings.subtype)


def forget() -> None:
    """Has `build` read the files that settings name (tones, curves) anew; weights stay loaded."""
    build.cache_clear()
    _automatic.cache_clear()


def settle(settings: Settings) -> tuple[Settings, str]:
    """Settings with every ``auto`` about the separator decided, and the reason in a line.

    Done once, where the run is started, so that all workers use the same.

    Raises:
        SettingError: these settings cannot work.
    """
    if settings.stem is not None and settings.separator not in ("auto", "stem"):
        raise SettingError(
            f"--stem brings the user's own stem, so the separator cannot be {settings.separator}"
        )
    if settings.stem is None and settings.separator == "stem":
        raise SettingError("the separator stem needs --stem: a file, or a pattern for its name")
    reason = "asked for"
    if settings.separator == "auto":
        if settings.stem is not None:
            settings, reason = replace(settings, separator="stem"), "stem: --stem was given"
        else:
            name, reason = _automatic(settings.offline)
            settings = replace(settings, separator=name)
    if settings.stem is not None:
        from morphsep.separators.own_stem import resolve_stem

        stem = resolve_stem(settings.stem, "a/a.wav")
        if stem == resolve_stem(settings.stem, "b/b.wav"):  # one file, wherever a worker runs
            settings = replace(settings, stem=absolute(stem).translate(_BRACES))
    build(settings)
    return settings, reason


@lru_cache(maxsize=1024)
def build(settings: Settings, places: tuple[tuple[str, str], ...] = ()) -> Recipe:
    """The recipe of settled settings; remembered for a run (files that settings name are read
    again by the next).

    Args:
        places: of files that settings name and that lie elsewhere on this machine
            (`morphsep.request.named_files`).

    Raises:
        SettingError: an unknown name, or a value outside its range.
    """
    from morphsep.request import at_hand
    from morphsep.tones import check_recording, get_tone

    _check_ranges(settings)
    here = at_hand(settings, places)
    check_recording(here.recording, here.from_, here.to)
    curve = request.parse_amount(here.amount)
    # Nothing asked for in the whole track gives the input back, whatever it would morph from.
    source = get_tone(AS_RECORDED) if curve.is_zero else get_tone(here.from_, here.recording)
    target = get_tone(here.to, here.recording)
    return Recipe(
        settings=settings,
        source=source,
        target=target,
        curve=curve,
        grid=Grid(samples(settings.chunk), samples(settings.overlap)),
        section=samples(settings.section),
        separator=build_separator(here),
        backend=build_backend(here, source, target),
    )


@lru_cache(maxsize=2)
def _automatic(offline: bool) -> tuple[str, str]:
    """The separator for ``auto`` and why: asked once for all tracks of a run, as it can take 10 s
    to find that there is no network."""
    from morphsep.separators import choose_separator

    choice = choose_separator(offline=offline)
    return choice.name, choice.reason


def _check_ranges(settings: Settings) -> None:
    if not 5 <= settings.chunk <= 10:
        raise SettingError(f"--chunk must lie between 5 and 10 seconds, got {settings.chunk:g}")
    if not settings.chunk <= settings.section < float("inf"):
        raise SettingError(
            f"--section must be at least one chunk ({settings.chunk:g} s), got {settings.section:g}"
        )
    if settings.device not in ("auto", "cpu"):
        from morphsep.models import device

        device(settings.device)
    if settings.format is not None:
        check_format(settings.format)
    if settings.subtype is not None:
        _check_subtype(settings.format, settings.subtype.upper())
    if settings.shifts < 0:
        raise SettingError(f"--shifts must be 0 or more, got {settings.shifts}")


def _check_subtype(file_format: str | None, subtype: str) -> None:
    """Whether the subtype fits the format, or any, where each input keeps its own."""
    formats = SUBTYPES if file_format is None else [file_format.upper()]
    known = sorted({name for key in formats for name in SUBTYPES[key]})
    if subtype not in known:
        raise SettingError(f"--subtype {subtype} is not possible; choose one of {', '.join(known)}")


def build_separator(settings: Settings) -> Separator:
    """The separator that settled settings name; one for each set of options, so that its weights
    are loaded once.

    Raises:
        SettingError: there is no such separator, or it cannot work.
    """
    name, _, model = settings.separator.partition(":")
    if name != "demucs":
        if model:
            raise SettingError(f"the separator {name} has no models, so {model!r} means nothing")
        return _separator(name, **({"device": settings.device} if name == "embedded" else {}))
    options: dict[str, Any] = {
        "device": settings.device,
        "shifts": settings.shifts,
        "seed": settings.seed,
        "offline": settings.offline,
    }
    return _separator(name, **(options | {"model": model} if model else options))


@lru_cache(maxsize=4)
def _separator(name: str, **options: Any) -> Separator:
    separator: Separator = request.load_plugin("separator", name, **options)
    return separator


def build_backend(settings: Settings, source: Tone, target: Tone) -> Backend:
    """The backend that settings name, or for ``auto`` chain if it can morph the pair, else
    spectral.

    Raises:
        SettingError: no such backend, no such option, or it cannot morph this pair.
    """
    if settings.backend == "auto":
        if settings.options:
            names = ", ".join(name for name, _ in settings.options)
            raise SettingError(f"options of a backend ({names}) need the backend named: --backend")
        try:
            return build_backend(replace(settings, backend="chain"), source, target)
        except SettingError:
            return build_backend(replace(settings, backend="spectral"), source, target)
    given = {"device": settings.device, "seed": settings.seed, "offline": settings.offline}
    options = request.options("backend", settings.backend, dict(settings.options), given)
    backend: Backend = request.load_plugin("backend", settings.backend, **options)
    backend.context(source, target)
    return backend
