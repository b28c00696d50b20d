"""Explanations under `bounds`: what each formula adds, what is in conflict, and its certificate."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

import neurosym as ns
from tests.verify.logic_programs import answers_of, random_program

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


# ------------------------------------------------------------------------------- why not, and what would change it

HOSPITAL = """
    pred infection(p: symbol) open . pred allergy(p: symbol) open .
    patient(ann). patient(bob). patient(cem). fever(ann). fever(bob). rash(cem).
    on_antibiotics(bob). on_antibiotics(cem).
    constraint fever_has_a_cause : fever(P) implies (infection(P) or allergy(P)) .
    constraint treated weight 0.9 : on_antibiotics(P) implies not infection(P) .
    constraint rash_is_allergy weight 0.8 : rash(P) implies allergy(P) .
    rule itching weight 0.7 if allergy(?p) and patient(?p) then itch(?p) .
"""
BUDGET = 120.0


def hospital() -> ns.Answers:
    asked_for = ("allergy(P)", "infection(P)", "itch(P)")
    return ns.Reasoner(ns.Program.from_text(HOSPITAL, "ward.rules"), semantics="bounds").query(*asked_for)


def moves(changes: tuple[ns.Change, ...]) -> list[tuple[str, ...]]:
    return [tuple(m.what for m in c.moves) for c in changes]


def test_what_would_make_it_so() -> None:
    found = ns.what_would_change(hospital(), "allergy(ann)", ["on_antibiotics/1", "rash/1"], budget=BUDGET)
    assert moves(found) == [("on_antibiotics(ann)",), ("rash(ann)",)]
    assert [c.lower for c in found] == pytest.approx([0.9, 0.8])
    # each of them, run by hand
    for change, fact in zip(found, ("on_antibiotics(ann)", "rash(ann)"), strict=True):
        program = ns.Program.from_text(f"{HOSPITAL} {fact}.")
        answers = ns.Reasoner(program, semantics="bounds").query("allergy(ann)")
        assert (change.lower, change.upper) == (float(answers.lower[0, 0]), float(answers.upper[0, 0]))


def test_unknown_is_neither() -> None:
    answers = hospital()
    # without antibiotics nobody knows, which is not that it is not so
    assert ns.what_would_change(answers, "allergy(bob)", ["on_antibiotics/1"], budget=BUDGET) == ()
    found = ns.what_would_change(answers, "infection(ann)", ["on_antibiotics/1"], to=False, budget=BUDGET)
    assert moves(found) == [("on_antibiotics(ann)",)] and found[0].upper == pytest.approx(0.1)
    assert ns.what_would_change(answers, "infection(bob)", ["fever/1"], to=False) == ()  # it is not so already


def test_weights_of_rules_and_constraints_move() -> None:
    answers = hospital()
    found = ns.what_would_change(answers, "itch(bob)", threshold=0.65, weights=True, budget=BUDGET)
    assert {c.moves[0].what: float(c.moves[0].to) for c in found} == pytest.approx(
        {"itching": 0.75, "treated": 0.95}, abs=1e-5
    )  # fmt: skip
    assert all(c.lower >= 0.65 - 1e-9 for c in found)
    (named,) = ns.what_would_change(answers, "allergy(cem)", threshold=0.9, weights="rash_is_allergy", budget=BUDGET)
    assert float(named.moves[0].to) == pytest.approx(0.9, abs=1e-5)
    with pytest.raises(ns.NeurosymError, match="NS847") as caught:
        ns.what_would_change(answers, "itch(bob)", weights="nothing")
    assert "treated" in str(caught.value)


def test_a_learned_weight_of_a_constraint_moves() -> None:
    text = "0.9 :: a. pred c open . constraint f weight 0.7 learn : a implies c ."
    answers = ns.Reasoner(ns.Program.from_text(text), semantics="bounds").query("c")
    (found,) = ns.what_would_change(answers, "c", threshold=0.8, weights="f", budget=BUDGET)
    assert float(found.moves[0].to) == pytest.approx(0.9, abs=1e-5) and found.lower == pytest.approx(0.8, abs=1e-5)


def test_why_not() -> None:
    answers = hospital()
    found = ns.explain(answers, "allergy(ann)")
    assert [(m.name, [x.detail for x in m.failed]) for m in found.why_not] == [
        ("fever_has_a_cause", ["infection(ann) would have to be false, and lies between 0 and 1"]),
        ("rash_is_allergy", ["rash(ann) would have to be true, and is 0"]),
    ]
    assert all(found.rules[m.rule].name == f"constraint {m.name}" for m in found.why_not)
    found = ns.explain(answers, "itch(ann)")
    (near,) = found.why_not
    assert [(x.text, x.how, x.detail) for x in near.held if x.how == "unknown"] == [("allergy(ann)", "unknown", "")]
    assert near.name == "itching" and found.verify() and "unknown" in found.to_text() and "<html" in found.to_html()
    assert ns.explain(answers, "itch(bob)").why_not == ()  # at least 0.6
    weak = ns.explain(answers, "itch(bob)", threshold=0.8).why_not
    assert weak[0].held[0].detail == "between 0.9 and 1"
    assert ns.explain(answers, "allergy(ann)", threshold=None).why_not == ()


def test_changes_are_part_of_the_explanation() -> None:
    found = ns.explain(hospital(), "allergy(ann)", changeable="rash/1")
    assert moves(found.changes) == [("rash(ann)",)] and found.sought is not None
    assert "rash(ann) is so: then 80.0% – 100%" in found.to_text()
    assert ns.Explanation.from_json(found.to_json()) == found


@pytest.mark.parametrize("seed", range(12))
def test_changes_of_random_programs_are_what_running_them_gives(seed: int) -> None:
    text = random_program(Random(seed))
    answers = answers_of(text)
    base = answers.reasoner
    assert base is not None
    for atom in answers.atoms[:3]:
        for change in ns.what_would_change(answers, atom, ["p/1"], limit=2, max_changes=1, budget=BUDGET):
            (move,) = change.moves
            swap = text.replace(f":: {move.what}.", f":: gone_{move.what}.") if move.kind == "remove" else text
            swap = swap.replace(f"\n{move.what}.", "") if move.kind == "remove" else f"{swap}{move.what}."
            again = ns.Reasoner(ns.Program.from_text(swap), semantics="bounds").query(atom)
            assert (change.lower, change.upper) == pytest.approx(
                (float(again.lower[0, 0]), float(again.upper[0, 0])), abs=1e-6
            )  # fmt: skip
        assert ns.explain(answers, atom, contributions=False).verify()
