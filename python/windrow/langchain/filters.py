"""Filters of LangChain documents: what the store compares, and the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any, TypeAlias

from langchain_core.documents import Document

import windrow
from windrow.records import to_json
from windrow.steps import Accept

#: A condition on metadata, or a function of a document.
Filter: TypeAlias = Mapping[str, Any] | Callable[[Document], bool]


def to_document(found: windrow.Document) -> Document:
    """A page that came another way tells its source and title like any other."""
    metadata = dict(found.metadata)
    if found.title:
        metadata.setdefault("title", found.title)
    if found.url.startswith(("http://", "https://")):
        metadata.setdefault("source", found.url)
    return Document(id=found.url, page_content=found.content or "", metadata=metadata)


def _equal(a: object, b: object) -> bool:
    """As JSON has it: true is not 1."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: object, than: object) -> bool:
        for kind in (str, int | float):
            if isinstance(value, kind) and isinstance(than, kind):
                return not isinstance(value, bool) and compare(value, than)
        return False

    return holds


def _like(value: object, pattern: object, flags: int = 0) -> bool:
    if not isinstance(value, str) or not isinstance(pattern, str):
        return False
    wild = {"%": ".*", "_": "."}
    parts = (wild.get(c) or re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), value, flags | re.DOTALL) is not None


def _among(value: object, values: Sequence[object]) -> bool:
    return any(_equal(value, other) for other in values)


def _contains(value: object, part: object) -> bool:
    if isinstance(value, str):
        return isinstance(part, str) and part in value
    return isinstance(value, list) and _among(part, value)


_at_least, _at_most = _comparison(ge), _comparison(le)

#: What an operator says of a member, None where it is missing, and its argument.
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda value, other: not _equal(value, other),
    "$gt": _comparison(gt),
    "$gte": _at_least,
    "$lt": _comparison(lt),
    "$lte": _at_most,
    "$between": lambda v, pair: _at_least(v, pair[0]) and _at_most(v, pair[1]),
    "$in": _among,
    "$nin": lambda value, values: not _among(value, values),
    "$contains": _contains,
    "$like": _like,
    "$ilike": lambda value, pattern: _like(value, pattern, re.IGNORECASE),
}


def _condition(name: str, operator: str, argument: object) -> Accept:
    if operator == "$exists":
        return lambda doc: (name in doc.metadata) == bool(argument)
    if operator not in _OPERATORS:
        known = ", ".join([*_OPERATORS, "$exists"])
        raise ValueError(f"{name}: there is no operator {operator!r}, only {known}")
    holds = _OPERATORS[operator]
    # As it would be stored: a datetime as a str, for example.
    plain = json.loads(to_json({"": argument}))[""]
    listed = operator in ("$in", "$nin", "$between")
    if listed and not isinstance(plain, list):
        raise ValueError(f"{name}: {operator} wants a list")
    if operator == "$between" and len(plain) != 2:
        raise ValueError(f"{name}: $between wants two values")
    return lambda doc: holds(doc.metadata.get(name), plain)


class Condition:
    """A filter, taken apart: members that the store compares, and the rest."""

    def __init__(self, filter: Filter | None) -> None:
        self.equal: dict[str, Any] = {}
        self.rest: list[Accept] = []
        #: Is it a function, which may look at the text?
        self.reads_content = callable(filter)
        if callable(filter):
            self.rest.append(lambda doc: filter(to_document(doc)))
        elif filter is not None:
            self._add(filter)

    def _add(self, filter: Mapping[str, Any]) -> None:
        if not isinstance(filter, Mapping):
            raise TypeError(f"a filter is a mapping or a function, not {filter!r}")
        for name, value in filter.items():
            if name == "$and":
                for part in value:
                    self._add(part)
            elif name == "$or":
                self.rest.append(_any_of([Condition(part) for part in value]))
            elif name == "$not":
                self.rest.append(_none_of(Condition(value)))
            elif name.startswith("$"):
                raise ValueError(f"there is no operator {name!r} of filters")
            elif isinstance(value, Mapping) and any(
                isinstance(key, str) and key.startswith("$") for key in value
            ):
                for operator, argument in value.items():
                    if operator == "$eq":
                        self._add_equal(name, argument)
                    else:
                        self.rest.append(_condition(name, operator, argument))
            else:
                self._add_equal(name, value)

    def _add_equal(self, name: str, value: object) -> None:
        if name in self.equal:
            self.rest.append(_condition(name, "$eq", value))
        else:
            self.equal[name] = value

    def holds(self, document: windrow.Document) -> bool:
        """Say whether all of it is true of a document."""
        return self.keeps(document) and all(
            _condition(name, "$eq", value)(document)
            for name, value in self.equal.items()
        )

    def keeps(self, document: windrow.Document) -> bool:
        """Likewise, of what the store does not compare."""
        return all(holds(document) for holds in self.rest)

    @property
    def accept(self) -> Accept | None:
        """The function for what the store does not compare, if there is any."""
        return self.keeps if self.rest else None


def _any_of(conditions: Sequence[Condition]) -> Accept:
    return lambda document: any(each.holds(document) for each in conditions)


def _none_of(condition: Condition) -> Accept:
    return lambda document: not condition.holds(document)
