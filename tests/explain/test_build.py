"""Explanations built from answers: proofs, sentences, contributions, certificates."""

from __future__ import annotations

import math

import pytest
import torch

import neurosym as ns
from neurosym.neural import FeatureTable

FEVER = r"""
pred patient(p: symbol) .
pred temperature(patient: symbol, celsius: float) label "{patient} has a temperature of {celsius} °C" .
pred on_antibiotics(p: symbol) .
pred suspect(p: symbol, what: symbol) label "{p} may have {what}" .
neural xray(p: symbol, finding: {clear, nodule, infiltrate}) by xray_net .
patient(p1). patient(p2).
temperature(p1, 38.9). temperature(p1, 39.5). temperature(p2, 38.5). on_antibiotics(p2).

rule fever_without_cover
  weight 0.85 learn
  source "Singer et al., JAMA 2016;315:801"
  if temperature(?p, ?t) and ?t > 38.3 and not on_antibiotics(?p)
  then suspect(?p, infection)
  because "{p} has {t} °C (above 38.3) and takes no antibiotics" .
rule shadow weight 0.7 if patient(?p) and xray(?p, infiltrate) and not xray(?p, clear) then suspect(?p, infection) .
rule watched
  if patient(?p) and ?n = count{ ?t : temperature(?p, ?t) } and ?n >= 2 and suspect(?p, infection) then watch(?p)
  because "{p} was measured {n} times and may be infected" .
"""


