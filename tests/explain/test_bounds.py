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
