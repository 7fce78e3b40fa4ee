"""What morphing the guitar adds to a repaired recording."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from morphsep.access.depth import Depth, Exact
from morphsep.access.differences import Difference, write_difference
from morphsep.access.doing import Done, keep_done, versions_of, whole_in
from morphsep.access.parts import GENERATED, AccessCopy, Part
from morphsep.access.sounds import Sound
from morphsep.backends import BackendTraits
from morphsep.dsp import MODEL_RATE, dbfs
from morphsep.errors import TrackError
from morphsep.morphing import Read, Recipe, put_back
from morphsep.request import TIMBRE
from morphsep.restoration import surviving_band, within
from morphsep.storage import Location


def timbre(repaired: AccessCopy, recipe: Recipe, change: Read, folder: Location) -> Part:
    """The morph as a step. What it adds is written to a folder, unless it lies there.

    Args:
        repaired: what the repairs make.
        change: what is added to the guitar, at 44.1 kHz.

    Raises:
        TrackError: it would exceed full scale, or the disk is full.
    """
    done = whole_in(folder)
    if done is None:
        began, asked = time.perf_counter(), recipe.settings
        with repaired.sound() as sound:
            if not repaired.extends:
                change = within(change, MODEL_RATE, surviving_band(sound))
            difference = _morphed(sound, change, repaired.depth)
            written = write_difference(
                folder, sound.info, difference, repaired.depth, lambda sample: None
            )
        done = Done(
            step=TIMBRE, fingerprint=recipe.warp_key, findings=_found(recipe),
            summary=f"the guitar from {asked.from_} towards {asked.to}, amount {asked.amount}",
            written=written, seconds=time.perf_counter() - began, at=time.time(),
            options={"from": asked.from_, "to": asked.to, "amount": asked.amount},
            versions=versions_of(TIMBRE),
        )  # fmt: skip
        keep_done(folder, done)
    return Part(done=done, layer=done.layer(folder))


def _found(recipe: Recipe) -> dict[str, Any]:
    asked = recipe.settings
    return {
        "separator": asked.separator, "backend": recipe.backend.name, "amount": asked.amount,
        GENERATED: BackendTraits.of(recipe.backend).device is not None,
    }  # fmt: skip


def _morphed(sound: Sound, change: Read, depth: Depth) -> Difference:
    def difference(start: int, num_samples: int) -> Exact:
        before = sound.exact(start, num_samples)
        after = put_back(before, start, change, sound.info.sample_rate)
        _check_fits(after, depth)
        return np.where(after == before, 0.0, depth.settle(after) - before)

    return difference


def _check_fits(samples: Exact, depth: Depth) -> None:
    """
    Raises:
        TrackError: beyond full scale; a gain would change what is not repaired.
    """
    if (over := depth.overshoot(samples)) > 1.0:
        raise TrackError(
            "would_clip",
            f"with the guitar morphed it would exceed full scale by {dbfs(over):.2f} dB, and an "
            "access copy gets no gain; use a smaller --amount",
        )
