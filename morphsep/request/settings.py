"""What a user can set: everything that decides what comes out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from morphsep.errors import SettingError
from morphsep.request.option import Option, parse_channels
from morphsep.request.restoration import Restoration

AS_RECORDED = "as-recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that decides what comes out, as a user writes it.

    The command line's options are derived from here: `Option`.
    """

    to: Annotated[
        str,
        Option(
            help="Tone to morph towards: a name (see `morphsep tones`), a chain (.yaml), a "
            "recording or an amp capture (.nam, or .json with its knob: amp.json@gain=0.8)."
        ),
    ] = AS_RECORDED
    """Tone to morph towards: a name, a YAML file, a recording, an amp capture (.nam, .json)."""
    from_: Annotated[str, Option(flag="--from", help="Tone to morph from.")] = AS_RECORDED
    """Tone to morph from; as-recorded is the stem itself."""
    recording: Annotated[
        str,
        Option(
            help="What a recording stands for.",
            flags={
                "paired": "The recording is the same take through other gear.",
                "match": "Imitate the recording's tone with effects, found per song.",
                "transport": "Glide to the recording's notes.",
            },
        ),
    ] = "reference"
    """What a recording is that stands for a tone: reference (it lends its sound, not its notes),
    paired (the same take), match (to be imitated with effects), transport (other notes to glide
    to)."""
    amount: Annotated[
        str,
        Option(
            help='0 to 1, a curve such as "0:00=0 0:05=1", a CSV file time,amount, or what it '
            'follows: "follow level 0.1..0.9" (also brightness, density, pitch and sums; options '
            "in docs/how-to/amount-that-follows.md)."
        ),
    ] = "1"
    """0 to 1, points such as "0:00=0 0:05=1", a CSV file, or "follow level 0.1..0.9"."""
    separator: Annotated[
        str,
        Option(
            help="auto, demucs, demucs:MODEL[:SOURCE], roformer:MODEL[:STEM], embedded, harmonic, "
            "stem, none, ensemble:A+B, or another of `morphsep separators`.",
            in_separate=True,
        ),
    ] = "auto"
    """auto, or a separator's name, with its model behind a colon (demucs:htdemucs) and what to keep
    of it behind another (demucs:htdemucs:vocals)."""
    separator_options: Annotated[
        tuple[tuple[str, str], ...],
        Option(
            flag="--set-separator",
            metavar="NAME=VALUE",
            is_assignments=True,
            in_separate=True,
            help="Any option of the separator.",
        ),
    ] = ()
    """The separator's own options, (name, value) in the order of their names."""
    stem: Annotated[
        str | None,
        Option(
            help="Your own stem: a file, or a pattern such as {stem}.guitar.wav beside it.",
            in_separate=True,
        ),
    ] = None
    """The user's own stem: a path, or a pattern such as {stem}.guitar.wav."""
    protect: Annotated[
        bool,
        Option(help="Keep what an estimated stem holds where the guitar rests from being morphed."),
    ] = True
    """Whether the change is held back where an estimated stem holds no guitar."""
    min_stem_quality: Annotated[
        float | None,
        Option(
            help="Skip songs whose estimated stem has a lower stem_quality, 0 to 1.",
            metavar="QUALITY",
            in_separate=True,
        ),
    ] = None
    """Least `stem_quality` of an estimated stem, 0 to 1: a song with less becomes a skipped row."""
    backend: Annotated[
        str,
        Option(help="auto, or one of `morphsep backends`: chain, spectral, music2latent, ..."),
    ] = "auto"
    """auto (chain where both tones are chains, else spectral), or a backend's name."""
    options: Annotated[
        tuple[tuple[str, str], ...],
        Option(
            flag="--set",
            metavar="NAME=VALUE",
            is_assignments=True,
            help="Any option of the backend (docs/reference/backends.md).",
        ),
    ] = ()
    """The backend's own options, (name, value) in the order of their names."""
    chunk: Annotated[float, Option(help="Length of a chunk in seconds, 5 to 10.")] = 8.0
    """Length of a chunk, 5 to 10 s."""
    overlap: float = 0.25
    """How long neighbouring chunks are crossfaded, in s."""
    section: Annotated[
        float, Option(help="Length of a section in seconds: decides memory.", in_separate=True)
    ] = 300.0
    """Length of a section, the unit of work, in s; decides memory, never the sound."""
    uniform: Annotated[bool, Option(help="Space amounts by what is heard.")] = True
    """Whether amounts are spaced by what is heard rather than by the backend's own scale."""
    tail: Annotated[
        str,
        Option(
            metavar="SECONDS|auto",
            help="Makes the result longer, so that a reverb rings out; auto: as long as it rings.",
        ),
    ] = "0"
    """By how many seconds the result is longer than its input; auto: as long as the tones ring
    on."""
    format: Annotated[
        str | None,
        Option(help="Output container (wav, flac, aiff, caf, w64, rf64, ogg).", in_separate=True),
    ] = None
    """Container of the output (wav, flac, ...); None keeps the input's."""
    subtype: Annotated[
        str | None,
        Option(help="Output sample format (PCM_16, PCM_24, PCM_32, FLOAT, ...).", in_separate=True),
    ] = None
    """Sample format of the output (PCM_24, FLOAT, ...); None keeps the input's."""
    channels: Annotated[
        tuple[int, int] | None,
        Option(
            help="Which two channels to take, from 1: 1,2; 2,1 swaps stereo.",
            metavar="N,N",
            parse=parse_channels,
            in_separate=True,
        ),
    ] = None
    """Which two channels (from 0) of a file that has two, which (1, 0) swaps, or more."""
    device: Annotated[str, Option(help="auto, cpu, cuda or mps.", in_separate=True)] = "auto"
    """auto, cpu, cuda, mps."""
    shifts: Annotated[
        int,
        Option(help="Demucs: time offsets to average over (slower, cleaner).", in_separate=True),
    ] = 0
    """Demucs: how many seeded time offsets to average over (0: none)."""
    seed: Annotated[int, Option(help="Seed of everything that is drawn.", in_separate=True)] = 0
    """Seed of everything that is drawn."""
    offline: Annotated[bool, Option(help="Never touch the network.", in_separate=True)] = False
    """Whether the network must not be used."""
    restoration: Restoration | None = None
    """What is repaired before the guitar is morphed; None: nothing, it is no restoration."""

    @property
    def changes_nothing(self) -> bool:
        """Whether no tone is named: each input would come out as it is."""
        return self.to == self.from_ == AS_RECORDED

    def of_the_stem(self) -> tuple[object, ...]:
        """What of these decides how an input's stem sounds."""
        return (
            self.separator, self.separator_options, self.stem, self.channels, self.device,
            self.shifts, self.seed,
        )  # fmt: skip


