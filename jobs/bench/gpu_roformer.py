"""RoFormers in ``jobs.bench.gpu``: MSST's own code, where it is installed, and ours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.bench import roformer_peer
from jobs.bench.gpu_costs import HEAD, Bench, Cost, line, measured

if TYPE_CHECKING:
    from morphsep.testing import ArrayMix
    from tests.roformer_checkpoints import Size

GUITAR = 4
"""Among the six stems of the model."""


def roformer(bench: Bench, mix: ArrayMix) -> None:
    """The guitar of a model of six stems, in full and in half precision, by batch size."""
    import torch

    from morphsep.separators.roformer import RoFormer
    from tests.roformer_checkpoints import write_roformer

    size: Size = "tiny-bs" if bench.tiny else "sw"
    folder = write_roformer(bench.folder / "roformer", size)
    print(f"{bench.seconds:g} s of stereo\n\n{HEAD}")
    base: Cost | None = None
    precisions = (False, True) if torch.device(bench.device).type == "cuda" else (False,)
    for half in precisions if roformer_peer.is_installed() else ():
        peer = roformer_peer.load(folder, keep=GUITAR, device=bench.device, half=half)
        cost = measured(bench, partial(peer, mix.samples))
        base = base or cost
        print(line(f"MSST, {_named(half)}", cost, base, bench.seconds), flush=True)
    for half in precisions:
        for batch in bench.batches:
            name = f"ours, {_named(half)}, batch {batch}"
            if not bench.has_time(name):
                return
            separator = RoFormer(str(folder), device=bench.device, batch_size=batch, half=half)
            cost = measured(bench, partial(separator.separate, mix, 0, mix.num_samples))
            base = base or cost
            print(line(name, cost, base, bench.seconds), flush=True)


def _named(half: bool) -> str:
    return "float16" if half else "float32"
