"""Tags under the algebras, by hand."""

from __future__ import annotations

import pytest

from neurosym.errors import ExplanationError
from neurosym.verify import verify_certificate
from tests.verify.programs import certificate

TEXT = """
    0.6 :: a.
    0.5 :: b.
    sure.
    q :- a, b.
    q :- a, sure.
    n :- q, \\+ b.
"""
VALUES = {
    "boolean": (1.0, 0.0),
    "viterbi": (0.6, 0.3),
    "goedel": (0.6, 0.5),
    "product": (0.3 + 0.6 - 0.18, 0.72 * 0.5),
    "lukasiewicz": (0.7, 0.2),
    "sum-product": (0.9, 0.45),
}


@pytest.mark.parametrize("semantics", VALUES)
def test_by_hand(semantics: str):
    for claim, value in zip("qn", VALUES[semantics], strict=True):
        verify_certificate(certificate(TEXT, claim, value, semantics=semantics), tolerance=1e-12)
        with pytest.raises(ExplanationError, match="does not follow"):
            verify_certificate(certificate(TEXT, claim, value + 0.01, semantics=semantics))


def test_count_counts_derivations():
    text = "e(1).\ne(2).\np :- e(1).\np :- e(2).\nq :- p, p2.\np2 :- e(1).\np2 :- e(2).\np2 :- p."
    verify_certificate(certificate(text, "q", 8, semantics="count"))


def test_certain_facts_have_tag_one_whatever_derives_them():
    text = "0.4 :: a.\nsure.\nsure :- a."
    verify_certificate(certificate(text, "sure", 1.0, semantics="product"))
    verify_certificate(certificate(text, "sure", 1.4, semantics="sum-product"))


def test_cycles_settle():
    text = "0.5 :: a.\n0.9 :: e.\np :- a.\np :- q, e.\nq :- p, e."
    verify_certificate(certificate(text, "q", 0.45, semantics="viterbi"))
    verify_certificate(certificate(text, "q", 0.5 * 0.9 / (1 - 0.81), semantics="sum-product"))
    endless = "a.\np :- a.\np :- q.\nq :- p."
    with pytest.raises(ExplanationError, match="did not settle") as error:
        verify_certificate(certificate(endless, "q", 1, semantics="count"), max_rounds=50)
    assert error.value.code == "NS820"


def test_what_a_semantics_does_not_define():
    with pytest.raises(ExplanationError, match="no negation"):
        verify_certificate(certificate(TEXT, "n", 0, semantics="count"))
    with pytest.raises(ExplanationError, match="no evidence"):
        verify_certificate(certificate(TEXT, "q", 0.6, {"a": True}, semantics="viterbi"))
