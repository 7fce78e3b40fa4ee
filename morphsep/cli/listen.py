"""``morphsep listen``: listening tests, built, asked and scored."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from morphsep.cli.answers import print_answer, print_result
from morphsep.cli.listen_serve import listen_serve
from morphsep.cli.options import Json, Seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from morphsep.evaluation.listening import Made, Question

listen_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Listening tests: build one, ask listeners, score their answers.",
)


@listen_app.command("make")
def listen_make(
    folder: Annotated[
        str, typer.Argument(metavar="EVAL", help="Folder of evaluation work, with sounds.parquet.")
    ],
    out: Annotated[str, typer.Option("-o", "--out", metavar="TEST", help="Folder for the test.")],
    amount: Annotated[
        list[float] | None, typer.Option(min=0, max=1, help="Amount to ask about. [default: 0.5]")
    ] = None,
    items: Annotated[int, typer.Option(min=1, help="Most items of each transition.")] = 2,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="Backend to ask about, beside the crossfade; all unless told."),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(help="mos, fusion, position or quality; all unless told."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.5, help="Length of each sound; the shortest item's, 10 at most, unless told."
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Build a listening test from sounds that were evaluated: what is asked, a key, the sounds."""
    from morphsep.evaluation.listening import Plan, make
    from morphsep.storage import location

    plan = Plan(
        seed=seed,
        amounts=amount or (0.5,),
        items=items,
        backends=backend or (),
        questions=_questions(question),
        seconds=seconds,
    )
    made = make(location(folder), location(out), plan)
    facts = {
        "path": out,
        "test": made.test.id,
        "items": made.items,
        "trials": len(made.test.trials),
        "minutes": made.minutes,
        "left_out": made.left_out,
        "checks_listeners": made.checks_listeners,
        "needed": [asdict(each) for each in made.needed],
    }
    print_result(as_json, facts, _lines(made, out))


listen_app.command("serve")(listen_serve)


@listen_app.command("score")
def listen_score(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS...",
            show_default=False,
            help="Files of answers (.jsonl), folders of them, or the test's folder.",
        ),
    ],
    test: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="The test; unless it lies beside the answers."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", metavar="FOLDER", help="Write Parquet tables and Markdown."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score the answers to a listening test. Averages, comparisons, who is excluded and why."""
    from morphsep.evaluation.listening import (
        find_results,
        find_test,
        read_answers,
        read_test,
        report,
        score,
        write_tables,
    )
    from morphsep.storage import location

    found = find_results([location(each) for each in results])
    design = find_test(found) if test is None else read_test(location(test))
    scores = score(read_answers(found, design), design)
    if out is not None:
        write_tables(scores, location(out))
    print_answer(as_json, asdict(scores), report(scores))


def _questions(named: Sequence[str] | None) -> Sequence[Question]:
    from morphsep.errors import SettingError
    from morphsep.evaluation.listening import QUESTIONS

    if odd := [name for name in named or () if name not in QUESTIONS]:
        raise SettingError(f"--question {odd[0]}: there are {', '.join(QUESTIONS)}")
    return [name for name in QUESTIONS if named is None or name in named]


def _lines(made: Made, out: str) -> list[str]:
    from morphsep.evaluation.listening import needed_line

    trials = len(made.test.trials)
    return [
        f"{out}: {made.items} items, {trials} trials, about {made.minutes:.0f} minutes a listener",
        *(f"left out: {why} ({count} times)" for why, count in sorted(made.left_out.items())),
        *map(needed_line, made.needed),
        *([] if made.checks_listeners else [_UNCHECKED]),
    ]


_UNCHECKED = "nothing checks the listeners: who clicks anywhere is counted; ask about position, too"
