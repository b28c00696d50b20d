"""What an explanation shows is what was certified: whoever changes it is caught, or what he changed is listed."""

from __future__ import annotations

import copy
import json
from functools import cache
from random import Random

import pytest

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.verify import Given, Verification, verify_certificate
from tests.verify import tampering
from tests.verify.view_tampering import CLAIM, PROGRAM, WAYS, WORDING, Plain


@cache
def made() -> tuple[Plain, Given]:
    program = ns.Program.from_text(PROGRAM, "eviction.rules")
    why = ns.explain(ns.Reasoner(program).query(CLAIM), CLAIM)
    return json.loads(why.to_json()), Given(program, evidence=[])


def verify(shown: Plain, given: Given | None, contributions: bool = False) -> Verification:
    return verify_certificate(
        shown["certificate"], shown["claim"]["probability"], given=given, shown=shown, contributions=contributions
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_what_is_shown_is_what_was_certified(way: str, mode: int) -> None:
    original, known = made()
    given = known if mode else None
    assert verify(original, given, mode == 2).value == pytest.approx(original["claim"]["probability"])
    change, listed = WAYS[way][0], WAYS[way][1][mode]
    caught = 0
    for seed in range(12):
        shown = copy.deepcopy(original)
        change(shown, Random(seed))
        if shown == original:
            continue
        try:
            unchecked = verify(shown, given, mode == 2).unlooked
        except ExplanationError as error:
            assert error.code == "NS836"
            caught += 1
            continue
        assert listed and any(listed in text for text in unchecked), (way, mode, unchecked)
    assert caught or listed


def test_a_page_of_another_claim_says_that_it_does_not_verify() -> None:
    shown = copy.deepcopy(made()[0])
    WAYS["claim_atom"][0](shown, Random(0))
    why = ns.Explanation.from_json(json.dumps(shown)).checked()
    assert why.verified == ()
    assert "the claim shown is order(bob)" in why.unverified[0]
    assert "does not verify" in why.to_html()


def test_dangling_and_circular_proofs_are_refused() -> None:
    shown = copy.deepcopy(made()[0])
    shown["steps"][0]["body"].append("nowhere")
    with pytest.raises(ExplanationError, match="not there"):
        verify(shown, None)
    shown = copy.deepcopy(made()[0])
    shown["nodes"]["extra"] = {**next(n for n in shown["nodes"].values() if n["kind"] == "derived"), "id": "extra"}
    with pytest.raises(ExplanationError, match="no step derives it"):
        verify(shown, None)


@pytest.mark.parametrize("name", tampering.PROGRAMS)
def test_explanations_are_confirmed_alone_and_with_rules(name: str) -> None:
    _, given, answers = tampering.explained(name)
    for atom in answers.atoms:
        shown = json.loads(ns.explain(answers, atom, proofs=6).to_json())
        verify(shown, None, contributions=True)
        found = verify(shown, given, contributions=True)
        assert WORDING not in found.unlooked
        assert "the probabilities that are shown of proofs" in found.checked


def test_what_a_weight_of_one_adds_is_listed() -> None:
    program = ns.Program.from_text("1.0 :: a. 0.3 :: b. 0.5 :: c. p :- b, not c. p :- c, a.")
    found = ns.explain(ns.Reasoner(program).query("p"), "p").verify(contributions=True)
    assert any(text.startswith("what ") and text.endswith("contribute") for text in found.unlooked)
