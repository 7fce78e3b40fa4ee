"""What came of an evaluation: tables in Parquet, and a report in Markdown."""

from morphsep.evaluation.results.measures import MEASURES, Measure
from morphsep.evaluation.results.numbers import shown
from morphsep.evaluation.results.reporting import Results, reasons, report
from morphsep.evaluation.results.scores import ALL, KNOB, Average, Score, average, number
from morphsep.evaluation.results.writing import write_results

__all__ = [
    "ALL",
    "KNOB",
    "MEASURES",
    "Average",
    "Measure",
    "Results",
    "Score",
    "average",
    "number",
    "reasons",
    "report",
    "shown",
    "write_results",
]
