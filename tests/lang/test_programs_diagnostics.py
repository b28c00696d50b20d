"""Walks tests/programs/: each folder with expected_diagnostics.txt holds a program and its `code line column` lines.

Lines are those of `program.rules` or `program.pl`. Adding a case is adding a folder.
"""

from pathlib import Path

import pytest

from neurosym.errors import RuleError
from neurosym.lang import parse_files

PROGRAMS = Path(__file__).parents[1] / "programs"
CASES = sorted(path.parent for path in PROGRAMS.glob("*/expected_diagnostics.txt"))


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_diagnostics(folder: Path):
    program = next(folder / name for name in ("program.rules", "program.pl") if (folder / name).exists())
    try:
        found = parse_files([program]).warnings
    except RuleError as error:
        found = error.diagnostics
    got = [f"{d.code} {d.span.line} {d.span.column}" for d in found if d.span is not None]
    assert got == (folder / "expected_diagnostics.txt").read_text("utf-8").split("\n")[:-1]
    assert all(d.source for d in found), "each fault shows its line"


def test_there_are_cases():
    assert len(CASES) >= 15
