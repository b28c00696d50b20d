"""Every explanation of every test prediction of the tasks verifies, against rules and facts, with nothing left out.

What each rule and leaf is said to contribute is recomputed as well, by the verifier, which shares nothing with the
engine. So leaving out changes the claim by what the explanation says.
"""

from __future__ import annotations

import pytest
import torch

import neurosym as ns
from neurosym.explain.verification import check_networks

pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the data")

from tasks.addition import run as addition
from tasks.addition.data import load
from tasks.diagnosis.data import folds, load_ward
from tasks.diagnosis.model import Recipe
from tasks.diagnosis.run import train


def confirm(answers: ns.Answers, atom: str, sample: int = 0) -> None:
    why = ns.explain(answers, atom, sample=sample, proofs=3, threshold=None)
    found = why.verify(contributions=True)
    assert found.unchecked == ("what the networks say",), atom  # which comes below
    assert abs(found.value - float(answers[atom][sample].detach())) < 1e-6
    assert why.proofs or why.claim.probability == 0
    check_networks(why.to_dict()["certificate"], answers, sample)


def test_one_patient_of_the_diagnosis_and_a_pair_of_digits() -> None:
    ward = load_ward()
    trained = train(ward, next(iter(folds(ward))), Recipe(epochs=1), 0, {})
    confirm(trained.answers, trained.answers.atoms[7])
    digits = load("digits", seed=0)
    answers = addition.build(digits.size, 0).query(
        addition.SUM, inputs={s: x[:2] for s, x in digits.test.inputs.items()}
    )
    confirm(answers, answers.atoms[3], sample=1)


@pytest.mark.slow
def test_diagnosis() -> None:
    ward, seen = load_ward(), 0
    for fold in folds(ward):
        trained = train(ward, fold, Recipe(epochs=20), 0, {})
        for atom in trained.answers.atoms:
            confirm(trained.answers, atom)
        seen += len(trained.answers.atoms)
    assert seen == 569


@pytest.mark.slow
def test_addition() -> None:
    data = load("digits", seed=0)
    reasoner = addition.build(data.size, 0)
    settings = addition.Settings(epochs=2, lr=1e-3, batch=32, shifts=0)
    addition.train(reasoner, data.train, data.valid, settings)
    answers = reasoner.query(addition.SUM, inputs=data.test.inputs)
    best = torch.stack([answers[atom] for atom in answers.atoms]).argmax(0).tolist()
    for sample, number in enumerate(best):
        confirm(answers, answers.atoms[number], sample)
    assert len(best) == len(data.test) == 180
