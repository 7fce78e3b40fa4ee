"""Parts of a YAML file that know where they stand, so that a refusal names file, line and field."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from morphsep.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlPart:
    """A value in a YAML file."""

    file: str
    node: yaml.Node
    what: str = ""
    """Its field, in words: ``ladder, steps``."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where files that it names lie on this machine, if not beside it."""

    @classmethod
    def whole(cls, text: str, file: str, places: Mapping[str, str]) -> YamlPart:
        """All of a file.

        Raises:
            SettingError: it is not YAML, or is empty.
        """
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise SettingError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
        if node is None:
            raise SettingError(f"{file} is empty")
        return cls(file=file, node=node, places=places)

    def refusal(self, problem: str) -> SettingError:
        """An error that says where."""
        line = self.node.start_mark.line + 1
        what = f"{self.what}: " if self.what else ""
        return SettingError(f"{self.file}, line {line}: {what}{problem}")

    def fields(self, known: Collection[str]) -> dict[str, YamlPart]:
        """The fields of a mapping.

        Raises:
            SettingError: it is none, or has a field twice, or one that is not `known`.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.refusal(f"a mapping is expected, with {', '.join(sorted(known))}")
        found = dict[str, YamlPart]()
        for key, value in self.node.value:
            name = str(key.value)
            here = replace(self, node=key)
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else ""
                can = f"possible: {', '.join(sorted(known))}"
                raise here.refusal(f"unknown field {name!r}; {hint or can}")
            if name in found:
                raise here.refusal(f"{name!r} stands there twice")
            what = f"{self.what}, {name}" if self.what else name
            found[name] = replace(self, node=value, what=what)
        return found

    def single(self) -> tuple[str, YamlPart]:
        """Name and value of a mapping of one field, such as an item ``- Drive: {...}``.

        Raises:
            SettingError: it is none.
        """
        if not isinstance(self.node, yaml.MappingNode) or len(self.node.value) != 1:
            raise self.refusal("one name with its settings is expected: '- Name: {...}'")
        ((key, value),) = self.node.value
        what = f"{self.what}, {key.value}" if self.what else str(key.value)
        return str(key.value), replace(self, node=value, what=what)

    def items(self) -> list[YamlPart]:
        """The items of a list.

        Raises:
            SettingError: it is none, or is empty.
        """
        if not isinstance(self.node, yaml.SequenceNode) or not self.node.value:
            raise self.refusal("a list of at least one item is expected")
        return [replace(self, node=node) for node in self.node.value]

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_nothing(self) -> bool:
        """Whether it is ``null``, or nothing stands there."""
        return self._value() is None

    def text(self) -> str:
        """
        Raises:
            SettingError: it is no text.
        """
        if not isinstance(self.node, yaml.ScalarNode) or self.is_nothing:
            raise self.refusal("a text is expected")
        return str(self.node.value)

    def flag(self) -> bool:
        """
        Raises:
            SettingError: it is neither yes nor no.
        """
        value = self._value()
        if not isinstance(value, bool):
            raise self.refusal(f"yes or no is expected, not {self._shown()}")
        return value

    def number(self, low: float, high: float) -> float:
        """
        Raises:
            SettingError: it is no number of this range.
        """
        value = self._value()
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise self.refusal(f"a number is expected, not {self._shown()}")
        if not math.isfinite(value) or not low <= value <= high:
            raise self.refusal(f"{value:g} is out of range; possible: {low:g} to {high:g}")
        return float(value)

    def whole_number(self, low: int, high: int) -> int:
        """
        Raises:
            SettingError: it is no whole number of this range.
        """
        value = self.number(low, high)
        if value != int(value):
            raise self.refusal(f"a whole number is expected, not {self._shown()}")
        return int(value)

    def _value(self) -> Any:
        """The value of a scalar; of anything else nothing that the others take."""
        if not isinstance(self.node, yaml.ScalarNode):
            return ()
        return yaml.SafeLoader("").construct_object(self.node)

    def _shown(self) -> str:
        return repr(self.node.value) if isinstance(self.node, yaml.ScalarNode) else "a collection"
