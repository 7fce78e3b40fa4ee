"""The separator ``auto``: a RoFormer if one is here and a GPU, too; else Demucs if its weights are
here or can be fetched; else the one that ships with us."""

from __future__ import annotations

from dataclasses import dataclass

from morphsep import models
from morphsep.models import is_offline

FALLBACK = "embedded"
"""Its weights are in the package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which separator, and why, in one line for the log and the manifest."""

    name: str
    reason: str


def choose_separator(
    offline: bool = False, *, model: str = models.DEFAULT_MODEL, timeout: float = 10.0
) -> Choice:
    """Decide within `timeout` seconds; opens no socket if the weights are here or offline is set.

    Raises:
        SettingError: `model` is neither a known name nor a folder.
    """
    besides = ""
    if here := models.roformers_here():
        if models.device("auto").type == "cuda":
            name = f"roformer:{here[0]}"
            return Choice(name=name, reason=f"{name}: its weights and a GPU are on this machine")
        besides = f"; roformer:{here[0]} is here, too, but no GPU, without which it takes hours"
    choice = _without_roformer(offline, model, timeout)
    return Choice(name=choice.name, reason=choice.reason + besides)


def _without_roformer(offline: bool, model: str, timeout: float) -> Choice:
    if models.available(model):
        return Choice(name="demucs", reason=f"demucs: the weights of {model} are on this machine")
    if is_offline(offline):
        why = "are not on this machine and offline is set"
    elif models.reachable(model, timeout):
        return Choice(name="demucs", reason=f"demucs: the weights of {model} can be fetched")
    else:
        why = f"are not on this machine and no host answered within {timeout:g} s"
    remedy = f"better stems: morphsep models fetch {model}"
    return Choice(name=FALLBACK, reason=f"{FALLBACK}: the weights of {model} {why}; {remedy}")
