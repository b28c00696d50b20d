"""Leaving out, against the program and the facts without what was left out, made and asked from scratch."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch

import neurosym as ns
from neurosym.errors import NeurosymError
from neurosym.explain.contributions import leaving, reground
from neurosym.lang.ast import Const, Rule
from neurosym.lang.terms import Symbol, spell

PROGRAMS = {
    "negation": (
        "0.6::wet(X) :- rain(X), \\+sheltered(X). sheltered(X) :- roof(X), \\+hole(X). roof(a). rain(a). hole(a).",
        "wet(a)",
    ),
    "an aggregate over recorded facts": (
        "rule many weight 0.7 if case(?x) and ?n = count{ ?s : sign(?x, ?s) } and ?n >= 2 then ill(?x) .\n"
        "rule one if sign(?x, fever) and weak(?x) then ill(?x) .\n"
        "case(p). sign(p, fever). sign(p, cough). sign(q, cough). 0.4 :: weak(p).",
        "ill(p)",
    ),
    "recursion": (
        "path(X, Y) :- edge(X, Y). path(X, Z) :- path(X, Y), edge(Y, Z). edge(a, b). 0.5::edge(b, c). edge(a, c) :- no."
        " 0.5::no. edge(c, d).",
        "path(a, d)",
    ),
    "a long chain of recorded facts": (
        "0.9::ok(X) :- step(X, Y). at(0). at(Y) :- at(X), step(X, Y), ok(X). "
        + " ".join(f"step({k}, {k + 1})." for k in range(12)),
        "at(12)",
    ),
    "a disjunction": (
        "0.3::red(X); 0.6::green(X) :- ball(X). ball(b). nice :- red(b). nice :- green(b), big. big.", "nice",
    ),
    "an exception": (
        "rule flies weight 0.9 if bird(?x) then flies(?x) . rule e exception to flies if penguin(?x) .\n"
        "rule p if bird(?x) and swims(?x) then penguin(?x) . bird(t). 0.3 :: swims(t).",
        "flies(t)",
    ),
    "an exception that concludes something": (
        "rule pays if rides(?x) then fare(?x) .\n"
        "rule child weight 0.8 exception to pays if young(?x) then free(?x) .\n"
        "rule ok1 if fare(?x) then settled(?x) .\nrule ok2 if free(?x) and card(?x) then settled(?x) .\n"
        "rides(t). young(t). 0.4 :: card(t).",
        "settled(t)",
    ),
    "evidence": ("0.3::a. 0.4::b. c :- a, x. c :- b, y. x. y. evidence(c). d :- a. d :- z, b. z.", "d"),
    "arithmetic": ("0.5::late(X) :- due(X, D), paid(X, P), P > D + 3. due(i, 10). paid(i, 20). bad :- late(i).", "bad"),
}  # fmt: skip


def without(program: ns.Program, statement: Rule) -> ns.Program:
    if statement.label == "pays":  # what its exception concludes still follows
        text = PROGRAMS["an exception that concludes something"][0].split("\n", 1)[1]
        return ns.Program.from_text("pred fare(x: any) .\n" + text.replace("exception to pays ", ""), "p.rules")
    kept = (
        s for s in program.statements
        if s is not statement and not (isinstance(s, Rule) and statement.name and s.exception_to == statement.name)
    )  # fmt: skip
    return replace(program, statements=tuple(kept))


def probability(program: ns.Program, atom: str, semantics: str) -> float:
    try:
        answers = ns.Reasoner(program, semantics=semantics).query(atom)
    except NeurosymError as error:
        if error.code == "NS616":  # nothing speaks of the predicate any more
            return 0.0
        assert error.code == "NS502", error
        return math.nan
    return float(answers[atom][0].detach()) if len(answers.atoms) else 0.0


def named(program: ns.Program, name: str) -> Rule:
    """The statement that a contribution speaks of."""
    for rule in program.rules:
        atom = rule.heads[0].atoms[0] if rule.heads else None
        args = [] if atom is None else [spell(a.value) for a in atom.args if isinstance(a, Const)]
        text = "" if atom is None else f"{atom.predicate}({', '.join(args)})"
        if rule.label == name or (rule.is_fact and text.removesuffix("()") == name):
            return rule
    raise LookupError(name)


@pytest.mark.parametrize(("many", "few"), [(1000, 8), (0, 8), (0, 0)], ids=["at once", "apart", "by derivatives"])
@pytest.mark.parametrize("semantics", ["exact", "viterbi", "product"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_is_what_it_says(name: str, semantics: str, many: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if semantics != "exact" and name == "evidence":
        pytest.skip("evidence needs probabilities")
    monkeypatch.setattr(leaving, "MANY", many)
    monkeypatch.setattr(leaving, "FEW", few)
    text, atom = PROGRAMS[name]
    text = text if "rule " in text else text.replace(". ", ".\n")  # a rule is named by its line
    program = ns.Program.from_text(text, "p.rules" if "rule " in text else "p.pl", "rules" if "rule " in text else "pl")
    answers = ns.Reasoner(program, semantics=semantics).query(atom)
    why = ns.explain(answers, atom, proofs=5)
    assert len(why.contributions) >= 2 and not any("not left out" in w for w in why.warnings)
    seen = set()
    for c in why.contributions:
        if c.name.startswith("it is not so"):
            continue
        expected = probability(without(program, named(program, c.name)), atom, semantics)
        assert c.without == pytest.approx(expected, abs=1e-9), c
        assert c.difference == pytest.approx(why.claim.probability - expected, abs=1e-9)
        seen.add(c.name)
    facts = {n.label for n in why.nodes.values() if n.kind == "data"}
    assert facts <= seen | {
        n for n in facts if math.isnan(probability(without(program, named(program, n)), atom, semantics))
    }


def test_what_makes_the_evidence_impossible_is_not_listed() -> None:
    program = ns.Program.from_text("0.3::a. c :- a, x. x. evidence(c). d :- a. d :- y. 0.1::y.", "p.pl", "pl")
    why = ns.explain(ns.Reasoner(program).query("d"), "d")
    assert {c.name for c in why.contributions}.isdisjoint({"x", "a"})


def test_a_fact_that_is_recorded_twice_is_left_out_in_both_places() -> None:
    """In the rule text and in the fact base."""
    program = ns.Program.from_text("bad(X) :- f(X). 0.2::bad(X) :- g(X). f(a). g(a).", "p.pl", "pl")
    facts = ns.FactBase.from_facts([("f", (Symbol("a"),))])
    why = ns.explain(ns.Reasoner(program, facts).query("bad(a)"), "bad(a)")
    assert {c.name: round(c.without, 9) for c in why.contributions if c.kind == "leaf"}["f(a)"] == 0.2


def test_a_rule_is_left_out_with_the_exceptions_to_its_exceptions() -> None:
    text = """
    rule pay if income(?p) then tax(?p) .
    rule student exception to pay if studies(?p) .
    rule rich exception to student if rich(?p) .
    income(cy). studies(cy). 0.3 :: rich(cy).
    """
    reasoner = ns.Reasoner(ns.Program.from_text(text, "p.rules"))
    why = ns.explain(reasoner.query("tax(cy)"), "tax(cy)")
    found = {c.name: c.without for c in why.contributions}
    assert found["pay"] == 0 and found["income(cy)"] == 0
    reground_one = reground.Regrounder(reasoner.query("tax(cy)"), reasoner, ns.FactBase(), 0, 9.0)
    assert reground_one.without_rule(0, reasoner.query("tax(cy)").facts[0]) == 0


def test_a_fact_of_the_text_about_what_no_recorded_fact_speaks_of() -> None:
    program = ns.Program.from_text("pred r(x: any) . r(b). 0.5 :: c. p(X) :- r(X), c.", "p.rules")
    facts = ns.FactBase.from_facts([("r", (Symbol("a"),))])
    why = ns.explain(ns.Reasoner(program, facts).query("p(b)"), "p(b)")
    assert {c.name: c.without for c in why.contributions}["r(b)"] == 0


def test_many_leaves_are_told_by_one_backward_pass() -> None:
    text = (
        " ".join(f"0.{k}::c({k})." for k in range(1, 10))
        + " some :- c(X), on(X). "
        + " ".join(f"on({k})." for k in range(1, 10))
    )
    why = ns.explain(ns.Reasoner(ns.Program.from_text(text, "p.pl", "pl")).query("some"), "some", proofs=9)
    found = {c.name: c.without for c in why.contributions}
    for k in range(1, 10):
        rest = 1 - math.prod(1 - j / 10 for j in range(1, 10) if j != k)
        assert found[f"on({k})"] == pytest.approx(rest, abs=1e-12)
        assert found[f"c({k})"] == pytest.approx(rest, abs=1e-12)
    assert len(found) == 19  # and the rule


@pytest.mark.parametrize(
    ("text", "without"),
    [
        # nothing is left over of these choices: without one outcome there is a world with none of them
        ("1.0 :: a.\nc :- a.", {"a": 0.0, "<text>:2": 0.0}),
        ("0.4 :: a; 0.6 :: b.\nc :- a.\nc :- b.", {"<text>:1": 0.0, "<text>:2": 0.6, "<text>:3": 0.4}),
        ("0.4 :: a; 0.6 :: b.\nc :- not a.", {"<text>:1": 1.0, "<text>:2": 0.0}),
        ("p(1). p(1).\nc :- p(1).", {"p(1)": 0.0, "<text>:2": 0.0}),
    ],
)
def test_what_is_sure_can_be_left_out(text: str, without: dict[str, float]) -> None:
    why = ns.explain(ns.Reasoner(ns.Program.from_text(text)).query("c"), "c")
    assert {c.name: c.without for c in why.contributions} == pytest.approx(without)
    why.verify(contributions=True)


# ------------------------------------------------------------------------------------------- what networks said

CLASHES = """
    neural digit(cell: Tensor, d: 1..3) by net .
    pred peer(x: symbol, y: symbol) .
    peer(a, b). peer(b, c). peer(a, c). peer(c, d). peer(b, d). peer(a, d).
    clash :- peer(X, Y), digit(X, D), digit(Y, D).
