"""Numbers of several digits: against enumeration, what training may know, and digits learned from sums."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError, NetworkError
from neurosym.neural import DigitNet, KnownValue, from_config
from tasks.addition import numbers
from tasks.addition.numbers import (
    RIGHT,
    RULES,
    Numbers,
    build,
    cut,
    explain,
    numbers_of,
    sum_accuracy,
    with_shifts,
)
from tasks.addition.numbers import (
    results as results_of,
)
from tasks.addition.run import run
from tasks.common.digits import Labelled
from tasks.common.pairs import digit_accuracy


@pytest.fixture(scope="module")
def digits() -> Labelled:
    """scikit-learn's digits."""
    data = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed: it ships the digits")
    bunch = data.load_digits()
    order = torch.randperm(len(bunch.target), generator=torch.Generator().manual_seed(0))
    return Labelled(torch.tensor(bunch.images / 16.0, dtype=torch.float32)[:, None][order],
                    torch.tensor(bunch.target)[order])  # fmt: skip


def random_images(count: int, seed: int = 0) -> Labelled:
    random = torch.Generator().manual_seed(seed)
    return Labelled(torch.rand(count, 1, 8, 8, generator=random), torch.randint(0, 10, (count,), generator=random))


def test_sums_are_those_of_the_numbers() -> None:
    data = random_images(7 * 2 * 13 + 5)
    samples = numbers_of(data, 13)
    assert len(samples) == 7 and samples.length == 13
    for row in range(7):
        values = data.digits[row * 26 : (row + 1) * 26].tolist()
        left, right = (int("".join(map(str, reversed(part)))) for part in (values[:13], values[13:]))
        written = "".join(str(d) for d in reversed(samples.sums[row].tolist()))
        assert int(written) == left + right
    assert torch.equal(samples.left[1, 2], data.images[26 + 2])


@pytest.mark.parametrize("length", [1, 2])
def test_probabilities_are_those_of_enumeration(length: int) -> None:
    samples = numbers_of(random_images(6 * length), length)
    reasoner = build(8, length, seed=1)
    with torch.no_grad():
        for p in reasoner.networks["net"].parameters():
            p.mul_(4)  # less alike than fresh ones
        answers = reasoner.query(RIGHT, inputs=samples.inputs)
        marginals = reasoner.query("result(I, R)", inputs=samples.images)
        shown = {n: reasoner.networks["net"](x).double().softmax(1) for n, x in samples.images.items()}
    slots = [f"{s}{i + 1}" for s in "ab" for i in range(length)]
    for row in range(len(samples)):
        wanted = int("".join(map(str, reversed(samples.sums[row].tolist()))))
        right, places = 0.0, torch.zeros(length + 1, 10, dtype=torch.float64)
        for values in product(range(10), repeat=2 * length):
            p = float(torch.stack([shown[s][row, v] for s, v in zip(slots, values, strict=True)]).prod())
            total = sum(v * 10 ** (k % length) for k, v in enumerate(values))
            right += p * (total == wanted)
            for i in range(length + 1):
                places[i, total // 10**i % 10] += p
        assert float(answers.tags[row, 0]) == pytest.approx(right, rel=1e-5)
        found = zip(marginals.args, marginals.tags[row].tolist(), strict=True)
        for (place, digit), tag in found:
            assert isinstance(place, int) and isinstance(digit, int)
            assert tag == pytest.approx(float(places[place - 1, digit]), rel=1e-5)
    assert set(answers.methods) == {"sum-product"}


def test_a_hundred_digits_are_exact_too() -> None:
    """Far below the smallest single-precision number, and still with gradients."""
    samples = numbers_of(random_images(2 * 200, seed=4), 100)
    reasoner = build(8, 100, seed=0)
    answers = reasoner.query(RIGHT, inputs=samples.inputs)
    assert answers.methods == ("sum-product",)
    loss = answers.nll(torch.ones(2, 1))
    assert 200 < float(loss.detach()) < 270  # -log of about 0.1 for each of 101 digits
    loss.backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in reasoner.networks["net"].parameters() if p.grad is not None)


def test_training_sees_images_and_sums_only() -> None:
    assert [f.name for f in fields(Numbers)] == ["left", "right", "sums"]
    data = random_images(4 * 8)
    samples = numbers_of(data, 4)
    # other digits with the same sums: one more on the left, one less on the right, in a column
    digits = data.digits.clone().reshape(4, 2, 4)
    able = ((digits[:, 0] < 9) & (digits[:, 1] > 0)).long()
    digits[:, 0] += able
    digits[:, 1] -= able
    assert int(able.sum()) > 3
    other = numbers_of(replace(data, digits=digits.reshape(-1)), 4)
    assert torch.equal(other.sums, samples.sums)
    weights = []
    for part in (samples, other):
        reasoner = build(8, 4, seed=0)
        ns.fit(reasoner, cut(part, 2), epochs=1, progress=False)
        weights.append(reasoner.weights_sha256())
    assert weights[0] == weights[1] != build(8, 4, seed=0).weights_sha256()


