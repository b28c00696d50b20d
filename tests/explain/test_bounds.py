"""Explanations under `bounds`: what each formula adds, what is in conflict, and its certificate."""

from __future__ import annotations

from dataclasses import replace

import pytest

import neurosym as ns

TEXT = """
    pred flies(x: symbol) open . bird(tweety). penguin(pingu). bird(pingu).
    constraint birds because "birds fly" : bird(X) implies flies(X) .
    constraint penguins weight 0.9 : penguin(X) implies not flies(X) .
"""


def explained(atom: str) -> ns.Explanation:
    answers = ns.Reasoner(ns.Program.from_text(TEXT), semantics="bounds").query("flies(X)")
    return ns.explain(answers, atom)


def test_what_each_formula_adds() -> None:
    found = explained("flies(tweety)")
    assert (found.claim.lower, found.claim.upper, found.claim.semantics) == (1, 1, "bounds")
    (added,) = found.contributions
    assert (added.name, added.without, added.difference) == ("constraint birds", 0.5, 0.5)
    assert found.rules[int(added.reference)].text.startswith("constraint birds")
    assert "constraint birds" in str(found) and "<html" in found.to_html()


def test_conflicts_are_told() -> None:
    found = explained("flies(pingu)")
    assert any("contradict one another" in w for w in found.warnings)


def test_the_certificate_verifies() -> None:
    for atom in ("flies(tweety)", "flies(pingu)"):
        found = explained(atom)
        assert "the bounds follow from the certificate" in found.verify().checked
        again = ns.Explanation.from_json(found.to_json())
        assert again.verify().unchecked and again.checked().verified
    changed = replace(found, claim=replace(found.claim, lower=0.2))
    with pytest.raises(ns.NeurosymError, match="NS821"):
        changed.verify()


def test_an_atom_that_nothing_speaks_of() -> None:
    answers = ns.Reasoner(ns.Program.from_text(TEXT), semantics="bounds").query("bird(nobody)")
    assert ns.explain(answers, "bird(nobody)").claim.upper == 0


WARD = """
    pred infection(p: symbol) open . pred allergy(p: symbol) open . patient(bob). fever(bob). on_antibiotics(bob).
    constraint fever_has_a_cause because "a fever of {P} has a cause" :
        fever(P) implies (infection(P) or allergy(P)) .
    constraint treated weight 0.9 : on_antibiotics(P) implies not infection(P) .
    rule itching weight 0.7 if allergy(?p) and patient(?p) then itch(?p) .
"""


def asked(text: str, atom: str) -> ns.Explanation:
    answers = ns.Reasoner(ns.Program.from_text(text, "ward.rules"), semantics="bounds").query(atom)
    return ns.explain(answers, answers.atoms[0])


def test_the_steps_that_set_a_bound() -> None:
    found = asked(WARD, "itch(bob)")
    (proof,) = found.proofs
    assert proof.probability == pytest.approx(0.6)
    said = [found.steps[k].because for k in proof.steps]
    assert said == [
        "`itching` (weight 0.7) and allergy(bob) ≥ 0.9 and patient(bob) = 1 keep itch(bob) at 0.6 or more",
        "a fever of bob has a cause: `fever_has_a_cause` and infection(bob) ≤ 0.1 and fever(bob) = 1 keep "
        "allergy(bob) at 0.9 or more",
        "`treated` (weight 0.9) and on_antibiotics(bob) = 1 keep infection(bob) at 0.1 or less",
    ]
    assert [found.rules[found.steps[k].rule].name for k in proof.steps] == [
        "rule itching", "constraint fever_has_a_cause", "constraint treated",
    ]  # fmt: skip
    leaves = {n.atom: (n.kind, n.place) for n in found.nodes.values() if n.kind != "derived"}
    assert leaves == {
        "patient(bob)": ("data", "ward.rules:2"), "fever(bob)": ("data", "ward.rules:2"),
        "on_antibiotics(bob)": ("data", "ward.rules:2"),
    }  # fmt: skip
    text, page = " ".join(str(found).split()), found.to_html()
    assert "Why at least 60.0%" in text and "`treated` (weight 0.9) and on_antibiotics(bob) = 1 keep" in text
    assert "<h3>At least 60.0%</h3>" in page and "strongest line of reasoning" not in page
    assert found.to_rdf() and ns.Explanation.from_json(found.to_json()).verify()


def test_both_ends_and_completion() -> None:
    text = "0.6 :: p(a). 0.8 :: q(X) :- p(X). pred u(x: symbol) open . constraint c : u(X) implies q(X) ."
    found = asked(text, "q(a)")
    assert [(p.probability, found.nodes[p.root].lower, found.nodes[p.root].upper) for p in found.proofs] == [
        (pytest.approx(0.4), pytest.approx(0.4), 1), (pytest.approx(0.6), 0, pytest.approx(0.6)),
    ]  # fmt: skip
    assert found.steps[-1].because == (
        "that nothing but its rules makes q(a) true and p(a) = 0.6 keep q(a) at 0.6 or less"
    )
    assert asked(text, "u(a)").proofs[0].probability == pytest.approx(0.6)
    assert asked(text, "p(a)").steps == () and "Exactly 60.0%" in asked(text, "p(a)").to_html()
    assert asked(text, "u(z)").steps[0].because == "`c` keeps u(z) at 0"  # q(z) is false, and in no formula
    assert asked(WARD, "allergy(zoe)").proofs == ()


def test_what_is_shown_is_what_is_certified() -> None:
    found = asked(WARD, "itch(bob)")
    name = found.proofs[0].root
    for change in (
        {"nodes": {**found.nodes, name: replace(found.nodes[name], lower=0.7, probability=0.85)}},
        {"nodes": {**found.nodes, name: replace(found.nodes[name], probability=0.9)}},
        {"nodes": {**found.nodes, name: replace(found.nodes[name], atom="flies(bob)")}},
        {"proofs": (replace(found.proofs[0], probability=0.9),)},
        {"steps": (*found.steps, found.steps[0])},
    ):
        with pytest.raises(ns.NeurosymError, match="NS836"):
            replace(found, **change).verify()  # pyright: ignore[reportArgumentType]