"""


class Said(torch.nn.Module):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.log()


@pytest.mark.parametrize("contributions", ["leave-one-out", "gradient"])
def test_a_value_that_a_network_did_not_say_takes_no_world_along(contributions: str) -> None:
    """Any two of four cells that show 2 clash: each alone changes next to nothing, whatever a circuit decides first."""
    reasoner = ns.Reasoner(ns.Program.from_text(CLASHES), networks={"net": Said()})
    said = {cell: torch.tensor([[0.01, 0.98, 0.01]]) for cell in "abcd"}
    answers = reasoner.query("clash", inputs=said)
    why = ns.explain(answers, "clash", proofs=6, contributions=contributions)
    left = [c for c in why.contributions if c.kind == "leaf" and c.name.startswith("digit")]
    assert len(left) == 4
    whole, less = {1: 0.01, 2: 0.98, 3: 0.01}, {1: 0.01, None: 0.98, 3: 0.01}
    expected = sum(
        math.prod(p for _, p in world)
        for world in itertools.product(whole.items(), whole.items(), whole.items(), less.items())
        if len({v for v, _ in world if v}) < sum(v is not None for v, _ in world)
    )
    for c in left:
        assert c.without == pytest.approx(expected, abs=1e-9)
        assert c.gradient is None or c.gradient == pytest.approx(c.difference, abs=1e-9)
    why.verify(contributions=True)
