"""`ground`: measured and foreseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RULES = "path(X, Y) :- edge(X, Y).\npath(X, Z) :- path(X, Y), edge(Y, Z).\nquery(path(0, X)).\n"


@pytest.fixture
def road(file: Callable[[str, str], Path]) -> tuple[Path, Path]:
    edges = "a,b\n" + "".join(f"{k},{k + 1}\n" for k in range(60))
    return file("road.rules", RULES), file("edge.csv", edges)


def test_grounding_is_counted(cli, road):
    rules, facts = road
    found = cli("ground", rules, "--facts", facts)
    assert found.status == 0
    lines = [line.split() for line in found.out.splitlines()]
    assert ["path/2", "1,830"] in lines
    assert ["road.rules:2", "1,770", "1,770"] in lines
    assert "in all: 1,890 facts, 1,830 firings and 0 choices in 60 rounds" in found.out


def test_the_forecast_is_a_table(cli, road):
    rules, facts = road
    found = cli("ground", rules, "--facts", facts, "--forecast")
    assert found.status == 0
    assert "because" in found.out.splitlines()[0]
    assert "* scaled up from a sample" in found.out
    assert "costs most: road.rules:2" in found.out and "recursive: path grows" in found.out
    assert found.out.splitlines()[-1] == "stays within the limits"


def test_json_of_both(cli, road):
    rules, facts = road
    real = cli("ground", rules, "--facts", facts, "--json").json
    assert real["ground"]["firings"] == sum(r["firings"] for r in real["ground"]["rules"]) == 1830
    assert real["diagnostics"] == []
    seen = cli("ground", rules, "--facts", facts, "--forecast", "--json").json["forecast"]
    assert seen["given"] == 60
    assert seen["worst"]["label"] == "road.rules:2"
    assert real["ground"]["firings"] / 2 < seen["firings"] < real["ground"]["firings"] * 2


def test_a_limit_is_foreseen_with_status_0_and_hit_with_status_3(cli, road):
    rules, facts = road
    found = cli("ground", rules, "--facts", facts, "--forecast", "--max-facts", "500")
    assert found.status == 0
    assert found.out.splitlines()[-1] == "would stop at --max-facts"
    found = cli("ground", rules, "--facts", facts, "--max-facts", "500")
    assert found.status == 3
    assert "NS410" in found.err


def test_a_query_loads_the_facts_it_asks_for(cli, road):
    rules, facts = road
    only = cli("ground", rules, "--facts", facts, "--query", "other(X)", "--json")
    assert only.status == 0
    with_facts = cli("ground", rules, "--facts", facts, "--query", "edge(X, Y)", "--forecast", "--json")
    assert with_facts.json["forecast"]["given"] == 60


def test_faulty_rules_and_json(cli, file):
    found = cli("ground", file("a.rules", "p(X) :- q(Y)."), "--forecast", "--json")
    assert found.status == 1
    assert found.json["forecast"] is None
    assert found.json["diagnostics"]


def test_rules_without_facts(cli, file):
    path = file("a.rules", "p(1).\nquery(p(X)).\n")
    assert "in all: 1 facts" in cli("ground", path).out
    assert cli("ground", path, "--forecast").out.splitlines()[0] == "given: 1 facts"
