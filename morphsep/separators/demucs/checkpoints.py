"""Loads a Demucs model from a checkpoint file; nothing that is pickled in it ever runs.

Formats: those of demucs 4.1, ``.safetensors`` with class and arguments in its metadata, and the
older ``.th``, a pickled dict of the class by reference, its arguments and a (half precision) state.
"""

from __future__ import annotations

import inspect
import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError
from morphsep.models import first_line, read_pickle

if TYPE_CHECKING:
    from torch import nn

MODELS = (
    "demucs.htdemucs.HTDemucs",
    "demucs.hdemucs.HDemucs",
    "demucs.wdemucs.WDemucs",
    "demucs.demucs.Demucs",
)
"""Classes that a checkpoint may name."""

SETTINGS = (
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    *(f"omegaconf.base.{name}" for name in ("Metadata", "ContainerMetadata")),
    *(f"omegaconf.nodes.{kind}Node" for kind in ("Any", "String", "Integer", "Float", "Boolean")),
    *(f"builtins.{name}" for name in ("dict", "list", "str", "int", "float", "bool", "object")),
    *(f"typing.{name}" for name in ("Any", "Dict", "List", "Union")),
    "collections.defaultdict",
    "pathlib.PosixPath",
)
"""What training settings in older checkpoints consist of: accepted, and thrown away."""


def load(path: Path) -> nn.Module:
    """The model in a checkpoint, on the CPU, in float32, for inference.

    Raises:
        SettingError: not a checkpoint, damaged, of an unknown class, or asks to run something.
    """
    try:
        return _build(_read_safetensors(path) if path.suffix == ".safetensors" else _read_th(path))
    except SettingError as error:
        raise SettingError(f"{path} was not loaded: {error}") from error
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error}.") from error


def _read_th(path: Path) -> dict[str, Any]:
    package = read_pickle(path, allowed=[Fraction], inert=(*MODELS, *SETTINGS))
    if not isinstance(package, dict) or not {"klass", "args", "kwargs", "state"} <= set(package):
        raise SettingError("it holds no Demucs model (no class, arguments and state).")
    klass = package["klass"]
    named = f"{klass.__module__}.{klass.__qualname__}" if isinstance(klass, type) else repr(klass)
    return {**package, "klass": named}


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        arguments = {key: _decode(json.loads(metadata[key])) for key in ("args", "kwargs")}
        return {"klass": metadata["klass"], "state": state, **arguments}
    except SafetensorError as error:
        raise SettingError(f"it is damaged, or no checkpoint ({error}).") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SettingError(f"its metadata describe no Demucs model ({error!r}).") from error


def _decode(value: Any) -> Any:
    """JSON as demucs writes it: a fraction is an object with a ``_type``."""
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, dict) and value.get("_type") == "fraction":
        return Fraction(value["numerator"], value["denominator"])
    return {k: _decode(item) for k, item in value.items()} if isinstance(value, dict) else value


def _build(package: dict[str, Any]) -> nn.Module:
    import torch

    klass, kwargs = _model_class(package["klass"]), package["kwargs"]
    if "__quantized" in package["state"]:
        raise SettingError("it is quantised by diffq; take the model that is not.")
    known = inspect.signature(klass).parameters
    try:
        with torch.random.fork_rng(devices=[]):  # building draws initial weights
            # Arguments that this version of demucs no longer has are dropped, as demucs does.
            model = klass(*package["args"], **{k: v for k, v in kwargs.items() if k in known})
        model.load_state_dict(package["state"])
    except (TypeError, ValueError, AssertionError, AttributeError, RuntimeError) as error:
        raise SettingError(f"demucs cannot build it ({first_line(error)}).") from error
    model.requires_grad_(False)
    return model.eval()


def _model_class(name: str) -> type[nn.Module]:
    if name not in MODELS:
        raise SettingError(f"{name} is no model that demucs has.")
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    classes = {"HTDemucs": HTDemucs, "HDemucs": HDemucs, "WDemucs": HDemucs, "Demucs": Demucs}
    found: type[nn.Module] = classes[name.rsplit(".", 1)[1]]
    return found
