"""docs/reference/errors.md lists every code of the library, each once, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"""["'](NS\d{3})["']""")
PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")


def documented() -> list[str]:
    return re.findall(r"^\| (NS\d{3})\b", PAGE, re.MULTILINE)


def used() -> set[str]:
    """Codes in string literals of the code; docstrings name them without quotes."""
    found = set()
    for path in (ROOT / "neurosym").rglob("*.py"):
        found |= set(CODE.findall(path.read_text("utf-8")))
    return found


def test_every_code_has_a_row() -> None:
    assert used() - set(documented()) == set()


def test_every_row_is_of_a_code_that_there_is() -> None:
    assert set(documented()) - used() == set()


def test_no_code_has_two_rows() -> None:
    rows = documented()
    assert sorted(rows) == sorted(set(rows))


def test_codes_of_other_pages_are_in_the_list() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        if "decisions" not in page.parts:
            assert set(re.findall(r"\bNS\d{3}\b", page.read_text("utf-8"))) <= set(documented()), page.name