def test_digits_are_learned_from_sums_and_serve_numbers_of_other_lengths(digits: Labelled) -> None:
    """Chance is 10 % of digits; the whole training is measured in the task's README."""
    train, test = (
        Labelled(digits.images[:1400], digits.digits[:1400]),
        Labelled(digits.images[1400:], digits.digits[1400:]),
    )
    reasoner = build(8, 2, seed=0)
    ns.fit(reasoner, cut(numbers_of(train, 2), 8), epochs=6, lr=3e-3, progress=False)
    assert digit_accuracy(reasoner, test, "a1") > 0.85
    network = reasoner.networks["net"]
    longer = build(8, 5, seed=0, network=network)
    samples = numbers_of(test, 5)
    assert sum_accuracy(longer, samples) > 0.2 and results_of(longer, samples).shape == (len(samples), 6)
    why = explain(longer, samples, places=(1, 6))
    assert [w.claim.atom.split(",")[0] for w in why] == ["result(1", "result(6"]
    for one in why:
        one.verify()


def test_the_rule_files_own_tests_hold() -> None:
    from neurosym.reasoner.tests_of import run_tests

    found = list(run_tests(ns.Program.from_file(RULES)))
    assert len(found) == 2 and all(r.passed for r in found)


def test_a_known_value_is_certain_and_saved(tmp_path: Path) -> None:
    known = KnownValue(10)
    assert torch.equal(known(torch.tensor([[3.0], [0.0]])).softmax(1), torch.eye(10)[[3, 0]])
    assert isinstance(from_config("KnownValue", known.config()), KnownValue)
    reasoner = build(8, 1, seed=0)
    reasoner.save(tmp_path / "model")
    assert isinstance(ns.Reasoner.load(tmp_path / "model").networks["given"], KnownValue)
    assert not any(isinstance(n, DigitNet) for n in [reasoner.networks["given"]])


@pytest.mark.parametrize("given", [[[10.0]], [[-1.0]], [[0.5]], [[1.0, 2.0]], [[float("nan")]]])
def test_what_is_no_value_is_refused(given: list[list[float]]) -> None:
    with pytest.raises(NetworkError, match="KnownValue"):
        KnownValue(10)(torch.tensor(given))


def test_moved_copies_are_of_the_same_numbers() -> None:
    samples = numbers_of(random_images(2 * 2 * 3), 3)
    more = with_shifts(samples, 2, seed=1)
    assert len(more) == 6 and torch.equal(more.sums, samples.sums.repeat(3, 1))
    assert torch.equal(more.left[:2], samples.left) and not torch.equal(more.left[2:4], samples.left)
    inner = samples.right[..., 2:-2, 2:-2]
    windows = [
        more.right[4:6, ..., 2 + y : 6 + y, 2 + x : 6 + x] for y, x in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    for row, column in product(range(2), range(3)):
        assert any(torch.equal(w[row, column], inner[row, column]) for w in windows)


def test_what_is_held_out_judges_and_is_not_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")
    learned: list[Numbers] = []

    def noted(reasoner: ns.Reasoner, samples: Numbers, *_: object, **__: object) -> int:
        learned.append(samples)
        return 1

    monkeypatch.setattr(numbers, "train", noted)
    settings = numbers.NumberSettings(epochs=1)
    for held_out, known, judged in ((400, 1037, 400), (0, 1437, 360)):
        _, samples, result = numbers.measure("digits", 2, settings, 0, False, held_out)
        assert (result.samples, len(samples)) == (known // 4, judged // 4)
        seen = {image.numpy().tobytes() for x in (learned[-1].left, learned[-1].right) for image in x.flatten(0, 1)}
        assert not seen & {image.numpy().tobytes() for image in samples.left.flatten(0, 1)}
    with pytest.raises(DataError, match="1437 of 1437 images cannot be held out"):
        numbers.measure("digits", 2, settings, 0, False, 1437)


def test_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")
    options = ["--data", "digits", "--epochs", "1", "--shifts", "0", "--quiet"]
    out, kept = ["--out", str(tmp_path), "--json", str(tmp_path / "results.json")], ["--save", str(tmp_path / "model")]
    assert run(["--length", "3", *options, "--seeds", "2", *out, *kept]) == 0
    shown = capsys.readouterr().out
    assert "numbers of 3 digits, on test" in shown and "mean" in shown and "a1 shows" in shown
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [r["seed"] for r in results["results"]] == [0, 1] and results["results"][0]["samples"] == 239
    assert "result(1," in (tmp_path / "explanation.html").read_text("utf-8")
    model = ns.Reasoner.load(tmp_path / "model")
    assert len(results_of(model, numbers_of(random_images(12), 3))) == 2  # it knows its columns
    # longer numbers with the network that was kept: a learning rate of 0 leaves its accuracy
    again = ["--length", "20", "--from", str(tmp_path / "model"), "--lr", "0", *options, *out]
    assert run(again) == 0
    longer = json.loads((tmp_path / "results.json").read_text("utf-8"))["results"][0]
    assert longer["length"] == 20 and longer["digit_accuracy"] == results["results"][0]["digit_accuracy"]


@pytest.mark.parametrize("options", [["--held-out", "9"], ["--from", "there"], ["--length", "2", "--batch", "4"]])
def test_options_that_do_not_fit(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(options)
    assert "--length" in capsys.readouterr().err
