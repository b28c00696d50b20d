"""Strata and the dependency graph."""

import subprocess
import sys

import pytest

from neurosym.errors import RuleError
from neurosym.lang import Program, dependency_graph, parse_text, stratify
from neurosym.lang.parser import parse_source, program_of


def level(text: str) -> dict[str, int]:
    strata = stratify(parse_text(text))
    return {name: i for i, stratum in enumerate(strata) for name, _ in stratum}


def test_what_is_negated_or_counted_is_finished_first():
    found = level(
        "e(1, 2). a(X) :- e(X, _). b(X) :- e(X, _), not a(X). c(N) :- N = count{ X : b(X) }. d(X) :- c(X) ; a(X)."
    )
    assert (found["e"], found["a"], found["b"], found["c"], found["d"]) == (0, 0, 1, 2, 2)


def test_recursion_shares_a_stratum():
    found = level("e(1, 2). a(X) :- e(X, _). a(X) :- b(X). b(X) :- a(X). c(X) :- e(X, _), not b(X).")
    assert found["a"] == found["b"] == 0 and found["c"] == 1


def test_an_exception_is_a_negation():
    found = level("p(1). s(1). rule r if p(?x) then h(?x) . rule e exception to r if q(?x) . q(X) :- s(X).")
    assert found["h"] == found["q"] + 1


def test_heads_of_one_rule_need_not_share_a_stratum():
    found = level("0.4 :: a; 0.3 :: b. b :- not a.")
    assert found["b"] == found["a"] + 1


def test_triple_depends_on_every_derived_rdf_predicate():
    text = (
        "@prefix ex: <http://e/> . ex:a(X, Y) :- ex:b(X, Y)."
        " n(X) :- ex:b(X, _), not triple(X, _, _). m(X) :- triple(X, ex:a, _)."
    )
    graph = dependency_graph(parse_text(text))
    assert graph.has_edge(("<http://e/a>", 2), ("triple", 3))
    assert graph.has_edge(("<http://e/a>", 2), ("m", 1))
    assert level(text)["n"] == 1


def test_graph_has_signs():
    graph = dependency_graph(parse_text("p(1). a(X) :- p(X), not b(X). b(2)."))
    assert graph.edges[("b", 1), ("a", 1)]["negative"] is True
    assert graph.edges[("p", 1), ("a", 1)]["negative"] is False


def test_a_cycle_raises():
    program = program_of(parse_source("p(1). a(X) :- p(X), not a(X).", "f", "rules", None))
    assert isinstance(program, Program)
    with pytest.raises(RuleError, match="NS208"):
        stratify(program)


def test_reading_rules_imports_nothing_heavy():
    code = (
        "import sys, neurosym.lang as l; l.parse_text('p(1). a(X) :- p(X), not b(X). b(2).');"
        "print([m for m in ('torch', 'numpy', 'lark', 'networkx', 'rdflib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
