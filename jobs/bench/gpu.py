"""What models cost on a GPU, in one run of less than eight minutes.

    python -m jobs.bench.gpu [--parts demucs,roformer,separators,...] [--budget 450]

demucs: a song through the published code (``demucs.apply.apply_model``, float32) and through ours,
at several precisions and batch sizes: seconds, how many times as fast, peak memory, and the error
against the published code's float32.
roformer: a BS-RoFormer of six stems, by MSST's own code where that is installed, and by ours, in
full and in half precision.
separators: our other separators with weights, on the device against the CPU.
music2latent: encoding and decoding against the package (``jobs.bench.music2latent speed``).
compiled: a batch of segments through our model, eager and compiled with CUDA graphs; compiling may
take minutes, so this comes last.

Weights are random and full-size: speed does not depend on them. Each line is printed as soon as it
is known; what the budget of seconds has no room for is left out and said. ``--tiny`` and
``--device cpu`` try the script itself. Prints Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.bench.gpu_costs import HEAD, Bench, Cost, line, measured, named
from jobs.bench.gpu_roformer import roformer
from jobs.bench.separate_child import SOURCE
from morphsep.dsp import MODEL_RATE, Signal

if TYPE_CHECKING:
    from morphsep.separators.demucs import Demucs
    from morphsep.testing import ArrayMix

Context = Callable[[], AbstractContextManager[Any]]
BATCHES = (1, 2, 4, 8, 16)
OTHERS = ("embedded",)


def main() -> None:
    """Read the command line and run the parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, by comma")
    parser.add_argument("--budget", type=float, default=450.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=120.0, help="length of the song")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small models, two batch sizes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="morphsep-gpu-") as folder:
        bench = Bench(
            device=arguments.device, folder=Path(folder), seconds=arguments.seconds,
            batches=BATCHES[:2] if arguments.tiny else BATCHES, tiny=arguments.tiny,
            budget=arguments.budget,
        )  # fmt: skip
        print(f"{named(bench.device)}\n", flush=True)
        for name in arguments.parts.split(","):
            print(f"### {name}\n", flush=True)
            if bench.has_time(name):
                PARTS[name](bench)
            print(flush=True)


def song(bench: Bench) -> ArrayMix:
    """Noise in stereo whose level moves, as a separator sees it."""
    from morphsep.testing import ArrayMix

    length = round(bench.seconds * MODEL_RATE)
    noise = np.random.default_rng(0).standard_normal((2, length), np.float32)
    level = 0.1 + 0.05 * np.sin(np.arange(length) / MODEL_RATE)
    return ArrayMix((noise * level).astype(np.float32))


def checkpoint(bench: Bench) -> Path:
    """The folder of an htdemucs_6s with random weights."""
    from tests.checkpoints import write_htdemucs

    folder = bench.folder / "htdemucs_6s"
    return folder if folder.exists() else write_htdemucs(folder, "yaml+th", full=not bench.tiny)


def precisions(device: str) -> Iterator[tuple[str, Context]]:
    """Arithmetics by name, as contexts."""
    import torch

    kind = torch.device(device).type
    yield "float32", nullcontext
    for dtype in (torch.bfloat16, torch.float16) if kind == "cuda" else (torch.bfloat16,):
        yield str(dtype).removeprefix("torch."), partial(torch.autocast, kind, dtype)


def published(bench: Bench, mix: ArrayMix) -> Cost:
    """The guitar by demucs' own code."""
    import torch
    from demucs.apply import apply_model
    from demucs.pretrained import get_model

    folder = checkpoint(bench)
    bag = get_model(next(folder.glob("*.yaml")).stem, repo=folder)
    wave = torch.from_numpy(mix.samples)
    mean, std = wave.mean(0).mean(), wave.mean(0).std() + 1e-8

    def work() -> Signal:
        with torch.inference_mode():
            made = apply_model(bag, ((wave - mean) / std)[None], shifts=0, device=bench.device)
        result: Signal = (made[0, bag.sources.index(SOURCE)].cpu() * std + mean).numpy()
        return result

    return measured(bench, work)


