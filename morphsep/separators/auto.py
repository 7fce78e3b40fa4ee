"""The separator ``auto``: a RoFormer if one is here and a GPU, too, and this machine does the run;
else Demucs if its weights are here or can be fetched; else the one that ships with us."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    offline: bool = False,
    *,
    device: str = "auto",
    on_cluster: bool = False,
    model: str = models.DEFAULT_MODEL,
    timeout: float = 10.0,
) -> Choice:
    """Decide within `timeout` seconds; opens no socket if the weights are here or offline is set.

    Args:
        device: what is to run it: the `device` of `Settings`.
        on_cluster: other machines do. None of them fetches a RoFormer, so none is chosen.

    Raises:
        SettingError: `model` is neither a known name nor a folder, or there is no such device.
    """
    here = models.roformers_here()
    if not here:
        return _without_roformer(offline, model, timeout)
    best = f"roformer:{here[0]}"
    why_not = _why_no_roformer(device, on_cluster)
    taken = Choice(name=best, reason=f"{best}: its weights and a GPU are on this machine")
    if not why_not and models.ROFORMERS[here[0]].sdr[0] > models.DEMUCS_SDR:
        return taken
    choice = _without_roformer(offline, model, timeout)
    if why_not:
        return replace(choice, reason=f"{choice.reason}; {best} is here, too, but {why_not}")
    return taken if choice.name == FALLBACK else choice


def _why_no_roformer(device: str, on_cluster: bool) -> str:
    """Why a RoFormer that is here is not to be taken; empty: it can be."""
    if on_cluster:
        return "the run goes to a cluster, whose machines need not have it"
    if models.device(device).type == "cuda":
        return ""
    return "no GPU" if device == "auto" else f"not meant for --device {device}"


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
