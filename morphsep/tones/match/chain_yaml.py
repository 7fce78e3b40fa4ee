"""Writing a chain as YAML that a person can edit and ``definition.read_chain`` reads back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from morphsep.storage import whole
from morphsep.tones.chain.chain import EffectChain
from morphsep.tones.chain.rack import Pedal
from morphsep.tones.effects.effect import Setting
from morphsep.tones.effects.registry import knobs


def chain_text(chain: EffectChain) -> str:
    """The chain as YAML; settings at their defaults are left out.

    `parse_chain` makes the same chain of it, if it has pedals: a file without pedals is no chain.
    """
    fields: dict[str, Any] = {"name": chain.name, "description": chain.description}
    if chain.trim_db:
        fields["trim_db"] = chain.trim_db
    if chain.settle is not None:
        fields["context"] = chain.settle
    fields["pedals"] = [_pedal(pedal) for pedal in chain.pedals]
    return yaml.safe_dump(
        fields, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100
    )


def write_chain(chain: EffectChain, path: Path) -> None:
    """The chain as a file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with whole(path) as part:
        part.write_text(chain_text(chain), encoding="utf-8")


def _pedal(pedal: Pedal) -> str | dict[str, dict[str, Any]]:
    defaults = knobs(pedal.kind)
    given = {k: _plain(v) for k, v in pedal.settings if v != defaults[k].default}
    return {pedal.kind: given} if given else pedal.kind


def _plain(value: Setting) -> Any:
    return dict(value) if isinstance(value, tuple) else value
