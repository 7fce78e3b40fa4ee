"""Work that is finished, measured from its manifest: no true in-between is known of it."""

from morphsep.evaluation.finished.evaluating import evaluate_finished
from morphsep.evaluation.finished.reporting import FinishedResults, summary
from morphsep.evaluation.finished.scores import FOLDER

__all__ = ["FOLDER", "FinishedResults", "evaluate_finished", "summary"]
