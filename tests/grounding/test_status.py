"""Certain, possible and absent against the enumeration of all worlds; and what a second run repeats."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from neurosym.errors import RuleError
from neurosym.grounding import CERTAIN, DerivationGraph, ground
from neurosym.lang import Program, parse_text
from tests.grounding.test_clingo import assert_consistent
from tests.oracles.engine import fact_of, visible
from tests.oracles.programs import Style, programs, propositions
from tests.oracles.worlds import TooManyWorlds, worlds

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
# no weights of 0: what only they derive is possible, and in no world
WEIGHTS = ("0.1", "0.3", "0.5", "0.9")
MIXED = Style(constants=("1", "2"), weights=WEIGHTS, facts=7, rules=7, groups=True)
COLUMNS = ("predicate", "row", "status", "choice", "outcome", "rank", "place", "rule", "head", "body_start", "body",
           "sign", "absent_start", "absent", "choice_rest")  # fmt: skip


def parse(statements: list[str]) -> Program:
    try:
        return parse_text("\n".join(statements), "random.rules")
    except RuleError:
        assume(False)
        raise


def check(statements: list[str], limit: int) -> Counter[str]:
    """Compare one program's statuses; gives how many possible facts hold in all worlds, in none, in some."""
    program = parse(statements)
    try:
        found = worlds(program, limit)
    except TooManyWorlds:
        assume(False)
        raise
    graph = ground(program)
    assert_consistent(graph)
    some = frozenset().union(*(facts for _, facts in found))
    every = frozenset(some).intersection(*(facts for _, facts in found))
    seen = set()
    counts: Counter[str] = Counter()
    for f in visible(graph):
        fact = fact_of(graph, f)
        seen.add(fact)
        if graph.status[f] == CERTAIN:
            assert fact in every, fact
            counts["certain"] += 1
        else:
            counts["in all worlds" if fact in every else "in some" if fact in some else "in none"] += 1
    assert some <= seen, "a fact of some world is absent"
    return counts


@settings(max_examples=80, suppress_health_check=CHECKS)
@given(programs(MIXED))
def test_statuses(statements: list[str]) -> None:
    check(statements, 200)


@settings(max_examples=40, suppress_health_check=CHECKS)
@given(propositions())
def test_statuses_of_propositions(statements: list[str]) -> None:
    check([s for s in statements if "evidence" not in s], 200)


@pytest.mark.slow
@settings(max_examples=2000, suppress_health_check=CHECKS)
@given(programs(MIXED))
def test_statuses_often(statements: list[str]) -> None:
    check(statements, 1000)


def columns(graph: DerivationGraph) -> dict[str, object]:
    """All that the graph holds, as lists."""
    plain: dict[str, object] = {name: getattr(graph, name).tolist() for name in COLUMNS}
    plain["names"] = [graph.atom(f) for f in range(graph.num_facts)]
    plain["choices"] = [g.facts.tolist() for g in graph.choices]
    return plain | {"absent_atoms": list(graph.absent_atoms)}


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(programs(MIXED))
def test_two_runs_are_one(statements: list[str]) -> None:
    program = parse(statements)
    assert columns(ground(program)) == columns(ground(parse(statements)))


DIGEST = """
import hashlib, pathlib, sys
from neurosym.errors import NeurosymError
from neurosym.grounding import Limits, ground
from neurosym.lang import parse_files
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if not list(folder.glob("expected.json")) or list(folder.glob("*.ttl")) or list(folder.glob("*.csv")):
        continue
    try:
        g = ground(parse_files(folder.glob("program.*")), limits=Limits(facts=2000, firings=50_000, seconds=20))
    except NeurosymError as error:
        print(folder.name, error)
        continue
    parts = [g.predicates, [r.tolist() for r in g.rows], list(g.absent_atoms), [c.facts.tolist() for c in g.choices]]
    parts += [getattr(g, name).tolist() for name in sys.argv[2:]]
    print(folder.name, hashlib.sha256(repr(parts).encode()).hexdigest())
"""


def test_the_hash_seed_changes_nothing() -> None:
    root = Path(__file__).parents[2]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", DIGEST, str(root / "tests/programs"), *COLUMNS],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    first, second = (run.communicate(timeout=120)[0].splitlines() for run in runs)
    assert len(first) > 100
    assert [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]] == []
