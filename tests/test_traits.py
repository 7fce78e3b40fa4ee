"""Optional attributes of plugins: documented, with defaults, and heeded where a plugin has them."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest

from morphsep.backends import BackendTraits
from morphsep.request.registry import load_plugin, plugin_names
from morphsep.tones import ToneTraits, get_tone, trimmed

PACKAGE = Path(__file__).resolve().parent.parent / "morphsep"


@pytest.mark.parametrize("traits", [ToneTraits, BackendTraits])
def test_a_plugin_without_them_has_the_defaults_and_one_with_them_is_heard(traits: type) -> None:
    assert traits.of(SimpleNamespace()) == traits()
    said = {field.name: object() for field in fields(traits)}
    assert traits.of(SimpleNamespace(**said)) == traits(**said)
    one = fields(traits)[0].name
    assert traits.of(SimpleNamespace(**{one: said[one]})) == traits(**{one: said[one]})


def test_a_gain_behind_a_tone_leaves_its_traits_alone() -> None:
    said = {field.name: object() for field in fields(ToneTraits)}
    tone = SimpleNamespace(**said, name="x", description="x", context=(0, 0))
    assert ToneTraits.of(trimmed(tone, 3.0)) == ToneTraits(**said | {"becomes": None})


def test_no_module_asks_for_an_attribute_of_a_plugin_by_itself() -> None:
    """What is asked for by its name in a string is easily misspelt, and written down nowhere."""
    traits = {field.name for kind in (ToneTraits, BackendTraits) for field in fields(kind)}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr"):
                asked = node.args[1]
                assert not (isinstance(asked, ast.Constant) and asked.value in traits), path


def test_ours_say_what_they_are() -> None:
    assert ToneTraits.of(get_tone("distortion")) == ToneTraits()
    for name in plugin_names("backend"):
        backend = load_plugin("backend", name)
        said = BackendTraits.of(backend)
        assert (said.device is not None) == (name in ("music2latent", "diffusion"))
        assert said.batch >= 1
        assert isinstance(said.uniform, bool)
