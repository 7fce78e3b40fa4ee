"""Data sets made for tests, and read back by hand."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from morphsep.dataset import Generated, Running, Wanted, generate
from morphsep.dataset.recipe import parse_recipe
from morphsep.request import Settings, collect
from morphsep.run import settle_jobs
from morphsep.storage import location

ALONE = Settings(separator="none")
RECIPE = """
clip_seconds: 1.5
clips_per_song: 2
splits: {train: 0.5, test: 0.5}
render:
  - ladder: {from: clean, to: overdrive, steps: 3, crossfades: yes}
  - tones: [tremolo]
  - chains: {per_clip: 2, pedals: [{Drive: {drive_db: [3, 30]}}]}
"""


def made(sources: Path | str, out: Path, text: str = RECIPE, **others: Any) -> Generated:
    """A data set of guitars that are alone."""
    running = others.pop("running", Running())
    settings = others.pop("settings", ALONE)
    jobs = settle_jobs(collect([str(sources)], out, settings, "generate"))
    recipe = replace(parse_recipe(text, "recipe.yaml"), sound=others.pop("sound", True))
    wanted = Wanted(recipe=recipe, text=text, **others)
    return generate(jobs, location(out), wanted, running)


def rows_of(out: Path, split: str = "*") -> pa.Table:
    return pa.concat_tables(pq.read_table(file) for file in sorted(out.glob(f"data/{split}-*")))


def digests(out: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((out / "data").iterdir())
    }


def decoded(sound: dict[str, Any]) -> np.ndarray:
    samples, _ = soundfile.read(io.BytesIO(sound["bytes"]), dtype="int32", always_2d=True)
    return np.asarray(samples)
