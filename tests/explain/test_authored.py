"""The authored programs: every answer is as worked out by hand, explained, verified, and held by outside checkers."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import pytest
import rdflib
from rdflib.term import Node as Term

import neurosym as ns
from neurosym.explain.model import Explanation, Node
from neurosym.lang import Value, parse_atom
from neurosym.lang.ast import Atom, Const, Rule
from tests.explain import asp

KNOWLEDGE = Path(__file__).parents[2] / "knowledge"
RULES = {"family": "kin.rules", "access": "policy.rules", "statute": "bees.rules"}
TURTLE = {"family": "people.ttl", "statute": "cases.ttl"}
RDF_TYPE = rdflib.RDF.type


class Domain:
    """One folder of `knowledge/`: its answers, and the explanation of each."""

    def __init__(self, name: str) -> None:
        self.folder = KNOWLEDGE / name
        self.rules_file = self.folder / RULES[name]
        if name in TURTLE:
            self.facts = ns.FactBase.from_rdf(str(self.folder / TURTLE[name]))
            self.triples = rdflib.Graph().parse(self.folder / TURTLE[name])
        else:
            self.facts, self.triples = ns.FactBase(), None
            for table in sorted(self.folder.glob("*.csv")):
                self.facts = self.facts + ns.FactBase.from_csv(str(table), table.stem)
        self.program = ns.Program.from_file(str(self.rules_file))
        self.answers = ns.Reasoner(self.program, self.facts).query()
        self.expected = json.loads((self.folder / "expected.json").read_text())
        self.text = asp.rules_of(self.rules_file.read_text())

    @cached_property
    def explained(self) -> list[Explanation]:
        return [ns.explain(self.answers, a, budget=600) for a in self.answers.atoms]

    @cached_property
    def given(self) -> set[str]:
        """All facts, as clingo spells them: read from the files by csv and rdflib, not by the library."""
        found = {
            asp.atom(m[1]) for m in re.finditer(r"^(year_of_decision\(\d+\))\.$", self.rules_file.read_text(), re.M)
        }
        for table in self.folder.glob("*.csv"):
            with table.open() as stream:
                rows = list(csv.reader(stream))[1:]
            found |= {asp.atom(f"{table.stem}({', '.join(row)})") for row in rows}
        if self.triples is None:
            return found
        declared = r"^pred (\w+)\([^)]*\) from (\w+:\w+)"
        for predicate, iri in re.findall(declared, self.rules_file.read_text(), re.M):
            node = self.triples.namespace_manager.expand_curie(iri)
            found |= {f"{predicate}({_local(s)})" for s in self.triples.subjects(RDF_TYPE, node)}
            found |= {f"{predicate}({_local(s)},{_local(o)})" for s, o in self.triples.subject_objects(node)}
        return found


def _local(node: Term) -> str:
    return str(node) if isinstance(node, rdflib.Literal) else re.sub(r".*/(\w)\w*s?#", _prefix, str(node))


def _prefix(match: re.Match[str]) -> str:
    return {"family#": "fam_", "bees#": "bee_"}[match[0].rsplit("/", 1)[1]]


@pytest.fixture(scope="module", params=list(RULES))
def domain(request: pytest.FixtureRequest) -> Domain:
    return Domain(request.param)


def test_the_answers_are_those_worked_out_by_hand(domain: Domain) -> None:
    assert domain.answers.detach() == pytest.approx(domain.expected)


def test_clingo_derives_the_same(domain: Domain) -> None:
    program = asp.program(domain.text)
    always, sometimes = (asp.consequences(program, domain.given, m) for m in ("cautious", "brave"))
    queries = re.findall(r"^query\((.*)\)\.$", domain.rules_file.read_text(), re.M)
    patterns = [re.sub(r"\\?\b[A-Z]\b", "[^,]+", re.escape(asp.atom(q))) for q in queries]
    asked = re.compile("|".join(patterns))
    expected = {asp.atom(a): p for a, p in domain.expected.items()}
    assert {a for a in always if asked.fullmatch(a)} == {a for a, p in expected.items() if p == 1}
    assert {a for a in sometimes if asked.fullmatch(a)} == set(expected)


def test_every_answer_is_explained_and_verifies(domain: Domain) -> None:
    for why in domain.explained:
        assert why.proofs, why.claim.atom
        assert why.claim.probability == pytest.approx(domain.expected[why.claim.atom])
        why.verify()
        assert not any("were not left out" in w for w in why.warnings)


def test_without_a_cited_fact_the_answer_is_what_the_report_says(domain: Domain) -> None:
    """Each cited fact is deleted, and everything is evaluated from scratch."""
    said: dict[str, dict[str, float]] = {}
    for why in domain.explained:
        for contribution in why.contributions:
            node = why.nodes.get(contribution.reference)
            if contribution.kind == "leaf" and node is not None and node.kind == "data":
                said.setdefault(node.atom, {})[why.claim.atom] = contribution.without
        cited = {n.atom for n in why.nodes.values() if n.kind == "data"}
        assert cited <= set(said), why.claim.atom
    assert len(said) > 20
    for deleted, without in said.items():
        left, program = domain.facts - _one(domain, deleted), ns.Program.from_file(str(domain.rules_file))
        if len(left) == len(domain.facts):  # it stands in the rule text
            kept = tuple(s for s in program.statements if not (isinstance(s, Rule) and _says(s, domain, deleted)))
            assert len(kept) == len(program.statements) - 1, deleted
            program = replace(program, statements=kept)
        again = ns.Reasoner(program, left).query().detach()
        assert {a: again.get(a, 0.0) for a in without} == pytest.approx(without), deleted


def _says(rule: Rule, domain: Domain, spelled: str) -> bool:
    """Whether a statement is a fact that an explanation spells."""
    fact = parse_atom(spelled, domain.program.prefixes)
    return rule.is_fact and [(a.key, _values(a)) for h in rule.heads for a in h.atoms] == [(fact.key, _values(fact))]


def _one(domain: Domain, spelled: str) -> ns.FactBase:
    """A fact base of the one fact that an explanation spells, under the name that the fact base has for it."""
    fact = parse_atom(spelled, domain.program.prefixes)
    declaration = domain.program.declarations.get(fact.key)
    iri = declaration.iri if declaration is not None else None
    name = fact.predicate if iri is None else f"<{iri}>"
    return ns.FactBase.from_facts([(name, _values(fact))])


def _values(fact: Atom) -> tuple[Value, ...]:
    assert all(isinstance(t, Const) for t in fact.args)
    return tuple(t.value for t in fact.args if isinstance(t, Const))


def test_without_a_cited_rule_the_answer_is_what_the_report_says(domain: Domain) -> None:
    """Each cited rule is made to fail in the file's text, and everything is evaluated from scratch."""
    said: dict[str, dict[str, float]] = {}
    for why in domain.explained:
        for contribution in why.contributions:
            if contribution.kind == "rule":
                said.setdefault(contribution.name, {})[why.claim.atom] = contribution.without
    text = domain.rules_file.read_text()
    for name, without in said.items():
        start = re.search(rf"^rule {name}\n(?:  (?!if).*\n)*  if ", text, re.M)
        assert start is not None, name
        end = text.index("\n  then" if domain.text[name].heads else "\n  because", start.end())
        failing = f"{text[: start.end()]} fail and ({text[start.end() : end]}){text[end:]}"
        again = ns.Reasoner(ns.Program.from_text(failing), domain.facts).query().detach()
        assert {a: again.get(a, 0.0) for a in without} == pytest.approx(without), name


