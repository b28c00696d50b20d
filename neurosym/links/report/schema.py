"""The JSON schemas of explanations of links and of classes, made from the dataclasses (draft 2020-12).

`python -m neurosym.links.report.schema` writes them beside this file; a test fails where it was not run after a change.
The field `format` is the version, with the meaning that it has for explanations of rules: new fields with a default
leave it as it is; a field that goes, or that changes its meaning, makes a new one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neurosym.explain.views.dataclass_schema import schema_of
from neurosym.links.classes.reasons import CLASS_FORMAT, ClassExplanation
from neurosym.links.reasons import LINK_FORMAT, LinkExplanation

FOLDER = Path(__file__).parent
KINDS: dict[str, tuple[type, str]] = {
    "link.schema.json": (LinkExplanation, LINK_FORMAT),
    "class.schema.json": (ClassExplanation, CLASS_FORMAT),
}


def schema(file: str) -> dict[str, Any]:
    """The schema that a file of `KINDS` holds."""
    kind, version = KINDS[file]
    return schema_of(kind, version, f"urn:neurosym:schema:{version}", {}, {(kind, "format"): {"const": version}})


def schema_text(file: str) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(file), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in KINDS:
        (FOLDER / name).write_text(schema_text(name), "utf-8", newline="\n")
