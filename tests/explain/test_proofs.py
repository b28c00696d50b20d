"""The search for proofs, against all proofs of small programs, and on proofs that are large."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosym as ns
from neurosym.explain.proofs import Derivation, ProofSearch
from neurosym.grounding import DerivationGraph
from neurosym.semantics import relevant_part

Rules = list[tuple[int, list[int]]]  # head, body; facts 0 to 3 are derived, 4 to 7 are leaves
CHANCE = {4: 0.9, 5: 0.61, 6: 0.37, 7: 0.23}


def source(rules: Rules) -> str:
    def atom(fact: int) -> str:
        return f"{'f' if fact < 4 else 'leaf'}({fact})"

    lines = [f"{p}::leaf({leaf})." for leaf, p in CHANCE.items()]
    lines += [f"{atom(head)} :- {', '.join(map(atom, body))}." for head, body in rules]
    return "\n".join([*lines, "f(0) :- leaf(4), leaf(5), leaf(6), leaf(7)."])


def all_proofs(rules: Rules, fact: int, above: frozenset[int] = frozenset()) -> set[tuple]:
    """Each proof as (fact, body's proofs), none through a fact that is above it."""
    if fact >= 4:
        return {(fact,)}
    if fact in above:
        return set()
    found: set[tuple] = set()
    for head, body in rules:
        if head == fact:
            parts = [all_proofs(rules, b, above | {fact}) for b in body]
            found |= {(fact, *combined) for combined in itertools.product(*parts)}
    return found


def cost(proof: tuple) -> float:
    return -math.log(CHANCE[proof[0]]) if proof[0] >= 4 else sum(map(cost, proof[1:]))


def search(graph: DerivationGraph, root: int, tries: int) -> ProofSearch:
    part = relevant_part(graph, np.array([root], np.int32), drop_certain=False)

    def costs(facts: np.ndarray, sign: bool) -> np.ndarray:
        assert sign or not len(facts)
        return np.array([-math.log(CHANCE[value_of(graph, f)]) for f in facts.tolist()])

    return ProofSearch(graph, part, costs, tries)


def value_of(graph: DerivationGraph, fact: int) -> int:
    return int(graph.symbols.values(graph.args(fact))[-1])  # pyright: ignore


def plain(graph: DerivationGraph, tree: Derivation) -> tuple:
    return (value_of(graph, tree.fact), *(plain(graph, child) for child in tree.children))


def grounded(text: str, atom: str) -> tuple[DerivationGraph, int]:
    answers = ns.Reasoner(ns.Program.from_text(text, "p.pl", "pl"), demand=False).query(atom)
    return answers.grounded.graph, answers.facts[0]


bodies = st.lists(st.integers(1, 7), min_size=1, max_size=3, unique=True)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), bodies), min_size=1, max_size=7))
def test_the_cheapest_come_first(rules: Rules) -> None:
    """Without cycles exactly those; with cycles the best one, and nothing that is no proof."""
    rules = [r for k, r in enumerate(rules) if r not in rules[:k]]
    acyclic = all(b > head for head, body in rules for b in body)
    expected = all_proofs([*rules, (0, [4, 5, 6, 7])], 0)
    graph, root = grounded(source(rules), "f(0)")
    found = [plain(graph, t) for t in search(graph, root, 60).proofs(root)]
    assert len(set(found)) == len(found) and set(found) <= expected
    assert cost(found[0]) == pytest.approx(min(map(cost, expected)))
    if acyclic:
        assert [cost(p) for p in found] == pytest.approx(sorted(map(cost, expected))[: len(found)])
        assert len(found) == min(60, len(expected))


def test_a_proof_as_deep_as_a_chain_is_long() -> None:
    text = "at(0). at(Y) :- at(X), step(X, Y), ok(X). 0.9::ok(X) :- step(X, Y). "
    text += " ".join(f"step({k},{k + 1})." for k in range(1000))
    answers = ns.Reasoner(ns.Program.from_text(text, "p.pl", "pl")).query("at(1000)")
    why = ns.explain(answers, "at(1000)", proofs=2)
    assert len(why.proofs) == 1 and len(why.proofs[0].steps) == 2000
    why.verify()
    assert "at(1000)" in why.to_text() and why.to_json() and why.to_html()


def test_what_proofs_share_is_there_once() -> None:
    """Each fact rests twice on the one below: as a tree, the proof would have 2^60 nodes."""
    text = "p(0). p(Y) :- q(X, Y), p(X), r(X). r(X) :- p(X). " + " ".join(f"q({k},{k + 1})." for k in range(60))
    answers = ns.Reasoner(ns.Program.from_text(text, "p.pl", "pl")).query("p(60)")
    began = time.monotonic()
    why = ns.explain(answers, "p(60)")
    assert time.monotonic() - began < 30  # a tree would take until the end of time
    assert len(why.steps) == len({s.node for s in why.steps}) == 120
    why.verify()


def test_a_search_that_takes_too_long_says_so() -> None:
    graph, root = grounded(source([(0, [1]), (1, [2]), (1, [4]), (2, [3]), (2, [5]), (3, [6]), (3, [7])]), "f(0)")
    looked = search(graph, root, 60)
    assert len(list(looked.proofs(root))) == 5 and not looked.cut
    looked = search(graph, root, 60)
    looked.max_steps = 8
    assert 1 <= len(list(looked.proofs(root))) < 5 and looked.cut


def test_nodes_have_the_same_names_in_every_explanation() -> None:
    program = ns.Program.from_text("0.5::a. 0.4::b. c :- a. c :- b. d :- c, a. e :- c.", "p.pl", "pl")
    first, second = (ns.explain(ns.Reasoner(program).query(q), q) for q in ("d", "e"))
    shared = set(first.nodes) & set(second.nodes)
    assert {first.nodes[n].atom for n in shared} == {"a", "b", "c"}
    assert sum(first.nodes[n].atom == "c" for n in shared) == 2  # two ways to derive it are two nodes
    assert all(first.nodes[n] == second.nodes[n] for n in shared)
    other = ns.Program.from_text("0.5::a. 0.4::b.\nc :- a. d :- c, a.", "p.pl", "pl")
    third = ns.explain(ns.Reasoner(other).query("d"), "d")
    c = [n for n in third.nodes if third.nodes[n].atom == "c"]
    assert not set(c) & set(first.nodes)  # by another rule
