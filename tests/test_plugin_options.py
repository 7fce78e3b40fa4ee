"""Options of plugins: whatever a class declares, a text is a value of its type or a sentence."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsep.errors import SettingError
from morphsep.morphing.plugins import build_separator
from morphsep.request import registry
from morphsep.request.option_values import parse_option
from morphsep.request.settings import Settings
from morphsep.separators.none import NoSeparation

if TYPE_CHECKING:
    from decimal import Decimal


class Colour(Enum):
    DARK = 1
    BRIGHT = 2


@dataclass(frozen=True, kw_only=True)
class Many:
    """One option of every kind."""

    depth: int
    width: int | None = None
    old: float | None = None
    either: int | str = 0
    name: str | None = None
    mode: Literal["slow", "fast", 3] = "slow"
    colour: Colour = Colour.DARK
    is_loud: bool = False
    noted: Annotated[float, "in dB"] = 0.0
    pair: tuple[int, float] = (0, 0.0)
    bands: tuple[int, ...] = ()
    names: list[str] = field(default_factory=list)
    some: frozenset[int] = frozenset()
    any_of: Iterable[str] | None = None
    file: Path | None = None
    folder: os.PathLike[str] = Path()
    anything: Any = None
    table: dict[str, int] = field(default_factory=dict)
    _own: int = 0


class Plain:
    """Not a dataclass, and its types can be resolved by a type checker only."""

    def __init__(self, depth: Decimal | None = None, width: int = 3, *, soft=False) -> None:
        self.values = depth, width, soft


class Refusing:
    """Says no to a value."""

    licence = "MIT"

    def __init__(self, depth: int = 1) -> None:
        if depth < 0:
            raise ValueError("depth must not be negative")


class Failing:
    """Breaks when it is made."""

    def __init__(self) -> None:
        raise RuntimeError("no such thing\nand more")


class Point:
    """An entry point of `Kind`, without an installed package."""

    dist = None

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin

    def load(self) -> Any:
        if isinstance(self.plugin, Exception):
            raise self.plugin
        return self.plugin


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    lacking = ModuleNotFoundError("no module", name="beyond")
    broken = AttributeError("module has no such thing")
    found = {
        "many": Many, "plain": Plain, "refusing": Refusing, "lacking": lacking, "broken": broken,
        "failing": Failing,
    }  # fmt: skip
    points = {name: Point(plugin) for name, plugin in found.items()}
    monkeypatch.setattr(registry, "_found", lambda kind: points)
    return points


def many(**given: str) -> Many:
    options = registry.plugin_options("backend", "many", {"depth": "1"} | given, {})
    made: Many = registry.load_plugin("backend", "many", **options)
    return made


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("depth", "7", 7), ("width", "7", 7), ("width", "none", None), ("old", "0.5", 0.5),
        ("old", "None", None), ("either", "3", 3), ("either", "three", "three"),
        ("name", "x", "x"), ("mode", "fast", "fast"), ("mode", "3", 3),
        ("colour", "Bright", Colour.BRIGHT), ("is_loud", "yes", True), ("noted", "-3", -3.0),
        ("pair", "1, 0.5", (1, 0.5)), ("bands", "1,2,3", (1, 2, 3)), ("bands", "", ()),
        ("names", "a,b", ["a", "b"]), ("some", "1,1,2", frozenset({1, 2})),
        ("any_of", "a,b", ("a", "b")), ("any_of", "none", None), ("file", "a/b", Path("a/b")),
        ("folder", "a/b", Path("a/b")), ("anything", "x", "x"),
    ],
)  # fmt: skip
def test_a_text_becomes_the_declared_type(option: str, text: str, value: object) -> None:
    got = getattr(many(**{option: text}), option)
    assert (type(got), got) == (type(value), value)


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("depth", "deep", "depth takes a whole number, got 'deep'"),
        ("width", "1.5", "width takes a whole number or none, got '1.5'"),
        ("old", "nan", "old takes a number or none, got 'nan'"),
        ("mode", "medium", "mode takes slow or fast or 3, got 'medium'"),
        ("colour", "red", "colour takes dark or bright, got 'red'"),
        ("is_loud", "maybe", "is_loud takes yes or no, got 'maybe'"),
        ("pair", "1", "pair takes 2 values separated by commas, got '1'"),
        ("bands", "1,x", "bands takes a whole number, several separated by commas, got '1,x'"),
        ("table", "a=1", "table cannot be set from text: it is a dict"),
        ("_own", "1", "there is no option of many '_own'"),
        ("dept", "1", "Did you mean depth?"),
    ],
)
def test_a_text_that_does_not_fit_is_a_sentence(option: str, text: str, sentence: str) -> None:
    with pytest.raises(SettingError) as raised:
        many(**{option: text})
    assert sentence in str(raised.value)


def test_a_required_option_that_is_missing_is_a_sentence() -> None:
    for kind, flag in (("backend", "--set"), ("separator", "--set-separator")):
        with pytest.raises(SettingError, match=rf"{kind} many needs depth: {flag} depth=VALUE"):
            registry.plugin_options(kind, "many", {}, {})
    assert registry.plugin_options("backend", "many", {}, {"depth": 3}) == {"depth": 3}


def test_an_option_may_have_any_name() -> None:
    assert many(name="x").name == "x"


def test_a_class_that_is_no_dataclass_has_options_too() -> None:
    given = {"width": "4", "soft": "yes", "depth": "2.5"}
    options = registry.plugin_options("separator", "plain", given, {"device": "cpu"})
    # types that only a type checker can resolve: the default's, or text
    assert options == {"width": 4, "soft": True, "depth": "2.5"}


def test_a_value_that_the_class_refuses_is_a_sentence() -> None:
    options = registry.plugin_options("backend", "refusing", {"depth": "-1"}, {})
    with pytest.raises(SettingError, match="refusing refuses its options: depth must not be neg"):
        registry.load_plugin("backend", "refusing", **options)


def test_a_plugin_that_lacks_a_package_is_a_sentence_and_stays_in_the_list() -> None:
    for ask in (registry.load_plugin, lambda *name: registry.plugin_options(*name, {}, {})):
        with pytest.raises(SettingError, match="lacking needs beyond: pip install"):
            ask("backend", "lacking")
    with pytest.raises(SettingError, match=r"broken does not load \(AttributeError: module has no"):
        registry.load_plugin("backend", "broken")
    with pytest.raises(
        SettingError, match=r"failing does not load \(RuntimeError: no such thing\)"
    ):
        registry.load_plugin("backend", "failing")
    rows = {row["name"]: row for row in registry.describe_plugins("backend")}
    assert "does not load" in rows["broken"]["description"]
    assert "needs beyond" in rows["lacking"]["description"]
    assert rows["many"]["description"] == "One option of every kind."
    assert (rows["many"]["licence"], rows["refusing"]["licence"]) == ("not stated", "MIT")


types = st.recursive(
    st.sampled_from(
        [bool, int, float, str, Path, Colour, Any, Literal["a", 1], type(None), dict, bytes]
    ),
    lambda inner: st.one_of(
        inner.map(lambda t: t | None),
        st.tuples(inner, inner).map(lambda ts: ts[0] | ts[1]),
        inner.map(lambda t: tuple[t, ...]),
        st.tuples(inner, inner).map(lambda ts: tuple[ts]),
        inner.map(lambda t: list[t]),
        inner.map(lambda t: Sequence[t]),
        inner.map(lambda t: Collection[t]),
    ),
    max_leaves=4,
)
texts = st.one_of(st.text(max_size=8), st.sampled_from(["1", "0.5", "yes", "none", "a,b", "1,2"]))


@given(types, texts)
def test_any_type_and_any_text_give_a_value_or_a_sentence(hint: Any, text: str) -> None:
    with contextlib.suppress(SettingError):
        parse_option("depth", hint, text)


class Third(NoSeparation):
    """A third party's separator that takes everything it is offered, and two of its own."""

    def __init__(
        self, *, model: str = "small", device: str = "auto", seed: int = 0, shifts: int = 0,
        offline: bool = False, width: float = 1.0, bands: list[int] | None = None,
    ) -> None:  # fmt: skip
        self.got = (model, device, seed, shifts, offline, width, bands)


def test_a_third_partys_separator_gets_what_ours_get(plugins: dict[str, Any]) -> None:
    plugins["third"], plugins["bare"] = Point(Third), Point(NoSeparation)
    settings = Settings(
        separator="third:large:vocals", device="cpu", seed=3, shifts=2, offline=True,
        separator_options=(("bands", "1,2"), ("width", "0.5")),
    )  # fmt: skip
    separator = build_separator(settings)
    assert separator.got == ("large:vocals", "cpu", 3, 2, True, 0.5, [1, 2])
    assert build_separator(settings) is separator
    bare = [build_separator(Settings(separator="bare", seed=seed)) for seed in (1, 2)]
    assert bare[0] is bare[1]  # what it does not take does not make another
    with pytest.raises(SettingError, match="bare has no models, so 'large' means nothing"):
        build_separator(Settings(separator="bare:large"))
    with pytest.raises(SettingError, match=r"no option of third 'wide'\. Did you mean width"):
        build_separator(Settings(separator="third", separator_options=(("wide", "1"),)))
