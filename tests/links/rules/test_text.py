"""Rule files: what they mean to clingo and to the reasoner, read back, and given back by an expert."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import clingo
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosym import FactBase, Reasoner
from neurosym.errors import RuleError
from neurosym.lang import Iri, Symbol, parse_text
from neurosym.links.graph import TripleGraph
from neurosym.links.names import predicate_of, term_of
from neurosym.links.rules import Mining, Rule, RuleSet, mine, read_rules, revise, write_rules
from neurosym.links.rules.refute import Refuter
from neurosym.links.rules.text import key_of, read_record, rule_text
from tests.links.rules.oracle import body_pairs, graph_of, graphs, holds
from tests.links.rules.test_mine import EVERYTHING

ODD = ("/people/person/place_of_birth", "_hypernym", "http://ex.org/p#treats", "contains", "is in", "Häuser", "it's")


def odd_graph() -> TripleGraph:
    random = np.random.default_rng(3)
    entities = ("02154508", "/m/05zppz", "http://ex.org/Aspirin", "Ärztin", 'x\'s "end" % \\', "not", "a b", "e7",
                '"a \\"b\\""')  # fmt: skip
    triples = {(int(h), int(r), int(t)) for h, r, t in random.integers(0, (9, 7, 9), (90, 3))}
    return TripleGraph(entities, ODD, np.array(sorted(triples)))


@pytest.fixture
def graph() -> TripleGraph:
    return odd_graph()


@pytest.fixture
def rules(graph: TripleGraph) -> RuleSet:
    some = mine(graph, options=Mining(min_support=2))
    return some.take(np.random.default_rng(0).permutation(len(some))[:150]).sorted()


def test_names_of_all_sorts_and_back(graph: TripleGraph, rules: RuleSet, tmp_path: Path) -> None:
    write_rules(rules, graph, tmp_path / "a.rules")
    read = read_rules(tmp_path / "a.rules", graph)  # which checks it
    assert read.others == ()
    assert list(read.rules) == list(rules)
    assert {int(k) for k in rules.kind} == {0, 1, 2}
    assert any('"a \\"b\\""' in (rule.head_entity, rule.body_entity) for rule in rules)


@settings(max_examples=15, deadline=None)
@given(graph=graphs(entities=5, relations=2, most=12), seed=st.integers(0, 99))
def test_any_rules_and_back(graph: TripleGraph, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("rules") / "a.rules"
    rules = mine(graph, options=EVERYTHING)
    rules = rules.take(np.random.default_rng(seed).permutation(len(rules))[:30])
    write_rules(rules, graph, path)
    assert list(read_rules(path, graph).rules) == list(rules)


def facts_text(graph: TripleGraph) -> str:
    names = [(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in graph.triples.tolist()]
    return "\n".join(f"{r}({h},{t})." for h, r, t in names)


@settings(max_examples=20, deadline=None)
@given(graph=graphs(entities=5, relations=2, most=14), seed=st.integers(0, 99))
def test_clingo_derives_the_pairs_that_enumeration_finds(graph: TripleGraph, seed: int) -> None:
    rules = mine(graph, options=EVERYTHING)
    rules = rules.take(np.random.default_rng(seed).permutation(len(rules))[:20])
    for rule in rules:
        body = rule_text(rule).split("\n")[0].replace("\\=", "!=")
        control = clingo.Control(["--warn=none"])
        control.add("base", [], facts_text(graph) + body)
        control.ground([("base", [])])
        derived = {
            tuple(str(a) for a in atom.symbol.arguments)
            for atom in control.symbolic_atoms
            if atom.symbol.name.startswith("body_")
        }
        pairs = {tuple(graph.entities[e] for e in pair) for pair in body_pairs(rule, graph)}
        assert derived == (pairs if rule.head_entity is None else {pair[:1] for pair in pairs})


def test_the_reasoner_derives_the_same_with_the_rules_weight(tmp_path: Path) -> None:
    graph = graph_of({(i, r, (2 * i + r) % 6) for i in range(6) for r in range(2)}, 6, 2)
    rules = mine(graph, options=EVERYTHING)
    for row in np.random.default_rng(1).permutation(len(rules))[:6]:
        one = rules.take(np.array([row]))
        rule = one[0]
        write_rules(one, graph, tmp_path / "a.rules")
        text = (tmp_path / "a.rules").read_text() + "\n" + facts_text(graph)
        facts = "\n".join(f"pred r{i}(from: any, to: any) ." for i in range(2) if f"pred r{i}(" not in text)
        answers = Reasoner(parse_text(facts + text), FactBase()).query(f"likely_{rule.head[0]}(A, B)")
        found = {str(atom): float(tag) for atom, tag in zip(answers.atoms, answers.tags[0], strict=True) if tag > 0}
        expected = set()
        for x, y in body_pairs(rule, graph):
            x, y = (y, x) if rule.head[1] else (x, y)
            expected.add(f"likely_{rule.head[0]}({graph.entities[x]}, {graph.entities[y]})")
        assert set(found) == expected
        assert np.allclose(list(found.values()), rule.confidence)


def test_counterexamples_are_some(graph: TripleGraph, rules: RuleSet) -> None:
    for rule in rules:
        wrong = body_pairs(rule, graph) - holds(graph)[rule.head]
        if rule.head[1]:
            wrong = {(y, x) for x, y in wrong}
        found = list(Refuter(graph).refute(rule))
        assert len(found) == len(set(found)) == rule.body_count - rule.support
        assert {(graph.entity_ids[x], graph.entity_ids[y]) for x, y in found} == wrong


def test_they_stand_in_comments(graph: TripleGraph, rules: RuleSet, tmp_path: Path) -> None:
    write_rules(rules, graph, tmp_path / "a.rules", counterexamples=2)
    text = (tmp_path / "a.rules").read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.startswith("% but not for ")]
    assert len(comments) == sum(rule.support < rule.body_count for rule in rules)


def delete(path: Path, rule: Rule) -> None:
    """As an expert does: both statements of a rule go."""
    chunks = path.read_text(encoding="utf-8").split("\n\n")
    kept = [chunk for chunk in chunks if f"mined_{key_of(rule)}" not in chunk]
    assert len(kept) == len(chunks) - 1
    path.write_text("\n\n".join(kept), encoding="utf-8")


def test_what_an_expert_deleted_stays_deleted(graph: TripleGraph, rules: RuleSet, tmp_path: Path) -> None:
    path = tmp_path / "a.rules"
    first, later = rules.take(np.arange(40)), rules
    write_rules(first, graph, path)
    gone, changed = first[3], first[5]
    delete(path, gone)
    weight = f"  weight {changed.confidence!r}\n"
    chunks = path.read_text(encoding="utf-8").split("\n\n")
    chunks = [c.replace(weight, "  weight 0.125\n") if f"mined_{key_of(changed)}" in c else c for c in chunks]
    path.write_text("\n\n".join(chunks), encoding="utf-8")
    for _ in range(2):  # the second run reads what the first one wrote
        result = revise(later, graph, path)
        names = [key_of(rule) for rule in result]
        assert key_of(gone) not in names
        assert sorted([*names, key_of(gone)]) == sorted(key_of(rule) for rule in rules)
        assert next(rule for rule in result if key_of(rule) == key_of(changed)).confidence == 0.125
        write_rules(result, graph, path)
    assert key_of(gone) in read_record(path)


def test_an_experts_own_rules(tmp_path: Path) -> None:
    graph = graph_of({(0, 0, 1), (1, 1, 2), (2, 0, 3), (0, 1, 3), (1, 0, 2)}, 4, 2)
    path = tmp_path / "a.rules"
    path.write_text(
        "pred r0(from: any, to: any) .\npred r1(from: any, to: any) .\n"
        "0.75 :: likely_r1(X, Y) :- r0(X, A), r1(Y, A), X \\= Y .\n"
        "rule mine weight 0.5 if r0(?p, e1) then likely_r1(?p, e2) .\n"
        "rule other weight 0.5 if r0(?p, ?q) and not r1(?p, ?q) then likely_r1(?p, ?q) .\n"
        "likely_r1(X, Y) :- r0(Y, X) .\n"
    )
    read = read_rules(path, graph)
    assert [(str(rule), rule.confidence) for rule in read.rules] == [
        ("r1(X, Y) <= r0(X, A), r1(Y, A)", 0.75),
        ("r1(X, e2) <= r0(X, e1)", 0.5),
        ("r1(X, Y) <= r0(Y, X)", 1.0),
    ]
    assert read.others == ("other",)
    mined = mine(graph, options=EVERYTHING)
    revised = {key_of(rule): rule.confidence for rule in revise(mined, graph, path)}
    assert all(revised[key_of(rule)] == rule.confidence for rule in read.rules)


@pytest.mark.parametrize("text", ["0.5 :: likely_r0(X, Y) :- r0(X, X", "0.5 :: likely_r0(X, Y) :- r9(X, Y) ."])
def test_faulty_files_say_what_is_wrong(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.rules").write_text(text)
    with pytest.raises(RuleError, match=r"a\.rules"):
        read_rules(tmp_path / "a.rules", graph_of({(0, 0, 1)}, 2, 1))


def test_words() -> None:
    assert predicate_of("contains") == "related_contains"
    assert predicate_of("http://ex.org/p") == "<http://ex.org/p>"
    assert term_of("e: f") == Symbol("e: f")
    assert term_of("http://ex.org/e") == Iri("http://ex.org/e")
    rule = Rule(("r", False), (("s", True), ("t", False)), None, None, 1, 2, 0.5)
    assert str(rule) == "r(X, Y) <= s(A, X), t(A, Y)"
    assert key_of(rule) == key_of(replace(rule, confidence=0.1))


def test_bodies_are_unfolded_by_the_definitions_of_the_file(tmp_path: Path) -> None:
    graph = graph_of({(0, 0, 1), (1, 1, 2), (2, 0, 3), (0, 1, 3), (1, 0, 2)}, 4, 2)
    path = tmp_path / "a.rules"
    path.write_text(
        "pred r0(from: any, to: any) .\npred r1(from: any, to: any) .\n"
        "link(X, Y) :- r0(X, Y).\n"
        "link(X, Y) :- r0(Y, X).\n"
        "rule apart if link(?a, ?m) and link(?b, ?m) then two_steps(?a, ?b) .\n"
        "rule far weight 0.5 learn if two_steps(?p, ?q) then likely_r1(?p, ?q) .\n"
        "rule again weight 0.1 if loop(?p, ?q) then likely_r1(?p, ?q) .\n"
        "loop(X, Y) :- r0(X, Z), loop(Z, Y).\n"
        "unused(X, Y) :- r1(X, Y).\n"
    )
    read = read_rules(path, graph)
    assert [str(rule) for rule in read.rules] == [
        "r1(X, Y) <= r0(X, A), r0(Y, A)",
        "r1(X, Y) <= r0(X, A), r0(A, Y)",
        "r1(X, Y) <= r0(A, X), r0(Y, A)",
        "r1(X, Y) <= r0(A, X), r0(A, Y)",
    ]
    assert {rule.confidence for rule in read.rules} == {0.5}
    assert read.others == ("again", "loop", "unused")  # recursion is a reasoner's
    far, apart, *links = read.origins[0]
    assert (far.statement.name, far.places) == ("far", {"p": 0, "q": 2})
    assert (apart.statement.name, apart.places) == ("apart", {"a": 0, "b": 2, "m": 1})
    assert len(links) == 2


def test_predicates_stand_for_the_relations_that_they_are_declared_from(tmp_path: Path) -> None:
    graph = TripleGraph(("a", "b"), ("http://ex.org/p", "http://ex.org/q"), np.array([[0, 0, 1]]))
    path = tmp_path / "a.rules"
    path.write_text(
        "@prefix ex: <http://ex.org/> .\n"
        "pred knows(from: any, to: any) from ex:p .\n"
        "pred likes(from: any, to: any) from ex:q .\n"
        "0.5 :: likely_likes(X, Y) :- knows(Y, X) .\n"
    )
    (rule,) = read_rules(path, graph).rules
    assert (rule.head, rule.body) == (("http://ex.org/q", False), (("http://ex.org/p", True),))


def test_a_rule_that_was_never_counted_says_so(graph: TripleGraph, rules: RuleSet) -> None:
    rule = replace(rules[0], support=0, body_count=0, coverage=0.0)
    assert 'source "not mined, and never counted"' in rule_text(rule)
    assert 'source "mined: ' in rule_text(rules[0])
