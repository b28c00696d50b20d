"""Handwritten formulas: values against Python's arithmetic, probabilities against enumeration, symbols from values."""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
import torch

import neurosym as ns

pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")

from tasks.hwf import run as task
from tasks.hwf.data import OPERATORS, Formulas, Hwf, drawn_operators, load, millionths, value_of

SPELLED = dict(zip(OPERATORS, "+-*/", strict=True))


@pytest.fixture(scope="module")
def data() -> Hwf:
    return load("digits", seed=1, train=300, judged=40)


def test_values_are_those_of_arithmetic() -> None:
    random = torch.Generator().manual_seed(0)
    for _ in range(300):
        numbers = torch.randint(1, 10, (4,), generator=random).tolist()
        signs = [OPERATORS[k] for k in torch.randint(4, (3,), generator=random).tolist()]
        rest = (f"{SPELLED[s]}Fraction({n})" for s, n in zip(signs, numbers[1:], strict=True))
        text = f"Fraction({numbers[0]})" + "".join(rest)
        assert value_of(numbers, signs) == eval(text, {"Fraction": Fraction})


def test_formulas_are_images_and_values(data: Hwf) -> None:
    assert [f.name for f in fields(Formulas)] == ["numbers", "signs", "values"]
    assert [part.length for part in data.train] == [1, 2, 3, 4] and {len(part) for part in data.train} == {300}
    assert data.train[2].numbers.shape == (300, 3, 1, 8, 8) and data.train[2].signs.shape == (300, 2, 1, 8, 8)
    assert set(data.train[0].values) == {1_000_000 * k for k in range(1, 10)}
    train = {x.numpy().tobytes() for part in data.train for row in part.numbers for x in row}
    test = {x.numpy().tobytes() for part in data.test for row in part.numbers for x in row}
    assert not train & test


def test_operators_are_drawn_evenly_and_differ() -> None:
    found = drawn_operators(80, 28, torch.Generator().manual_seed(0))
    assert torch.bincount(found.digits).tolist() == [20] * 4
    assert float(found.images.min()) >= 0 and float(found.images.max()) <= 1
    means = torch.stack([found.images[found.digits == k].mean(0) for k in range(4)]).flatten(1)
    assert float(torch.cdist(means, means)[~torch.eye(4, dtype=torch.bool)].min()) > 1


@pytest.mark.parametrize("length", [1, 2, 3])
def test_probabilities_are_those_of_enumeration(data: Hwf, length: int) -> None:
    formulas = data.test[length - 1]
    inputs = {n: x[:2] for n, x in formulas.inputs.items()}
    reasoner = task.build(8, seed=3)
    with torch.no_grad():
        answers = reasoner.query(task.query(formulas), inputs=inputs)
        kinds = {"n": reasoner.networks["digits"], "o": reasoner.networks["operators"]}
        shown = {n: kinds[n[0]](x).double().softmax(1) for n, x in inputs.items()}
    expected: dict[int, torch.Tensor] = {}
    for numbers in product(range(1, 10), repeat=length):
        for signs in product(range(4), repeat=length - 1):
            p = torch.ones(2, dtype=torch.float64)
            for k, n in enumerate(numbers):
                p = p * shown[f"n{k + 1}"][:, n - 1]
            for k, s in enumerate(signs):
                p = p * shown[f"o{k + 1}"][:, s]
            value = millionths(value_of(list(numbers), [OPERATORS[s] for s in signs]))
            expected[value] = expected.get(value, 0) + p
    assert {args[1] for args in answers.args} == set(expected)
    for k, args in enumerate(answers.args):
        assert isinstance(args[1], int)
        assert torch.allclose(answers.tags[:, k], expected[args[1]], rtol=1e-5, atol=1e-12)


def test_symbols_are_learned_from_values(data: Hwf) -> None:
    """Chance is 11 % of digits and 25 % of operators; the whole training is measured in the task's README."""
    reasoner = task.build(8, seed=0)
    settings = task.Settings(short=6, epochs=1, lr=3e-3, train=300)
    assert task.train(reasoner, data, settings, seed=0, progress=False) > 0
    assert task.symbol_accuracy(reasoner.networks["digits"], data.test_symbols[0]) > 0.6
    assert task.symbol_accuracy(reasoner.networks["operators"], data.test_symbols[1]) > 0.9
    found = task.values(reasoner, data.test[1])
    assert sum(a == b for a, b in zip(found, data.test[1].values, strict=True)) > 15
    why = task.explain(reasoner, data.test[1])
    why.verify()
    assert "n1 shows" in str(why)


def test_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "digits", "--short", "1", "--epochs", "0", "--train", "40", "--quiet", "--seeds", "2"]
    assert task.run([*options, "--out", str(tmp_path), "--json", str(tmp_path / "results.json")]) == 0
    shown = capsys.readouterr().out
    assert "7 symbols" in shown and "mean" in shown
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [r["seed"] for r in results["results"]] == [0, 1]
    assert set(results["results"][0]["accuracy"]) == {"1", "3", "5", "7"}
    assert "value(2," in (tmp_path / "explanation.html").read_text("utf-8")


def test_the_rule_files_own_tests_hold() -> None:
    from neurosym.reasoner.tests_of import run_tests

    found = list(run_tests(ns.Program.from_file(task.RULES)))
    assert len(found) == 3 and all(r.passed for r in found)
