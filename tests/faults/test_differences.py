"""What counts as the same result, on one kind of CPU and on two."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import morphsep
from morphsep import manifest
from tests import songs
from tests.faults.disasters import differences


@pytest.mark.parametrize(
    ("subtype", "apart", "cpu", "same"),
    [
        ("FLOAT", 0.0, "one", True), ("FLOAT", 5e-7, "one", False),
        ("FLOAT", 5e-7, "another", True), ("FLOAT", 2e-6, "another", False),
        ("PCM_16", 2**-15, "one", False), ("PCM_16", 2**-15, "another", True),
        ("PCM_16", 2**-14, "another", False),
    ],
)  # fmt: skip
def test_the_same_bytes_on_one_kind_of_cpu_and_the_same_sound_on_two(
    tmp_path: Path, subtype: str, apart: float, cpu: str, same: bool
) -> None:
    path = songs.write(tmp_path / "a.wav", songs.guitar(1.0), subtype=subtype)
    folders = tmp_path / "out", tmp_path / "reference"
    for folder in folders:
        row = morphsep.morph_file(path, folder, to="fuzz", separator="none", uniform=False)
    out = folders[0]
    audio = songs.read(out / "a.wav")
    if apart:  # towards silence, so that nothing clips
        songs.write(out / "a.wav", audio - apart * np.sign(audio + 1e-9), subtype=subtype)
    versions = json.loads(row.versions)
    if cpu == "another":
        versions["cpu"].append("another kind")
    chunks = manifest.read_chunks(out)
    manifest.commit(out, replace(row, versions=json.dumps(versions)), chunks)
    found = differences(*folders)
    assert found == ([] if same else ["a.wav is another"])
