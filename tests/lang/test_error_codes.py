"""docs/reference/errors.md lists the codes that lang reports, each once."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_code_is_documented_once():
    used = set()
    for path in (ROOT / "neurosym" / "lang").rglob("*.py"):
        used |= set(re.findall(r"\"(NS[12]\d\d)\"", path.read_text("utf-8")))
    rows = re.findall(r"^\| (NS[12]\d\d)\b", (ROOT / "docs/reference/errors.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == used | {"NS100"}
