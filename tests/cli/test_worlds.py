"""`mpe` and `sample`."""

from __future__ import annotations

import pytest

RULES = """0.3 :: a. 0.4 :: b; 0.5 :: c. 0.9 :: d.
q :- a. q :- b.
query(q). query(d).
"""


def test_mpe(cli, file):
    found = cli("mpe", file("a.pl", RULES), "--evidence", "\\+ c")
    assert found.status == 0
    assert found.out.splitlines()[:2] == ["d: true", "q: true"]
    assert "  b; c by a.pl:1: b" in found.out.splitlines() and "given the evidence" in found.out


def test_mpe_as_json(cli, file):
    found = cli("mpe", file("a.pl", RULES), "--evidence", "\\+ c", "--json").json
    assert found["answers"] == [{"atom": "d", "holds": True}, {"atom": "q", "holds": True}]
    assert found["probability"] == pytest.approx(0.7 * 0.4 * 0.9) and found["given"] == pytest.approx(0.504)
    assert [row["choice"] for row in found["choices"]] == ["a", "b; c by a.pl:1", "d"]
    assert found["semantics"] == "exact" and found["diagnostics"] == []


def test_sample(cli, file):
    path = file("a.pl", RULES)
    found = cli("sample", path, "-n", "20", "--seed", "1", "--evidence", "q")
    lines = found.out.splitlines()
    assert found.status == 0 and len(lines) == 20 and all("q" in line for line in lines)
    assert cli("sample", path, "-n", "20", "--seed", "1", "--evidence", "q").out == found.out
    rows = cli("sample", path, "-n", "5", "--json").json
    assert len(rows["worlds"]) == 5 and len(rows["worlds"][0]["outcomes"]) == len(rows["choices"]) == 3


def test_errors(cli, file):
    path = file("a.pl", RULES)
    assert cli("mpe", path, "--evidence", "b", "--evidence", "c").status == 1
    assert cli("sample", file("b.pl", "0.5 :: a."), "-n", "1").status == 2
    assert cli("sample", path, "-n", "0").status == 2
