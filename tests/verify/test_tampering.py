"""Whoever changes a certificate is caught, unless it still says the same."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.explain.verification import check_networks
from neurosym.verify import verify_certificate
from tests.verify.tampering import PROGRAMS, WAYS, Certificate, canonical, collected, explained, settled


def fault(certificate: Certificate, name: str) -> str:
    """The code of the fault that verification finds; empty if none."""
    _, given, answers = explained(name)
    try:
        verify_certificate(certificate, given=replace(given, evidence=[]))  # nothing beside the rules' own evidence
        check_networks(certificate, answers)
    except ExplanationError as error:
        assert error.code is not None
        return error.code
    return ""


@pytest.mark.parametrize("name", PROGRAMS)
def test_untouched_certificates_are_confirmed(name: str) -> None:
    certificate, given, _ = explained(name)
    assert fault(certificate, name) == ""
    found = verify_certificate(certificate, given=given)
    assert set(found.unchecked) <= {"what the networks say"}
    again = settled(collected(certificate))
    assert canonical(again) == canonical(certificate)
    assert again["value"] == pytest.approx(certificate["value"], abs=1e-9)


def campaign(way: str, number: int, seed: int) -> Counter[str]:
    """Tamper so often; gives how often each code was the answer, `equivalent` where nothing was changed."""
    random = Random(f"{way} {seed}")
    answers: Counter[str] = Counter()
    names = list(PROGRAMS)
    tries = 0
    while answers.total() < number:
        tries += 1
        assert tries < 50 * number, f"{way} is hardly ever possible"
        name = random.choice(names)
        original, _, fresh = explained(name)
        certificate = copy.deepcopy(original)
        if not WAYS[way](certificate, random):
            continue
        if way != "claimed_number":
            if random.random() < 0.7:
                certificate = collected(certificate)
            certificate = settled(certificate)
        code = fault(certificate, name)
        if code:
            answers[code] += 1
            continue
        # What passes must be true. It is the same ground program, in another order or under other numbers; or that of
        # another fact, which is then the claim, and follows from rules and facts as well.
        claim = certificate["facts"][certificate["claim"]]["atom"]
        if way != "other_claim":
            assert canonical(certificate) == canonical(original), (name, certificate)
        assert certificate["value"] == pytest.approx(probability(fresh, claim), abs=1e-6), (name, claim)
        answers["equivalent"] += 1
    return answers


def probability(answers: ns.Answers, claim: str) -> float:
    """Of a claim by rules and facts alone."""
    assert answers.reasoner is not None
    return float(answers.reasoner.query(claim)[claim][0].detach())


@pytest.mark.parametrize("way", WAYS)
def test_tampering_is_caught(way: str) -> None:
    answers = campaign(way, 36, 0)
    assert answers["NS820"] == 0
    # not all of it by the form alone: what looks well formed is compared with rules and facts
    compared = sum(times for code, times in answers.items() if code >= "NS821")
    assert compared > 0, answers


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_tampering_is_caught_at_length(way: str) -> None:
    answers = campaign(way, 500, 1)
    print(way, dict(answers))
    assert answers["NS820"] == 0
