"""The executors local and ray on one machine, with real songs: part of jobs.bench.scaling."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def laptop(quick: bool) -> None:
    """Time whole commands on this machine with both executors and separators of the real size (a
    small one would flatter Ray)."""
    sys.path.insert(0, str(ROOT))
    from tests.checkpoints import write_htdemucs

    seconds = 20 if quick else 60
    print("| separator | songs | local | ray | ray / local |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
        runs = [("embedded", number) for number in ((1, 4) if quick else (1, 4, 16))]
        if not quick:
            write_htdemucs(Path(folder, "model"), full=True)
            runs += [(f"demucs:{folder}/model", number) for number in (1, 5)]
        for separator, number in runs:
            name = separator.partition(":")[0]
            here = Path(folder, f"{name}-{number}")
            _songs(here, number, seconds)
            spent = [_command(here, executor, separator) for executor in ("local", "ray")]
            print(
                f"| {name} | {number} of {seconds} s | {spent[0]:.1f} s | {spent[1]:.1f} s "
                f"| {spent[1] / spent[0]:.2f} |",
                flush=True,
            )


def _songs(folder: Path, number: int, seconds: int) -> None:
    import numpy as np
    import soundfile

    clip, rate = soundfile.read(ROOT / "demo" / "metal-madness.ogg", dtype="float32")
    folder.mkdir()
    for n in range(number):
        parts = [clip] * (1 + seconds * rate // len(clip))
        song = np.concatenate(parts)
        soundfile.write(folder / f"{n}.wav", song[n * 100 : n * 100 + seconds * rate], rate)


def _command(folder: Path, executor: str, separator: str) -> float:
    out = folder.with_name(f"{folder.name}-{executor}")
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "morphsep", "morph", str(folder), "-o", str(out),
         "--to", "chorus", "--amount", "0.5", "--separator", separator,
         "--executor", executor, "--workers", f"1-{os.cpu_count()}"],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    return time.perf_counter() - began
