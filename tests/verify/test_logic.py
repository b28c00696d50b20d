"""Bounds are verified, and whoever changes their certificates is caught, unless they still say the same."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.verify import Given, verify_certificate
from tests.verify.logic_programs import (
    WAYS,
    Certificate,
    answers_of,
    canonical,
    collected,
    copied,
    explained,
    random_program,
    settled,
)
from tests.verify.tampering import PROGRAMS

SETTINGS = "the settings of the inference"
SEEDS = 60


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000))
def test_random_programs_verify(seed: int) -> None:
    answers = answers_of(random_program(Random(seed)))
    for atom in answers.atoms:
        found = ns.explain(answers, atom, contributions=False).verify()
        assert found.bounds is not None and found.difference < 1e-9
        assert {u.split(",")[0] for u in found.unchecked} <= {
            SETTINGS, "which atoms of open predicates rules and questions speak of",
        }  # fmt: skip


def test_what_is_collected_is_what_was_there() -> None:
    for seed in range(20):
        for certificate, _ in explained(seed):
            again = settled(collected(certificate))
            assert canonical(again) == canonical(certificate)
            assert again["bounds"] == pytest.approx(certificate["bounds"], abs=1e-9)


def code_of(certificate: Certificate, rules: Given | None) -> str:
    try:
        verify_certificate(certificate, given=rules)
    except ExplanationError as error:
        assert error.code is not None
        return error.code
    return ""


def campaign(way: str, number: int, seed: int) -> Counter[str]:
    """Tamper so often; gives how often each code was the answer."""
    random = Random(f"{way} {seed}")
    answers: Counter[str] = Counter()
    tries = 0
    while answers.total() < number:
        tries += 1
        assert tries < 200 * number, f"{way} is hardly ever possible"
        original, rules = random.choice(explained(random.randrange(SEEDS)))
        certificate = copied(original)
        if not WAYS[way](certificate, random):
            continue
        if way != "claim_numbers":
            if random.random() < 0.7:
                try:
                    certificate = collected(certificate)
                except (KeyError, IndexError):
                    continue
            certificate = settled(certificate)
        code = code_of(certificate, rules)
        if code:
            answers[code] += 1
            continue
        # what passes beside the rules says the same
        assert canonical(certificate) == canonical(original), (way, certificate, original)
        assert certificate["bounds"] == pytest.approx(original["bounds"], abs=1e-6)
        answers["equivalent"] += 1
    return answers


@pytest.mark.parametrize("way", WAYS)
def test_tampering_is_caught(way: str) -> None:
    answers = campaign(way, 20, 0)
    assert answers["NS820"] == answers["NS822"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_tampering_is_caught_at_length(way: str) -> None:
    answers = campaign(way, 200, 1)
    print(way, dict(answers))
    assert answers["NS820"] == answers["NS822"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_without_the_rules_what_passes_has_the_same_bounds(way: str) -> None:
    random = Random(way)
    for _ in range(40):
        original, _ = random.choice(explained(random.randrange(SEEDS)))
        certificate = copied(original)
        if WAYS[way](certificate, random) and not code_of(certificate, None):
            assert certificate["bounds"] == pytest.approx(original["bounds"], abs=2e-6)


# --------------------------------------------------------------------------------------------- what programs may have

MANY = {
    "forbidden": (
        "pred ill(x: symbol) open . p(a). p(b). 0.3 :: r(a, b). s(b).\n"
        "forbid f : p(X), ill(X), not r(X, _) .\n"
        "forbid g : p(X), ill(X), not exists{ r(X, Y), not s(Y) } .\n"
        "forbid h : p(X), X != a, ill(X), forall{ r(X, Y) : s(Y) } .",
        "ill(b)",
    ),
    "rdf": (
        "@prefix ex: <http://ex.org/> .\nex:bird(ex:t).\nconstraint c : ex:bird(X) implies ex:flies(X) .\n"
        "constraint d weight 0.8 : ex:flies(X) implies ex:p(X, ex:sky) .",
        "ex:p(ex:t, ex:sky)",
    ),
    "a class": (
        "@prefix ex: <http://ex.org/> .\npred tall(x: ex:Person) open . ex:Person(ex:a). ex:Person(ex:b).\n"
        "constraint c : exists X: tall(X) . constraint d weight 0.9 : forall X: tall(X) implies X = ex:a .",
        "tall(ex:a)",
    ),
    "choices": (
        "coin(c1). 0.4 :: heads(C); 0.5 :: tails(C) :- coin(C). 0.3 :: x; 0.6 :: y.\npred z open .\n"
        "constraint q : coin(C) implies (heads(C) or x implies z) .",
        "z",
    ),
    "aggregates": PROGRAMS["aggregates"],
    "exceptions": PROGRAMS["exceptions"],
    "groups": PROGRAMS["groups"],
    "recursion": PROGRAMS["recursion"],
    "a learned weight": (
        "0.9 :: a. 0.8 :: b. pred c open . constraint f weight 0.7 learn : a and b implies c . t(0.4) :: d :- c.", "d",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_programs_verify(name: str) -> None:
    text, claim = MANY[name]
    answers = ns.Reasoner(ns.Program.from_text(text, f"{name}.rules"), semantics="bounds").query(claim)
    found = ns.explain(answers, claim).verify()
    assert [u.split(",")[0] for u in found.unchecked] == [SETTINGS]


def test_what_cannot_be_compared_is_named() -> None:
    text = "pred tall(x: symbol) open . pred big(x: symbol) open . n(a). n(b). "
    text += "constraint c : tall(X) or big(X) . constraint d : not tall(a) ."
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("big(a)")
    found = ns.explain(answers, "big(a)").verify()
    assert any("a constraint over all names that there are" in u for u in found.unchecked)
    text = "0.5 :: a(x). 0.7 :: a(y). pred bad open . forbid many : count{ X : a(X) } >= 2 . "
    text += "constraint b : bad implies a(x) ."
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("bad")
    assert any("a prohibition with an aggregate" in u for u in ns.explain(answers, "bad").verify().unchecked)


def learned() -> tuple[ns.Reasoner, Certificate]:
    text = """pred c open . 0.9 :: a. 0.8 :: b. n(1). 0.6 :: m(1).
        constraint rule : a and b implies c . constraint z : n(X) implies (m(X) or c) ."""
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics=ns.LogicBounds(learn=True))
    with torch.no_grad():
        for k, parameter in enumerate(reasoner.operands.values()):
            parameter -= torch.linspace(0, 0.3, parameter.numel()) * (k + 1)
    return reasoner, json.loads(ns.explain(reasoner.query("c"), "c").to_json())["certificate"]


def test_weights_of_operands_are_those_that_were_learned() -> None:
    reasoner, certificate = learned()
    known = Given(reasoner.program, operands=reasoner.operand_weights())
    assert verify_certificate(certificate, given=known).bounds == pytest.approx(certificate["bounds"])
    unknown = verify_certificate(certificate, given=Given(reasoner.program))
    assert "what the learned weights of the connectives' operands are" in unknown.unchecked
    for unit in certificate["logic"]["units"]:
        for field in ("bias", "weights"):
            if field not in unit:
                continue
            changed = copied(certificate)
            same = changed["logic"]["units"][certificate["logic"]["units"].index(unit)]
            same[field] = unit["bias"] + 0.05 if field == "bias" else [w / 2 for w in unit["weights"]]
            assert code_of(settled(changed), known) == "NS826"
    assert code_of(certificate, Given(reasoner.program, operands=((), ()))) == "NS831"


def test_a_learned_weight_of_a_constraint() -> None:
    text, claim = MANY["a learned weight"]
    reasoner = ns.Reasoner(ns.Program.from_text(text), semantics="bounds")
    certificate = json.loads(ns.explain(reasoner.query(claim), claim).to_json())["certificate"]
    known = Given(reasoner.program, constraints={0: 0.7})
    verify_certificate(certificate, given=known)
    assert code_of(certificate, replace(known, constraints={0: 0.6})) == "NS831"
    assert "what the learned weights of constraints are" in verify_certificate(
        certificate, given=Given(reasoner.program)
    ).unchecked  # fmt: skip


def test_a_theory_that_has_not_settled_is_made_as_often() -> None:
    text = "".join(f"pred {p} open . " for p in "abcd") + "constraint a : a . constraint ab weight 0.9 : a implies b . "
    text += "constraint bc : b implies c . constraint cd : c implies d ."
    for rounds in (1, 2, 3):
        semantics = ns.LogicBounds(max_rounds=rounds)
        answers = ns.Reasoner(ns.Program.from_text(text), semantics=semantics).query("d")
        found = ns.explain(answers, "d").verify()
        assert found.bounds == (float(answers.lower[0, 0]), float(answers.upper[0, 0]))


WRONG: dict[str, tuple[str, Any]] = {
    "no logic": ("NS810", lambda c: c.pop("logic")),
    "no units": ("NS810", lambda c: c["logic"].pop("units")),
    "units that are no list": ("NS810", lambda c: c["logic"].update(units=3)),
    "a unit that is none": ("NS810", lambda c: c["logic"]["units"].append([])),
    "a child that comes later": ("NS811", lambda c: c["logic"]["units"][0].update(children=[0, 99])),
    "a child that is itself": ("NS811", lambda c: c["logic"]["units"][0].update(children=[0, len(c["facts"])])),
    "a kind that is none": ("NS812", lambda c: c["logic"]["units"][0].update(kind="xor")),
    "one operand too many": ("NS813", lambda c: c["logic"]["units"][0].update(children=[0, 0, 0])),
    "weights that nobody learned": ("NS813", lambda c: c["logic"]["units"][0].update(bias=1.0)),
    "a truth above 1": ("NS815", lambda c: c["logic"]["asserted"][0].update(least=1.5)),
    "a truth that is none": ("NS810", lambda c: c["logic"]["asserted"][0].update(least="1")),
    "infinite slack": ("NS815", lambda c: c["logic"]["settings"].update(slack=float("inf"))),
    "no passes": ("NS815", lambda c: c["logic"]["settings"].update(rounds=0)),
    "passes without end": ("NS815", lambda c: c["logic"]["settings"].update(rounds=10**9)),
    "passes that are not enough": ("NS821", lambda c: c["logic"]["settings"].update(rounds=1)),
    "a weight that is no leaf": ("NS814", lambda c: c["logic"].update(weights=[0])),
    "no bounds": ("NS810", lambda c: c.update(bounds=None)),
    "an instance that is none": ("NS810", lambda c: c["logic"]["asserted"][0].update(instance=["X"])),
    "a fact of another semantics": ("NS812", lambda c: c["facts"][0].update(kind="assumed")),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_malformed_has_a_code(what: str) -> None:
    text = "pred u(x: symbol) open . pred w(x: symbol) open . p(a). constraint c : p(X) implies u(X) . "
    text += "constraint d weight 0.8 : u(X) implies w(X) ."
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("w(a)")
    certificate = json.loads(ns.explain(answers, "w(a)").to_json())["certificate"]
    assert code_of(certificate, None) == ""
    code, change = WRONG[what]
    change(certificate)
    assert code_of(certificate, None) == code


def test_a_large_number_of_passes_is_a_limit() -> None:
    # two bounds that creep
    text = "pred a open . pred b open . constraint c weight 0.999 : a iff b . constraint d : not (a iff b) ."
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("a")
    certificate = json.loads(ns.explain(answers, "a").to_json())["certificate"]
    with pytest.raises(ExplanationError, match="NS820"):
        verify_certificate(certificate, max_steps=5)
