"""The recipe: settings made into things, before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from morphsep import request
from morphsep.dsp import MODEL_RATE, Grid, model_length, samples
from morphsep.morphing.plugins import build_backend, build_separator
from morphsep.morphing.ranges import AUTO, check_ranges
from morphsep.morphing.repairs import Repair, build_repairs
from morphsep.request import AS_RECORDED, Settings
from morphsep.separators import SeparatorTraits
from morphsep.storage import digest

if TYPE_CHECKING:
    from morphsep.backends import Backend
    from morphsep.separators import Separator
    from morphsep.tones import Tone

CODE_SCHEMA = 1
"""Goes into every key. Raised whenever a change of code changes what a setting sounds like."""

FIT_SCHEMA = 4
"""The same of what changes morphs and leaves stems alone."""

ESTIMATE_SCHEMA = 1
"""The same of what is done only where the stem is an estimate."""

REPAIR_SCHEMA = 1
"""The same of how repairs and their differences are written."""

END_SCHEMA = 1
"""The same of how results end whose tones ring on."""

FOLLOW_SCHEMA = 1
"""The same of amounts that follow the playing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """Settings made into things."""

    settings: Settings
    source: Tone
    target: Tone
    amount: request.Amount
    grid: Grid
    section: int
    """Length of a section in samples at 44.1 kHz."""
    separator: Separator
    backend: Backend
    repairs: tuple[Repair, ...] = ()
    """What is repaired before the guitar is morphed, in this order."""

    @property
    def curve(self) -> request.Curve:
        """The amount over song time. One that follows the playing has to be measured before
        (`morphsep.morphing.with_curve`)."""
        assert isinstance(self.amount, request.Curve)
        return self.amount

    @property
    def morphs(self) -> bool:
        """Whether anything is asked of the guitar."""
        return not (self.settings.changes_nothing or self.amount.is_zero)

    def repair_keys(self, sound: str) -> list[str]:
        """Name what each repair makes of a sound: all that it depends on.

        Args:
            sound: names the input, and the values to which samples are rounded.
        """
        keys: list[str] = []
        for repair in self.repairs:
            before = keys[-1] if keys else digest(sound, self.settings.channels)
            keys.append(digest("repair", REPAIR_SCHEMA, before, repair.fingerprint()))
        return keys

    @property
    def from_recorded(self) -> bool:
        """Whether amount 0 is the stem itself."""
        return self.source.name == AS_RECORDED

    @property
    def is_estimate(self) -> bool:
        """Whether the stem is what a separator takes for the guitar, not the guitar itself."""
        return not SeparatorTraits(self.separator).exact

    @cached_property
    def ringing(self) -> int:
        """Samples at 44.1 kHz for which the tones sound on after the stem has ended."""
        from morphsep.tones import ToneTraits

        if self.amount.is_zero:
            return 0
        ends = [ToneTraits.of(tone).becomes or tone for tone in (self.source, self.target)]
        source, target = (ToneTraits.of(tone).tail for tone in ends)
        if self.amount.constant == 1 or not (source or target):
            return target
        # a room in between may be longer than both
        return max(source, target, self.backend.context(*ends)[0])

    def tail(self, sample_rate: int) -> int:
        """Samples at a track's own rate by which its result is longer; none at amount 0."""
        if self.amount.is_zero:
            return 0
        if self.settings.tail == AUTO:
            return -(-self.ringing * sample_rate // MODEL_RATE)
        return samples(float(self.settings.tail), sample_rate)

    def length(self, num_samples: int, sample_rate: int) -> int:
        """Length at 44.1 kHz of a track's result, in samples.

        Args:
            num_samples: length of the track at its own rate.
        """
        return model_length(num_samples + self.tail(sample_rate), sample_rate)

    def at(self, amount: str) -> Recipe:
        """The recipe, whose own amount is not 0, with another amount; tones and backend stay.

        Raises:
            SettingError: it is no amount.
        """
        from morphsep.request import with_local_files

        assert not self.amount.is_zero
        named = Settings(amount=amount, offline=self.settings.offline)
        asked = request.parse_amount(with_local_files(named).amount)
        return replace(self, settings=replace(self.settings, amount=amount)).with_amount(asked)

    def with_amount(self, amount: request.Amount) -> Recipe:
        """The recipe with another amount, such as the curve that it has come to on one stem."""
        from morphsep.tones import get_tone

        source = get_tone(AS_RECORDED) if amount.is_zero else self.source
        return replace(self, amount=amount, source=source)

    def stem_key(self, content_hash: str, own_stem_hash: str) -> str:
        """Names the stem: all that it depends on, and nothing else."""
        return digest(
            "stem", CODE_SCHEMA, content_hash, own_stem_hash, self._separator_key,
            self.settings.channels,
        )  # fmt: skip

    @cached_property
    def _separator_key(self) -> str:
        return self.separator.fingerprint()

    @cached_property
    def warp_key(self) -> str:
        """Names the perceptual map of this pair of tones, on whatever stem."""
        return digest(
            "warp", CODE_SCHEMA, FIT_SCHEMA, self.source.fingerprint(), self.target.fingerprint(),
            self.backend.fingerprint(),
        )  # fmt: skip

    def key(self, stem_key: str, command: request.Command) -> str:
        """Names the result: all that its samples depend on."""
        s = self.settings
        if command == "separate":
            return digest("separate", stem_key, s.format, s.subtype)
        if command == "generate":
            return digest("generate", stem_key)
        if command == "restore":
            morph = self._morph_key if self.morphs else ()
            repaired = self.repair_keys(stem_key)
            return digest(
                "restore", stem_key, *repaired, s.format, s.subtype, self._extends, *morph
            )
        return digest("track", stem_key, *self._morph_key)

    @property
    def _extends(self) -> bool:
        asked = self.settings.restoration
        return asked is not None and asked.extend

    @property
    def amount_key(self) -> tuple[str, ...]:
        """Names the amount on whatever stem: all that its curve depends on besides."""
        follows = isinstance(self.amount, request.Following)
        return (str(self.amount), *([f"follow {FOLLOW_SCHEMA}"] if follows else []))

    @cached_property
    def _morph_key(self) -> tuple[str, ...]:
        s = self.settings
        amount, *followed = self.amount_key
        parts = (self.warp_key, amount, self.grid, s.uniform, s.format, s.subtype)
        estimate = (f"estimate {ESTIMATE_SCHEMA} {s.protect}",) if self.is_estimate else ()
        return (*map(str, parts), *estimate, *self._end_key, *followed)

    @property
    def _end_key(self) -> tuple[str, ...]:
        """How the result ends; nothing where it ends as any other does. However a number is spelt:
        it is one key."""
        tail = self.settings.tail
        if tail != AUTO:
            tail = f"{float(tail) or 0.0:.17g}"
        plain = self.amount.is_zero or (not self.ringing and tail in (AUTO, "0"))
        return () if plain else (f"end {END_SCHEMA} {tail}",)


@lru_cache(maxsize=1024)
def build(settings: Settings, paths: tuple[tuple[str, str], ...] = ()) -> Recipe:
    """`build_anew`, kept until `forget`: each run reads the files that settings name once."""
    return build_anew(settings, paths)


def build_anew(settings: Settings, paths: tuple[tuple[str, str], ...] = ()) -> Recipe:
    """The recipe of settled settings.

    Args:
        paths: on this machine, of files that settings name (`request.unpack`).

    Raises:
        SettingError: an unknown name, or a value outside its range.
    """
    from morphsep.request import with_local_files
    from morphsep.tones import check_recording, get_tone

    check_ranges(settings)
    local = with_local_files(settings, paths)
    check_recording(local.recording, local.from_, local.to)
    amount = request.parse_amount(local.amount)
    # An amount of 0 in the whole track gives the input back, whatever the tone to morph from.
    source = get_tone(AS_RECORDED) if amount.is_zero else get_tone(local.from_, local.recording)
    target = get_tone(local.to, local.recording)
    return Recipe(
        settings=settings,
        source=source,
        target=target,
        amount=amount,
        grid=Grid(samples(settings.chunk), samples(settings.overlap)),
        section=samples(settings.section),
        separator=build_separator(local),
        backend=build_backend(local, source, target),
        repairs=build_repairs(settings.restoration),
    )
