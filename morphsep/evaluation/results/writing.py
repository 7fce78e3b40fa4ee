"""Everything that an evaluation leaves beside its sounds."""

from __future__ import annotations

from morphsep.evaluation.page import write_report
from morphsep.evaluation.results.listening import players
from morphsep.evaluation.results.reporting import Results, report
from morphsep.evaluation.results.scores import write_averages, write_scores
from morphsep.storage import Location


def write_results(folder: Location, results: Results) -> None:
    """Writes `scores.parquet`, `summary.parquet`, `report.md` and `report.html`; the sounds and
    their table are there.

    Raises:
        SettingError: the sounds cannot be read.
    """
    write_scores(folder, results.scores)
    write_averages(folder, results.averages)
    blocks = list(report(results))
    title = f"Evaluation: {results.task.title}"
    write_report(folder, title, blocks, [*blocks, *players(folder, results)])
