"""Listening tests: built from rendered sounds, and scored. No real listener has listened yet.

make                         EVAL/sounds.parquet -> TEST: what is asked, and a key
ListeningTest.order          the trials as one listener hears them
Answer                       a line of TEST/results/LISTENER.jsonl
read_answers, score          answers -> tables; `report` and `write_tables` put them on paper
"""

from morphsep.evaluation.listening.answers import (
    RESULTS,
    Answer,
    find_results,
    find_test,
    read_answers,
)
from morphsep.evaluation.listening.choosing import Plan
from morphsep.evaluation.listening.design import (
    STIMULI,
    ListeningTest,
    Rules,
    Stimulus,
    Trial,
    read_test,
)
from morphsep.evaluation.listening.making import Made, make
from morphsep.evaluation.listening.questions import QUESTIONS, SCALES, Question
from morphsep.evaluation.listening.reporting import needed_line, report, write_tables
from morphsep.evaluation.listening.scoring import score
from morphsep.evaluation.listening.tables import Scores

__all__ = [
    "QUESTIONS",
    "RESULTS",
    "SCALES",
    "STIMULI",
    "Answer",
    "ListeningTest",
    "Made",
    "Plan",
    "Question",
    "Rules",
    "Scores",
    "Stimulus",
    "Trial",
    "find_results",
    "find_test",
    "make",
    "needed_line",
    "read_answers",
    "read_test",
    "report",
    "score",
    "write_tables",
]
