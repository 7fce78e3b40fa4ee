"""``morphsep lora``: training adapters for the backend `diffusion`, and looking at them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from morphsep.cli.answers import print_answer, print_lines, print_result
from morphsep.cli.options import (
    Address,
    Device,
    ExecutorName,
    Gpus,
    Json,
    Offline,
    Seed,
    Weights,
    Workers,
)
from morphsep.cli.running import Running as RunningOptions

if TYPE_CHECKING:
    from morphsep.backends.diffusion.training import Recipe

lora_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="LoRA adapters for the backend diffusion: train one for a pair of tones.",
)

Variant = Annotated[
    str, typer.Option(help="one-sided: one for both tones; two-sided: one for each.")
]
Prompt = Annotated[str | None, typer.Option(help="What textual inversion begins with.")]
InversionSteps = Annotated[int, typer.Option(help="Steps of textual inversion, for each clip.")]
Steps = Annotated[int, typer.Option(help="Steps of the conditional adapter.")]
Rank = Annotated[
    int | None, typer.Option(help="Its rank: 4 for one-sided, 2 for two-sided, unless told.")
]
UnconditionalSteps = Annotated[int, typer.Option(help="Steps of the unconditional adapter.")]
UnconditionalRank = Annotated[int, typer.Option(help="Its rank.")]
Rate = Annotated[float, typer.Option(help="Learning rate of the adapters.")]
Seconds = Annotated[float, typer.Option(help="Length of the excerpts of longer clips.")]
Half = Annotated[bool, typer.Option("--half", help="bfloat16; on a GPU only.")]
Checkpointing = Annotated[
    bool, typer.Option("--gradient-checkpointing", help="Less memory, more time.")
]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on where a killed training stopped.")
]


@lora_app.callback()
def lora() -> None:
    """LoRA adapters for the backend diffusion: train one for a pair of tones."""


@lora_app.command()
def train(
    source: Annotated[str, typer.Option(help="A clip of the tone to morph from, 5 to 10 s.")],
    target: Annotated[str, typer.Option(help="A clip of the tone to morph towards.")],
    out: Annotated[str, typer.Option("-o", "--out", help="Folder for the adapter.")],
    variant: Variant = "one-sided",
    weights: Weights = None,
    prompt: Prompt = None,
    inversion_steps: InversionSteps = 2500,
    steps: Steps = 150,
    rank: Rank = None,
    unconditional_steps: UnconditionalSteps = 15,
    unconditional_rank: UnconditionalRank = 2,
    rate: Rate = 1e-3,
    seconds: Seconds = 10.0,
    seed: Seed = 0,
    half: Half = False,
    gradient_checkpointing: Checkpointing = False,
    device: Device = "auto",
    offline: Offline = False,
    resume: Resume = True,
    as_json: Json = False,
) -> None:
    """Train adapters on two clips. The same command again goes on where it stopped."""
    from morphsep.backends.diffusion.training import Running
    from morphsep.backends.diffusion.training import train as run
    from morphsep.cli import lora_display as display

    recipe = _recipe(
        variant=variant, prompt=prompt, inversion_steps=inversion_steps, steps=steps, rank=rank,
        unconditional_steps=unconditional_steps, unconditional_rank=unconditional_rank, rate=rate,
        seconds=seconds, seed=seed, half=half,
    )  # fmt: skip
    running = Running(
        device=device, offline=offline, resume=resume,
        gradient_checkpointing=gradient_checkpointing,
    )  # fmt: skip
    with display.progress(recipe, quiet=as_json) as on_step:
        adapter = run(source, target, _weights(weights), out, recipe, running, on_step)
    print_result(as_json, display.facts(adapter), display.lines(adapter))


@lora_app.command("train-many")
def train_many(
    pairs: Annotated[
        str, typer.Argument(help="A list (.csv, .parquet) with the columns source, target, out.")
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", help="File for one row of result a pair (.csv, .parquet).")
    ],
    variant: Variant = "one-sided",
    weights: Weights = None,
    prompt: Prompt = None,
    inversion_steps: InversionSteps = 2500,
    steps: Steps = 150,
    rank: Rank = None,
    unconditional_steps: UnconditionalSteps = 15,
    unconditional_rank: UnconditionalRank = 2,
    rate: Rate = 1e-3,
    seconds: Seconds = 10.0,
    seed: Seed = 0,
    half: Half = False,
    gradient_checkpointing: Checkpointing = False,
    device: Device = "auto",
    offline: Offline = False,
    resume: Resume = True,
    executor: ExecutorName = "auto",
    address: Address = None,
    workers: Workers = None,
    gpus: Gpus = None,
    as_json: Json = False,
) -> None:
    """Train an adapter for each pair of a list. Side by side where there is a Ray cluster."""
    from morphsep import run
    from morphsep.backends.diffusion.training import Running

    recipe = _recipe(
        variant=variant, prompt=prompt, inversion_steps=inversion_steps, steps=steps, rank=rank,
        unconditional_steps=unconditional_steps, unconditional_rank=unconditional_rank, rate=rate,
        seconds=seconds, seed=seed, half=half,
    )  # fmt: skip
    running = Running(
        device=device, offline=offline, resume=resume,
        gradient_checkpointing=gradient_checkpointing,
    )  # fmt: skip
    listed = run.read_pairs(pairs)
    pool = RunningOptions(address=address, workers=workers, gpus=gpus).pool()
    work = run.TrainPair(weights=_weights(weights), recipe=recipe, running=running)
    results = list[run.Result]()
    for result in run.train_many(listed, work, executor, pool):
        results.append(result)
        run.write_results(out, listed, results)
        if not as_json:
            reason = f"  {result.reason}" * bool(result.reason)
            print_lines([f"{result.status:8} {result.out}{reason}"])
    failed = sum(result.status == "failed" for result in results)
    line = f"{len(results)} pairs, {failed} failed: {out}"
    print_result(as_json, [asdict(result) for result in results], [line])
    raise typer.Exit(0 if not failed else 3 if failed == len(results) else 2)


@lora_app.command()
def show(
    adapter: Annotated[str, typer.Argument(help="A folder that `train` has written.")],
    as_json: Json = False,
) -> None:
    """What an adapter was trained on, and how well. Checks that its files are whole."""
    from morphsep.backends.diffusion.lora import read_adapter
    from morphsep.cli import lora_display as display

    found = read_adapter(adapter)
    print_answer(as_json, display.facts(found), display.lines(found))


def _recipe(*, variant: str, prompt: str | None, **values: Any) -> Recipe:
    from morphsep.backends.diffusion.training import PROMPT, Recipe, checked_variant

    asked = PROMPT if prompt is None else prompt
    return Recipe(variant=checked_variant(variant), prompt=asked, **values)


def _weights(asked: str | None) -> str:
    from morphsep.backends.diffusion import DEFAULT_WEIGHTS

    folder = Path(asked or DEFAULT_WEIGHTS).expanduser()
    # a worker of a cluster has another working directory
    return str(folder.absolute()) if folder.is_dir() else asked or DEFAULT_WEIGHTS
