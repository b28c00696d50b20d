"""JSON schemas of dataclasses (draft 2020-12), described by their docstrings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from neurosym.explain.views.typed import hints

_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def schema_of(
    kind: type, title: str, identifier: str, said: Mapping[str, str], fixed: Mapping[tuple[type, str], Any]
) -> dict[str, Any]:
    """The schema of the JSON of a dataclass; what it holds of other dataclasses is under `$defs`.

    Args:
        said: `Class.field` → a description, where the docstring has none.
        fixed: class and field → its schema, where its type does not say it.
    """
    maker = _Maker(said, fixed)
    top = maker.of_dataclass(kind)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
        **top,
        "$defs": dict(sorted(maker.found.items())),
    }


@dataclass(eq=False)
class _Maker:
    """Schemas of types; those of dataclasses are collected in `found`."""

    said: Mapping[str, str]
    fixed: Mapping[tuple[type, str], Any]
    found: dict[str, Any] = field(default_factory=dict)

    def of_dataclass(self, kind: type) -> dict[str, Any]:
        said, types = described(kind, self.said), hints(kind)
        properties = {}
        for f in fields(kind):
            about = {"description": said[f.name]} if f.name in said else {}
            given = self.fixed.get((kind, f.name))
            properties[f.name] = about | (self.of_type(types[f.name]) if given is None else given)
        return {
            "description": " ".join((kind.__doc__ or "").partition("\n\n")[0].split()),
            "type": "object",
            "properties": properties,
            "required": [f.name for f in fields(kind) if f.name == "format" or _is_required(f)],
            "additionalProperties": False,
        }

    def of_type(self, hint: Any) -> dict[str, Any]:
        origin, parts = get_origin(hint), get_args(hint)
        if hint is Any:
            return {}
        if is_dataclass(hint):
            assert isinstance(hint, type)
            if hint.__name__ not in self.found:
                self.found[hint.__name__] = {}  # it may hold itself
                self.found[hint.__name__] = self.of_dataclass(hint)
            return {"$ref": f"#/$defs/{hint.__name__}"}
        if origin in (Union, UnionType):
            return {"anyOf": [{"type": "null"} if p is type(None) else self.of_type(p) for p in parts]}
        if origin is Literal:
            return {"enum": list(parts)}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of_type(parts[1])}
        if origin is list or (origin is tuple and parts[-1] is Ellipsis):
            return {"type": "array", "items": self.of_type(parts[0])}
        if origin is tuple:
            items = [self.of_type(p) for p in parts]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        return {"type": _PLAIN[hint]}


def described(kind: type, said: Mapping[str, str]) -> dict[str, str]:
    """Field → what the docstring of a dataclass says of it, or `said` under `Class.field`."""
    names = [f.name for f in fields(kind)]
    text = " ".join((kind.__doc__ or "").partition("Attributes:")[2].split())
    one = rf"`?(?:{'|'.join(map(re.escape, names))})`?"
    starts = list(re.finditer(rf"(?:^|(?<=[.;] ))({one}(?:(?:, | and ){one})*): ", text))
    result: dict[str, str] = {}
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        words = re.sub(r"\bNone\b", "null", text[start.end() : end].rstrip(" ;."))
        result |= dict.fromkeys(re.findall(r"\w+", start[1].replace(" and ", " ")), words)
    return result | {n: said[f"{kind.__name__}.{n}"] for n in names if f"{kind.__name__}.{n}" in said}


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