class Fixed(torch.nn.Module):
    """Gives the same logits for each row."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.log(torch.tensor([[0.3, 0.1, 0.6]])).expand(len(rows), 3)


@pytest.fixture(scope="module")
def answers() -> ns.Answers:
    table = FeatureTable(["p1", "p2"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]), ["left", "right"])
    reasoner = ns.Reasoner(ns.Program.from_text(FEVER, "fever.rules"), None, {"xray_net": Fixed()}, {"symbol": table})
    return reasoner.query("suspect(P, infection)", "watch(P)", "suspect(p9, infection)")


def test_the_package_is_callable_as_the_public_function(answers: ns.Answers) -> None:
    import neurosym.explain.build

    assert (
        ns.explain(answers, "watch(p1)").claim.atom == neurosym.explain.build.explain(answers, "watch(p1)").claim.atom
    )


def test_sentences_are_the_experts_with_values_filled_in(answers: ns.Answers) -> None:
    why = ns.explain(answers, "suspect(p1, infection)")
    sentences = [s.because for s in why.steps]
    assert "p1 has 38.9 °C (above 38.3) and takes no antibiotics" in sentences
    assert why.claim.label == "p1 may have infection"
    assert "p1 has a temperature of 38.9 °C" in {n.label for n in why.nodes.values()}


def test_kinds_of_leaves(answers: ns.Answers) -> None:
    why = ns.explain(answers, "suspect(p1, infection)")
    kinds = {n.kind for n in why.nodes.values()}
    assert kinds == {"derived", "data", "choice", "absent", "neural", "not"}
    absent = next(n for n in why.nodes.values() if n.kind == "absent")
    assert "on_antibiotics(p1)" in absent.atom and absent.place
    seen = next(n for n in why.nodes.values() if n.kind == "neural")
    assert seen.neural is not None and seen.neural.value == "infiltrate"
    assert [r.value for r in seen.neural.runners_up] == ["clear", "nodule"]
    assert ("left", "1", "") in seen.neural.inputs


def test_proofs_come_best_first_with_their_own_probability(answers: ns.Answers) -> None:
    why = ns.explain(answers, "suspect(p1, infection)", proofs=5)
    assert [p.probability for p in why.proofs] == pytest.approx([0.85, 0.85, 0.42])


def test_an_aggregate_shows_its_members(answers: ns.Answers) -> None:
    why = ns.explain(answers, "watch(p1)")
    count = next(n for n in why.nodes.values() if n.kind == "aggregate")
    step = next(s for s in why.steps if s.node == count.id)
    assert count.atom == "count = 2" and len(step.body) == 2
    assert any(s.because == "p1 was measured 2 times and may be infected" for s in why.steps)


def test_rules_carry_text_source_and_weight(answers: ns.Answers) -> None:
    rule = next(r for r in ns.explain(answers, "watch(p1)").rules if r.name == "fever_without_cover")
    assert rule.text.startswith("rule fever_without_cover") and rule.source.startswith("Singer")
    assert rule.weight == pytest.approx(0.85) and rule.learned and rule.line == 10


def test_leaving_out_agrees_with_a_program_without_the_rule(answers: ns.Answers) -> None:
    why = ns.explain(answers, "watch(p1)", proofs=5)
    without = {c.name: c.without for c in why.contributions if c.kind == "rule"}
    assert without["shadow"] == pytest.approx(1 - 0.15 * 0.15)
    assert without["fever_without_cover"] == pytest.approx(0.42)
    assert without["watched"] == 0
    for contribution in why.contributions:
        assert contribution.difference == pytest.approx(why.claim.probability - contribution.without)


def test_leaving_out_a_recorded_fact_grounds_anew() -> None:
    facts = ns.FactBase.from_facts(
        [("edge", (ns.Symbol("a"), ns.Symbol("b"))), ("edge", (ns.Symbol("b"), ns.Symbol("c")))]
    )
    program = ns.Program.from_text(
        "pred edge(x: any, y: any) .\n0.9 :: path(X, Y) :- edge(X, Y).\npath(X, Z) :- path(X, Y), edge(Y, Z)."
    )
    answers = ns.Reasoner(program, facts).query("path(a, c)")
    why = ns.explain(answers, "path(a, c)")
    left_out = {c.name: c.without for c in why.contributions if c.kind == "leaf"}
    assert left_out == {"edge(a, b)": 0.0, "edge(b, c)": 0.0}


def test_an_atom_that_cannot_be_derived(answers: ns.Answers) -> None:
    why = ns.explain(answers, "suspect(p9, infection)")
    assert why.claim.probability == 0 and why.proofs == () and why.claim.detail == "cannot be derived"
    why.verify()


def test_cycles_give_finite_proofs() -> None:
    program = ns.Program.from_text(
        "0.5::e(s,1). 0.5::e(s,2). 0.5::e(1,2). 0.5::e(2,1). r(Y) :- e(s,Y). r(Y) :- r(X), e(X,Y). query(r(1)).",
        dialect="pl",
    )
    answers = ns.Reasoner(program).query()
    why = ns.explain(answers, "r(1)", proofs=10)
    assert [p.probability for p in why.proofs] == [0.5, 0.25]
    assert why.claim.probability == pytest.approx(0.625)
    why.verify()


def test_exceptions_and_negated_groups_read_as_what_they_are() -> None:
    program = ns.Program.from_text(
        """
        bird(tweety). bird(pingu). 0.4 :: penguin(tweety). penguin(pingu).
        rule flies if bird(?b) then flies(?b) because "{b} is a bird" .
        rule penguins exception to flies if penguin(?b) because "{b} is a penguin" .
        """,
        "birds.rules",
    )
    answers = ns.Reasoner(program).query("flies(B)")
    assert answers.detach() == pytest.approx({"flies(tweety)": 0.6})
    why = ns.explain(answers, "flies(tweety)")
    exception = next(n for n in why.nodes.values() if n.kind == "not")
    assert "penguins" in exception.label and exception.probability == pytest.approx(0.6)
    why.verify()


def test_each_sample_of_a_batch_has_its_own_explanation() -> None:
    program = ns.Program.from_text("neural seen(i: Image) by net .\nalarm(I) :- seen(I).")
    reasoner = ns.Reasoner(program, networks={"net": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1))})
    answers = reasoner.query("alarm(a)", inputs={"a": torch.arange(8.0).reshape(2, 1, 2, 2)})
    for sample in range(2):
        why = ns.explain(answers, "alarm(a)", sample=sample)
        assert why.claim.probability == pytest.approx(float(answers.tags[sample, 0].detach()))
        neural = next(n.neural for n in why.nodes.values() if n.neural is not None)
        assert neural.image.startswith("data:image/png;base64,")
        why.verify()


@pytest.mark.parametrize("semantics", ["viterbi", "goedel", "product", "lukasiewicz", "boolean"])
def test_algebras_are_explained_and_verified(semantics: str) -> None:
    program = ns.Program.from_text(
        "0.6::a. 0.5::b. 0.3::c. p :- a, b. p :- a, \\+c. q :- p. q :- c. query(q).", dialect="pl"
    )
    answers = ns.Reasoner(program, semantics=semantics).query()
    why = ns.explain(answers, "q")
    assert why.claim.semantics == semantics and why.proofs
    why.verify()


def test_evidence_is_part_of_the_certificate() -> None:
    program = ns.Program.from_text(
        "0.7::burglary. 0.2::earthquake. 0.9::alarm :- burglary. 0.5::alarm :- earthquake. "
        "evidence(alarm). query(burglary).",
        dialect="pl",
    )
    answers = ns.Reasoner(program).query()
    why = ns.explain(answers, "burglary")
    assert why.given == ("alarm",) and "Given: Alarm." in str(why) and "Given that:" in why.to_html()
    assert why.certificate.evidence and why.claim.probability == pytest.approx(0.637 / 0.667)
    why.verify()


def test_the_json_holds_everything(answers: ns.Answers) -> None:
    import json

    data = json.loads(ns.explain(answers, "watch(p1)").to_json())
    assert data["format"] == "neurosym-explanation/1" and data["certificate"]["format"] == "neurosym-certificate/1"
    assert math.isclose(data["claim"]["probability"], answers.detach()["watch(p1)"])
    assert set(data["provenance"]) >= {"version", "rules_sha256", "facts_sha256", "weights_sha256", "time", "seed"}


def test_what_was_observed_is_not_used_against_itself() -> None:
    program = ns.Program.from_text("0.5::a. 0.5::b. p :- a. p :- b. evidence(a, false). query(p).", dialect="pl")
    why = ns.explain(ns.Reasoner(program).query(), "p")
    assert [p.probability for p in why.proofs] == [0.5] and why.claim.probability == pytest.approx(0.5)


def test_groundings_that_differ_in_built_ins_only_are_certified_once() -> None:
    program = ns.Program.from_text("0.5::a. p :- a, between(1, 3, X). query(p).", dialect="pl")
    for semantics, value in (("exact", 0.5), ("count", 3.0)):
        why = ns.explain(ns.Reasoner(program, semantics=semantics).query(), "p")
        assert why.claim.probability == value
        why.verify()


def test_groundings_that_swap_the_facts_of_their_bodies_are_two() -> None:
    program = ns.Program.from_text("0.5::a(1). 0.5::a(2). q :- a(X), a(Y). query(q).")
    for semantics, value in (("exact", 0.75), ("count", 4.0), ("sum-product", 1.0)):
        why = ns.explain(ns.Reasoner(program, semantics=semantics).query(), "q")
        assert why.claim.probability == value
        why.verify()


def test_the_best_proof_is_found_where_every_way_leads_through_a_cycle() -> None:
    """Each of the six paths can be derived through itself; the best proof of the count must not be lost to that."""
    program = ns.Program.from_text(
        "e(1, 2). 0.5 :: e(2, 3). e(3, 1). path(X, Y) :- e(X, Y). path(X, Z) :- path(X, Y), e(Y, Z). "
        "reached(N) :- N = count{ Y : path(1, Y) }."
    )
    answers = ns.Reasoner(program).query("reached(N)", "path(1, 1)")
    for atom in ("reached(3)", "reached(1)", "path(1, 1)"):
        assert [p.probability for p in ns.explain(answers, atom, proofs=5).proofs] == [0.5]


def test_what_the_evidence_needs_is_not_left_out_and_the_rest_is() -> None:
    """Without `b` the observation could not have been made; that says nothing about leaving out `a`."""
    program = ns.Program.from_text(
        "0.5::a. 0.4::b. seen :- b. p :- a. p :- b, c. 0.3::c. evidence(seen). query(p).", dialect="pl"
    )
    why = ns.explain(ns.Reasoner(program).query(), "p", proofs=5)
    left_out = {c.name: c.without for c in why.contributions if c.kind == "leaf"}
    assert left_out == {"a": pytest.approx(0.3), "c": pytest.approx(0.5)}


def test_a_disjunction_has_the_weights_of_all_its_alternatives() -> None:
    program = ns.Program.from_text("0.5::cold(P); 0.3::flu(P) :- person(P). person(a). ill(P) :- flu(P).", "p.pl", "pl")
    why = ns.explain(ns.Reasoner(program).query("ill(a)"), "ill(a)")
    rule = next(r for r in why.rules if "cold" in r.text)
    assert rule.weights == (0.5, 0.3) and rule.weight is None
    assert "(weights 0.500, 0.300)" in str(why)


def test_a_member_that_a_count_needs_false_is_named() -> None:
    program = ns.Program.from_text(
        "0.7::sign(a, s1). 0.6::sign(a, s2). 0.2::sign(a, s4). person(a).\n"
        "ill(P) :- person(P), N = count{ S : sign(P, S) }, N == 2.", "p.pl", "pl",
    )  # fmt: skip
    why = ns.explain(ns.Reasoner(program).query("ill(a)"), "ill(a)", proofs=1)
    assert {n.label for n in why.nodes.values() if n.kind == "not"} == {"it is not so that sign(a, s4)"}
