"""Leaving out what is certain: the program is grounded without it."""

from __future__ import annotations

import pytest

import neurosym as ns

FATHERS = """
pred recorded(f: symbol, c: symbol) .
pred husband(h: symbol, c: symbol) .
rule on_record if recorded(?f, ?c) then father(?f, ?c) and known(?c) .
rule presumed weight 0.9 {learn} if husband(?f, ?c) and not known(?c) then father(?f, ?c) .
0.3 :: rumour(kim).
rule hearsay weight 0.5 {learn} if rumour(?c) then gossip(?c) .
"""


@pytest.mark.parametrize("learn", ["", "learn"])
def test_what_is_left_out_may_let_a_weighted_rule_fire(learn: str) -> None:
    program = ns.Program.from_text(FATHERS.format(learn=learn))
    facts = ns.FactBase.from_facts([(p, (ns.Symbol("jo"), ns.Symbol("kim"))) for p in ("recorded", "husband")])
    reasoner = ns.Reasoner(program, facts)
    why = ns.explain(reasoner.query("father(jo, kim)"), "father(jo, kim)")
    without = {c.name: c.without for c in why.contributions}
    assert why.claim.probability == 1
    assert without == pytest.approx({"recorded(jo, kim)": 0.9, "on_record": 0.9})


def test_a_rule_is_left_out_with_the_exceptions_to_its_exceptions() -> None:
    program = ns.Program.from_text("""
        rule loan if asks(?p) then granted(?p) .
        rule debts exception to loan if debts(?p) .
        rule surety exception to debts if surety(?p) .
        asks(ann). debts(ann). surety(ann).
    """)
    why = ns.explain(ns.Reasoner(program).query("granted(ann)"), "granted(ann)")
    assert {c.name: c.without for c in why.contributions if c.kind == "rule"} == {"loan": 0.0}


def test_what_is_too_much_to_be_evaluated_is_said() -> None:
    """Without the sure rule the claim is a majority, whose circuit is larger than allowed."""
    program = ns.Program.from_text("""
        0.5 :: a. 0.5 :: b. 0.5 :: c. on.
        rule sure if on then q .
        q :- a, b. q :- b, c. q :- a, c.
    """)
    why = ns.explain(ns.Reasoner(program, max_circuit=3).query("q"), "q")
    assert "sure" not in {c.name for c in why.contributions}
    assert any("too much to be evaluated" in w for w in why.warnings)
    why = ns.explain(ns.Reasoner(program).query("q"), "q")
    assert {c.name: c.without for c in why.contributions}["sure"] == pytest.approx(0.5)
    assert not any("not left out" in w for w in why.warnings)
