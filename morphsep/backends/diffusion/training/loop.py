"""Steps of an optimiser that can be interrupted at any moment with the same result.

A step's random draws are a function of (seed, step) alone, and everything else that it depends on
is in the state that is saved regularly: so a resumed phase ends with the same bits as one that was
never interrupted (on the same device, with as many threads).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError
from morphsep.storage import whole

if TYPE_CHECKING:
    import torch

OnStep = Callable[[str, int, int, float], None]
"""Called after each step with the phase's name, the steps done, all its steps, and the loss."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phase:
    """One optimisation: its parameters, losses and result."""

    name: str
    steps: int
    parameters: Mapping[str, torch.Tensor]
    """Changed in place."""
    optimiser: torch.optim.Optimizer
    """Over the values of `parameters`, in their order."""
    losses: Callable[[int], Iterator[torch.Tensor]]
    """Summands of a step's loss, each ready for ``backward`` and made when it is asked for; a
    function of the step and of `parameters` only."""
    check: Callable[[], float]
    """Loss on a fixed batch: the same noise and timesteps whenever it is called."""
    result: Callable[[], Mapping[str, torch.Tensor]]
    """The tensors that are kept at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The losses of a phase."""

    name: str
    losses: list[float] = field(default_factory=list)
    """One a step."""
    before: float = 0.0
    """Loss on the fixed batch before the first step."""
    after: float = 0.0
    """And after the last."""


Done = tuple[dict[str, "torch.Tensor"], Log]


def complete(
    name: str, opening: AbstractContextManager[Phase], folder: Path, every: int, on_step: OnStep
) -> Done:
    """The result and the log of a phase; `opening` is entered only if something is left to do.

    Raises:
        SettingError: the loss is not finite.
    """
    done = finished(folder, name)
    if done is None:
        with opening as phase:
            assert phase.name == name
            done = run(phase, folder, every, on_step)
    return done


def finished(folder: Path, name: str) -> Done | None:
    """The result and the log of a phase that ended in `folder`."""
    from safetensors import SafetensorError, safe_open

    path = folder / f"{name}.safetensors"
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            # copies: the alignment of mapped tensors depends on the file, and rounding on the
            # alignment
            tensors = {k: file.get_tensor(k).clone() for k in file.keys()}  # noqa: SIM118 - no dict
            log = Log(name=name, **json.loads(file.metadata()["log"]))
    except SafetensorError as error:
        raise SettingError(f"{path} is damaged; remove {folder} and train again") from error
    return tensors, log


def run(phase: Phase, folder: Path, every: int, on_step: OnStep) -> Done:
    """Does the remaining steps of a phase; saves its state after every `every` steps, and its
    result.

    Raises:
        SettingError: the loss is not finite.
    """
    log, state = _resumed(phase, folder / "state.pt")
    for step in range(len(log.losses), phase.steps):
        value = _backward(phase, step)
        if not value < float("inf"):
            raise SettingError(
                f"the loss of {phase.name} is no longer a number at step {step}; lower the "
                "learning rate, or train in full precision"
            )
        phase.optimiser.step()
        log.losses.append(value)
        if (step + 1) % every == 0:
            _save_state(phase, log, state)
        on_step(phase.name, step + 1, phase.steps, value)
    return _finish(phase, log, folder)


def _backward(phase: Phase, step: int) -> float:
    """Gradients of a step; returns its loss."""
    import torch

    phase.optimiser.zero_grad(set_to_none=True)
    value = 0.0
    for part in phase.losses(step):
        torch.autograd.backward(part)
        value += float(part.detach())
    return value


def _resumed(phase: Phase, state: Path) -> tuple[Log, Path]:
    import torch

    if state.exists():
        saved: dict[str, Any] = torch.load(state, map_location="cpu", weights_only=True)
        if saved["phase"] == phase.name:
            with torch.no_grad():
                for name, parameter in phase.parameters.items():
                    parameter.copy_(saved["parameters"][name])
            phase.optimiser.load_state_dict(saved["optimiser"])
            return Log(name=phase.name, losses=saved["losses"], before=saved["before"]), state
    return Log(name=phase.name, before=phase.check()), state


def _save_state(phase: Phase, log: Log, state: Path) -> None:
    import torch

    saved = {
        "phase": phase.name, "losses": log.losses, "before": log.before,
        "parameters": {k: v.detach().cpu() for k, v in phase.parameters.items()},
        "optimiser": phase.optimiser.state_dict(),
    }  # fmt: skip
    with whole(state) as part:
        torch.save(saved, part)


def _finish(phase: Phase, log: Log, folder: Path) -> Done:
    from safetensors.torch import save_file

    log = Log(name=log.name, losses=log.losses, before=log.before, after=phase.check())
    tensors = {k: v.detach().cpu().clone().contiguous() for k, v in phase.result().items()}
    kept = {"losses": log.losses, "before": log.before, "after": log.after}
    with whole(folder / f"{phase.name}.safetensors") as part:
        save_file(tensors, part, metadata={"log": json.dumps(kept)})
    return tensors, log