def ours(bench: Bench, batch: int) -> Demucs:
    """Our separator as it is on a GPU; segments one batch after the other, in this thread."""
    from morphsep.separators.demucs import Demucs
    from morphsep.separators.demucs.fast.transformations import ELSEWHERE

    return Demucs(
        f"{checkpoint(bench)}:{SOURCE}", device=bench.device, batch_size=batch, lanes=1,
        optimise=ELSEWHERE,
    )  # fmt: skip


def demucs(bench: Bench) -> None:
    """The table of precisions and batch sizes."""
    mix = song(bench)
    base = published(bench, mix)
    print(f"{bench.seconds:g} s of stereo\n\n{HEAD}")
    print(line("published, float32", base, base, bench.seconds), flush=True)
    for precision, context in precisions(bench.device):
        for batch in bench.batches:
            name = f"ours, {precision}, batch {batch}"
            if not bench.has_time(name):
                return
            separator = ours(bench, batch)

            def work(separator: Demucs = separator, context: Context = context) -> Signal:
                with context():
                    return separator.separate(mix, 0, mix.num_samples)

            print(line(name, measured(bench, work), base, bench.seconds), flush=True)


def separators(bench: Bench) -> None:
    """Our other separators with weights, on the device against the CPU."""
    from morphsep.request import describe_plugins, load_plugin

    mix = song(bench)
    installed = {plugin["name"] for plugin in describe_plugins("separator")}
    print(f"{bench.seconds:g} s of stereo\n\n{HEAD}")
    for name in OTHERS:
        if name not in installed:
            print(f"not installed: {name}")
            continue
        base = None
        for device in ("cpu", bench.device):
            separator = load_plugin("separator", name, device=device)
            cost = measured(bench, partial(separator.separate, mix, 0, mix.num_samples))
            base = base or cost
            print(line(f"{name}, {device}", cost, base, bench.seconds), flush=True)


def music2latent(bench: Bench) -> None:
    """Encoding and decoding against the package, and float16 against float32."""
    from jobs.bench.music2latent import speed
    from tests.music2latent_checkpoints import checkpoint as random_codec

    speed(random_codec(), 0.2 if bench.tiny else 8.0, 2)


def compiled(bench: Bench) -> None:
    """One batch of segments through our model, eager and compiled, at the lowest precision."""
    import torch

    from morphsep.separators.demucs.checkpoints import load
    from morphsep.separators.demucs.fast.transformations import ELSEWHERE, transform

    file = next(checkpoint(bench).glob("*.th"))
    device = torch.device(bench.device)
    model: Any = load(file)
    index = transform(model, model.sources.index(SOURCE), ELSEWHERE)
    model = model.to(device)
    length = int(model.segment * MODEL_RATE)
    batch = torch.from_numpy(song(bench).samples[:, :length]).to(device)
    batch = batch.repeat(bench.batches[-1], 1, 1)
    *_, (lowest, half) = precisions(bench.device)
    ways = {"float32": (model, nullcontext), lowest: (model, half)}
    ways[f"{lowest}, compiled"] = torch.compile(model, mode="reduce-overhead"), half
    print(f"{len(batch)} segments of {length / MODEL_RATE:.1f} s\n\n{HEAD}")
    base = None
    for name, (callee, context) in ways.items():
        if not bench.has_time(name):
            return

        def work(callee: Any = callee, context: Context = context) -> Signal:
            with torch.inference_mode(), context():
                result: Signal = callee(batch)[:, index].float().cpu().numpy()
                return result

        began = time.perf_counter()
        work()
        first = time.perf_counter() - began
        cost = measured(bench, work)
        base = base or cost
        print(line(f"{name} (first {first:.1f} s)", cost, base, len(batch) * length / MODEL_RATE))


PARTS: dict[str, Callable[[Bench], None]] = {
    "demucs": demucs,
    "roformer": lambda bench: roformer(bench, song(bench)),
    "separators": separators,
    "music2latent": music2latent,
    "compiled": compiled,
}
if __name__ == "__main__":
    main()