def test_each_step_is_an_instance_of_its_rule(domain: Domain) -> None:
    """clingo gets the text of the rule and the facts that the step names, and derives what the step concludes."""
    checked: set[tuple[str, str, frozenset[str]]] = set()
    for why in domain.explained:
        for step in why.steps:
            if why.nodes[step.node].kind != "derived":
                continue
            body = frozenset(asp.atom(n.atom) for n in _body(why, step.body) if n.kind in ("derived", "data"))
            rule, head = why.rules[step.rule].name, asp.atom(why.nodes[step.node].atom)
            if (rule, head, body) in checked or head.startswith("'member of"):  # it is no rule's head, but a group's
                continue
            checked.add((rule, head, body))
            if head.startswith("'exception of"):  # what stands behind an exception that is held not to apply
                args = {a.strip() for a in head.partition("'(")[2].removesuffix(")").split(",")}
                assert asp.excepts(domain.text[rule], domain.text, args, set(body)), (rule, head, body)
            else:
                assert asp.step(domain.text[rule], head, set(body)), (rule, head, body)
    assert len(checked) > 30


def _body(why: Explanation, names: tuple[str, ...]) -> list[Node]:
    """What a step rests on, an aggregate by its members."""
    steps = {s.node: s for s in why.steps}
    found: list[Node] = []
    for name in names:
        node = why.nodes[name]
        found += _body(why, steps[name].body) if node.kind == "aggregate" and name in steps else [node]
    return found


def test_each_leaf_is_in_the_files(domain: Domain) -> None:
    leaves = {n.atom: n.place for why in domain.explained for n in why.nodes.values() if n.kind == "data"}
    for atom, place in leaves.items():
        assert asp.atom(atom) in domain.given, atom
        path, _, line = place.rpartition(":")
        if path.endswith(".csv"):
            row = Path(path).read_text().splitlines()[int(line) - 1]
            assert atom == f"{Path(path).stem}({row.replace(',', ', ')})"


def test_what_is_said_to_be_absent_is_in_no_answer_set(domain: Domain) -> None:
    possible = asp.consequences(asp.program(domain.text), domain.given, "brave")
    absent = {n.atom for why in domain.explained for n in why.nodes.values() if n.kind == "absent"}
    plain = [asp.atom(a.removeprefix("not ")) for a in absent if re.fullmatch(r"not \w+\([^_]*\)", a)]
    assert plain
    for atom in plain:
        assert atom not in possible


@pytest.mark.parametrize("name", TURTLE)
def test_recorded_leaves_are_asked_of_the_graph_in_sparql(name: str) -> None:
    domain = Domain(name)
    assert domain.triples is not None
    asked = {n.atom for why in domain.explained for n in why.nodes.values() if n.kind == "data" and ".ttl" in n.place}
    assert len(asked) > 20
    for spelled in asked:
        fact = parse_atom(spelled, domain.program.prefixes)
        declaration = domain.program.declarations[fact.key]
        terms = [f"<{v.value}>" if isinstance(v, ns.Iri) else str(v) for v in _values(fact)]
        pattern = f"<{declaration.iri}> {terms[1]}" if len(terms) == 2 else f"a <{declaration.iri}>"
        assert domain.triples.query(f"ASK {{ {terms[0]} {pattern} }}").askAnswer, spelled