def setting_options() -> dict[str, tuple[Any, Option]]:
    """(type, option) of the settings that have an option, by their names, in their order."""
    hints = get_type_hints(Settings, include_extras=True)
    return {
        field.name: (get_args(hint)[0], get_args(hint)[1])
        for field in fields(Settings)
        if get_origin(hint := hints[field.name]) is Annotated
    }


def describe(settings: Settings) -> str:
    """Settings as JSON, for the manifest."""
    return json.dumps(asdict(settings), sort_keys=True, ensure_ascii=False)


def parse_settings(text: str) -> Settings:
    """The inverse of `describe`; settings that are not in the text are as they are by themselves.

    Raises:
        SettingError: it is of another version, or no JSON.
    """
    try:
        values = json.loads(text)
        for name in ("options", "separator_options"):
            values[name] = tuple((key, value) for key, value in values.get(name, ()))
        if values.get("channels"):
            values["channels"] = tuple(values["channels"])
        if values.get("restoration"):
            values["restoration"] = Restoration.of(values["restoration"])
        return make_settings(**values)
    except (TypeError, ValueError, AttributeError) as error:
        raise SettingError(f"settings of another version: {error}") from error


def make_settings(**values: Any) -> Settings:
    """`Settings` from plain values; numbers may stand for amounts.

    Raises:
        SettingError: no such setting.
    """
    known = {f.name for f in fields(Settings)}
    for name in set(values) - known:
        raise SettingError(f"there is no setting {name!r}; there are: {', '.join(sorted(known))}")
    for name in values.keys() & {"amount", "tail"}:
        values[name] = str(values[name])
    return Settings(**values)
