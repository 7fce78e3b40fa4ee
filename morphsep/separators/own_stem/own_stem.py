"""``stem``: the user's own stem, aligned with the mix, or refused with a reason."""

from __future__ import annotations

from morphsep.dsp import Signal
from morphsep.errors import TrackError
from morphsep.separators.own_stem.alignment import Fit
from morphsep.separators.own_stem.file import StemFile, StemFiles
from morphsep.separators.own_stem.fit import find, read_finite
from morphsep.separators.own_stem.misfit import MAX_LAG, MAX_LEVEL_DB, REACH
from morphsep.separators.own_stem.path import check_stem_pattern, resolve_stem
from morphsep.separators.separator import Mix

__all__ = ["OwnStem", "check_stem_pattern", "resolve_stem"]


class OwnStem:
    """Reads ``Mix.stem_path``, aligned with the mix once per track by a whole number of samples.

    A stem of 44.1 kHz that needs no shift comes back bit for bit. A mono stem of a stereo mix is
    duplicated, a stereo stem of a mono mix averaged. A silent stem is a valid one.
    """

    name = "stem"
    description = "your own stem (--stem), aligned with the mix or refused"
    licence = "Apache-2.0"
    weights_hash: str | None = None
    exact = True

    def __init__(self) -> None:
        self._files = StemFiles()
        self._fits: dict[tuple[object, ...], Fit | None] = {}

    def fingerprint(self) -> str:
        """The rules only: `stages` puts the digest of the stem's file into the key separately."""
        return f"stem/2 reach={REACH} max_lag={MAX_LAG} max_level_db={MAX_LEVEL_DB}"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The stem at the mix's samples [start, stop), ``[C, stop - start]``; zeros outside it.

        Raises:
            TrackError: ``stem_not_found``; ``stem_does_not_fit``; ``non_finite``.
        """
        with self._files.open(_path(mix)) as stem:
            found = self._fit(mix, stem)
            lag = found.lag if found else 0
            return read_finite(stem, start - lag, stop - start, mix.num_channels)

    def alignment(self, mix: Mix) -> Fit | None:
        """How the stem lies in the mix; None where there is nothing to align (silent, very short).

        Raises:
            TrackError: as ``separate``.
        """
        with self._files.open(_path(mix)) as stem:
            return self._fit(mix, stem)

    def _fit(self, mix: Mix, stem: StemFile) -> Fit | None:
        key = (stem.identity, mix.num_samples, mix.num_channels, mix.mean, mix.std)
        if key not in self._fits:
            found = find(mix, stem)
            while len(self._fits) >= 64:
                del self._fits[next(iter(self._fits))]
            self._fits[key] = found
        return self._fits[key]


def _path(mix: Mix) -> str:
    if mix.stem_path is None:
        raise TrackError(
            "stem_not_found",
            "No stem is named for this track: use --stem or the list's stem column.",
        )
    return mix.stem_path
