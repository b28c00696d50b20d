"""Certificates of claims that rest on unknown atoms: their bounds are recomputed, and changed ones are refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.verify import verify_certificate

LIKES = """
pred likes(a: symbol, b: symbol) open .
person(ann). person(bob). likes(ann, bob).
0.8 :: happy(X) :- person(X), person(Y), likes(X, Y).
0.5 :: lonely(X) :- person(X), not likes(X, X).
odd(X) :- happy(X), lonely(X).
"""
MANY = """
pred c(x: 1..40) open .
0.5 :: on. 0.25 :: off.
r :- c(X), X > 3, on.
s :- off, not c(1).
t :- r, not s, not c(5).
query(r). query(s). query(t).
"""


def certificate(text: str, atom: str, semantics: str = "exact", **evidence: bool) -> dict[str, Any]:
    answers = ns.Reasoner(ns.Program.from_text(text), semantics=semantics).query(atom, evidence=evidence)
    return asdict(ns.explain(answers, atom, contributions=False).certificate)


@pytest.mark.parametrize(
    "semantics", ["exact", "viterbi", "goedel", "product", "lukasiewicz", "boolean", "sum-product"]
)
@pytest.mark.parametrize("atom", ["happy(ann)", "happy(bob)", "lonely(bob)", "odd(ann)"])
def test_bounds_under_every_semantics(atom: str, semantics: str) -> None:
    made = certificate(LIKES, atom, semantics)
    found = verify_certificate(made)
    assert found.bounds == pytest.approx(made["bounds"])
    assert any("unknown atoms" in text for text in found.unchecked)


@pytest.mark.parametrize(("atom", "bounds"), [("r", (0, 0.5)), ("s", (0, 0.25)), ("t", (0, 0.5))])
def test_many_unknown_atoms_are_not_all_tried(atom: str, bounds: tuple[float, float]) -> None:
    found = verify_certificate(certificate(MANY, atom))
    assert found.bounds == pytest.approx(bounds)


def test_evidence_over_unknown_atoms() -> None:
    text = "pred u(x: symbol) open . 0.2 :: a. 0.5 :: b. e :- a. e :- b, u(k). query(a)."
    found = verify_certificate(certificate(text, "a", e=True))
    assert found.bounds == pytest.approx((1 / 3, 1))


@pytest.mark.parametrize(("key", "value"), [("bounds", [0.0, 0.9]), ("bounds", [0.1, 0.96]), ("value", 0.5)])
def test_a_changed_number_is_refused(key: str, value: object) -> None:
    made = certificate(LIKES, "happy(bob)") | {key: value}
    with pytest.raises(ExplanationError) as caught:
        verify_certificate(made)
    assert caught.value.code == "NS821"


def test_what_the_reader_was_shown_is_compared() -> None:
    with pytest.raises(ExplanationError) as caught:
        verify_certificate(certificate(LIKES, "happy(bob)"), 0.48, expected_bounds=(0.4, 0.56))
    assert caught.value.code == "NS821"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"probabilities": [0.5]}, "NS814"),
        ({"kind": "guess"}, "NS812"),
        ({"kind": "constant"}, "NS814"),
    ],
)
def test_a_malformed_unknown_atom(change: dict[str, Any], code: str) -> None:
    made = certificate(LIKES, "happy(bob)")
    at = next(k for k, c in enumerate(made["choices"]) if c["kind"] == "open")
    made["choices"][at] = made["choices"][at] | change
    with pytest.raises(ExplanationError) as caught:
        verify_certificate(made)
    assert caught.value.code == code


def test_an_unknown_atom_made_a_certain_one_changes_the_number() -> None:
    made = certificate(LIKES, "happy(bob)")
    at = next(k for k, c in enumerate(made["choices"]) if c["kind"] == "open")
    made["choices"][at] |= {"kind": "constant", "probabilities": [1.0]}
    with pytest.raises(ExplanationError) as caught:
        verify_certificate(made)
    assert caught.value.code == "NS821"


@pytest.mark.parametrize("bounds", [[0.1], "0..1", [0, True]])
def test_bounds_that_are_none(bounds: object) -> None:
    with pytest.raises(ExplanationError) as caught:
        verify_certificate(certificate(LIKES, "happy(bob)") | {"bounds": bounds})
    assert caught.value.code == "NS810"


def test_too_many_to_be_tried() -> None:
    made = certificate(MANY, "r")
    leaves = [c["outcomes"][0] for c in made["choices"] if c["kind"] == "open"]
    spare = {"rule": "x", "part": "rule", "absent": [], "head": made["claim"]}
    made["groundings"].append(spare | {"body": [], "negated": leaves})
    with pytest.raises(ExplanationError) as caught:
        verify_certificate(made)
    assert caught.value.code == "NS820"
