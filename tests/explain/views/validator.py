"""The part of JSON Schema (draft 2020-12) that our schema is written in, so that its tests need no package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
WORDS = {
    "$schema", "$id", "$defs", "$ref", "title", "description", "type", "properties", "required", "additionalProperties",
    "items", "prefixItems", "minItems", "maxItems", "enum", "const", "anyOf", "minimum", "pattern",
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> Iterator[str]:
    """Where a value is not what the schema says."""
    assert schema.keys() <= WORDS, f"this validator does not know {sorted(schema.keys() - WORDS)}"
    if "$ref" in schema:
        yield from faults(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, at)
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{at}: no {schema['type']}"
        return
    if ("enum" in schema and value not in schema["enum"]) or ("const" in schema and value != schema["const"]):
        yield f"{at}: {value!r}"
    if "anyOf" in schema and all(any(faults(value, s, root, at)) for s in schema["anyOf"]):
        yield f"{at}: none of the alternatives"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{at}: too small"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: not of the pattern"
    if isinstance(value, dict):
        yield from _of_object(value, schema, root, at)
    if isinstance(value, list):
        yield from _of_list(value, schema, root, at)


def _is(value: Any, name: str) -> bool:
    if name in ("number", "integer"):
        return isinstance(value, int if name == "integer" else int | float) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def _of_object(value: dict, schema: dict, root: dict, at: str) -> Iterator[str]:
    yield from (f"{at}: no {name}" for name in schema.get("required", ()) if name not in value)
    for name, inner in value.items():
        below = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
        if below is False:
            yield f"{at}: {name} is unknown"
        else:
            yield from faults(inner, below, root, f"{at}.{name}")


def _of_list(value: list, schema: dict, root: dict, at: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at}: {len(value)} values"
    first = schema.get("prefixItems", [])
    for k, inner in enumerate(value):
        yield from faults(inner, first[k] if k < len(first) else schema.get("items", {}), root, f"{at}[{k}]")
