"""``morphsep lora``: training adapters for the backend `diffusion`, and looking at them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.answers import exit_code, print_answer, print_lines, print_result
from morphsep.cli.derived import derived
from morphsep.cli.options import Device, Json, Offline, Seed, Weights
from morphsep.cli.running import ClusterOptions

if TYPE_CHECKING:
    from morphsep.backends.diffusion.training import Recipe, Running

lora_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="LoRA adapters for the backend diffusion: train one for a pair of tones.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """What is trained, and how. Each field is an option."""

    variant: Annotated[
        str, typer.Option(help="one-sided: one for both tones; two-sided: one for each.")
    ] = "one-sided"
    weights: Weights = None
    prompt: Annotated[str | None, typer.Option(help="What textual inversion begins with.")] = None
    inversion_steps: Annotated[
        int, typer.Option(help="Steps of textual inversion, for each clip.")
    ] = 2500
    steps: Annotated[int, typer.Option(help="Steps of the conditional adapter.")] = 150
    rank: Annotated[
        int | None, typer.Option(help="Its rank: 4 for one-sided, 2 for two-sided, unless told.")
    ] = None
    unconditional_steps: Annotated[
        int, typer.Option(help="Steps of the unconditional adapter.")
    ] = 15
    unconditional_rank: Annotated[int, typer.Option(help="Its rank.")] = 2
    rate: Annotated[float, typer.Option(help="Learning rate of the adapters.")] = 1e-3
    seconds: Annotated[float, typer.Option(help="Length of the excerpts of longer clips.")] = 10.0
    seed: Seed = 0
    half: Annotated[bool, typer.Option("--half", help="bfloat16; on a GPU only.")] = False
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Less memory, more time.")
    ] = False
    device: Device = "auto"
    offline: Offline = False
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Go on where a killed training stopped.")
    ] = True

    def recipe(self) -> Recipe:
        """
        Raises:
            SettingError: a value is out of its range.
        """
        from morphsep.backends.diffusion.training import PROMPT, Recipe, checked_variant

        return Recipe(
            variant=checked_variant(self.variant),
            prompt=PROMPT if self.prompt is None else self.prompt,
            inversion_steps=self.inversion_steps, steps=self.steps, rank=self.rank,
            unconditional_steps=self.unconditional_steps,
            unconditional_rank=self.unconditional_rank, rate=self.rate, seconds=self.seconds,
            seed=self.seed, half=self.half,
        )  # fmt: skip

    def running(self) -> Running:
        """How the training is run."""
        from morphsep.backends.diffusion.training import Running

        return Running(
            device=self.device, offline=self.offline, resume=self.resume,
            gradient_checkpointing=self.gradient_checkpointing,
        )  # fmt: skip

    def model(self) -> str:
        """The folder or the hub name of the model that is trained."""
        from morphsep.backends.diffusion import DEFAULT_WEIGHTS

        asked = self.weights or DEFAULT_WEIGHTS
        folder = Path(asked).expanduser()
        # a worker of a cluster has another working directory
        return str(folder.absolute()) if folder.is_dir() else asked


@lora_app.callback()
def lora() -> None:
    """LoRA adapters for the backend diffusion: train one for a pair of tones."""


@lora_app.command()
@derived()
def train(
    source: Annotated[str, typer.Option(help="A clip of the tone to morph from, 5 to 10 s.")],
    target: Annotated[str, typer.Option(help="A clip of the tone to morph towards.")],
    out: Annotated[str, typer.Option("-o", "--out", help="Folder for the adapter.")],
    training: TrainingOptions,
    as_json: Json = False,
) -> None:
    """Train adapters on two clips. The same command again goes on where it stopped."""
    from morphsep.backends.diffusion.training import train as run
    from morphsep.cli import lora_display as display

    recipe = training.recipe()
    with display.progress(recipe, quiet=as_json) as on_step:
        adapter = run(source, target, training.model(), out, recipe, training.running(), on_step)
    print_result(as_json, display.facts(adapter), display.lines(adapter))


@lora_app.command("train-many")
@derived()
def train_many(
    pairs: Annotated[
        str,
        typer.Argument(
            help="A list (.csv, .tsv, .jsonl, .parquet) with the columns source, target, out."
        ),
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", help="File for one row of result a pair (.csv, .parquet).")
    ],
    training: TrainingOptions,
    cluster: ClusterOptions,
    as_json: Json = False,
) -> None:
    """Train an adapter for each pair of a list. Side by side where there is a Ray cluster."""
    from morphsep import run

    listed = run.read_pairs(pairs)
    work = run.TrainPair(
        weights=training.model(), recipe=training.recipe(), running=training.running()
    )
    results = list[run.Result]()
    for result in run.train_many(listed, work, cluster.executor, cluster.pool()):
        results.append(result)
        run.write_results(out, listed, results)
        if not as_json:
            reason = f"  {result.reason}" * bool(result.reason)
            print_lines([f"{result.status:8} {result.out}{reason}"])
    failed = sum(result.status == "failed" for result in results)
    line = f"{len(results)} pairs, {failed} failed: {out}"
    print_result(as_json, [asdict(result) for result in results], [line])
    raise typer.Exit(exit_code(failed=failed, done=len(results) - failed))


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
