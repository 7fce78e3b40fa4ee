"""What came of an evaluation: tables in Parquet, and a report in Markdown."""

from morphsep.evaluation.results.measures import MEASURES, Measure
from morphsep.evaluation.results.reporting import KNOB, Results, report, write_results
from morphsep.evaluation.results.scores import ALL, Average, Score, average

__all__ = [
    "ALL",
    "KNOB",
    "MEASURES",
    "Average",
    "Measure",
    "Results",
    "Score",
    "average",
    "report",
    "write_results",
]
