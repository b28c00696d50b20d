"""`--semantics bounds` on the command line."""

from __future__ import annotations

RULES = """pred flies(x: symbol) open .
bird(tweety). penguin(tweety).
constraint birds : bird(X) implies flies(X) .
constraint penguins : penguin(X) implies not flies(X) .
query(flies(tweety)).
"""


def test_contradictions_are_warnings(cli, file):
    path = file("a.rules", RULES)
    found = cli("query", path, "--semantics", "bounds", "--json")
    assert found.status == 0
    (answer,) = found.json["answers"]
    assert (answer["method"], answer["lower"], answer["upper"]) == ("bounds", 1, 0)
    (warning,) = found.json["diagnostics"]
    assert (warning["code"], warning["severity"], warning["line"]) == ("NS541", "warning", 3)
    assert "penguins" in warning["message"] and f"{path}:4:1" in warning["note"]


def test_other_semantics_do_not_look_at_constraints(cli, file):
    found = cli("query", file("a.rules", RULES), "--json")
    assert found.status == 0 and found.json["diagnostics"] == []


def test_explain(cli, file):
    found = cli("explain", file("a.rules", RULES), "--semantics", "bounds", "--query", "flies(tweety)")
    assert found.status == 0 and "constraint birds" in found.out
    assert found.err == "" and "`birds` and bird(tweety) = 1 keep" in " ".join(found.out.split())


def test_check_says_nothing_of_constraints(cli, file):
    assert cli("check", file("a.rules", RULES), "--json").json["diagnostics"] == []
