"""The addition task: what training may know, the files it reads, and the run from end to end."""

from __future__ import annotations

import gzip
import struct
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError

pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")

from tasks.addition import data as data_module
from tasks.addition import run as task
from tasks.addition.data import Pairs, load
from tasks.common import digits as digits_module

TASK = Path(task.__file__).parent


@pytest.fixture(scope="module")
def digits() -> data_module.Addition:
    return load("digits", seed=3)


# ------------------------------------------------------------------------------------------- what training may know


def test_training_sees_images_and_sums_only(digits: data_module.Addition) -> None:
    assert [f.name for f in fields(Pairs)] == ["left", "right", "sums"]
    labels = [f.name for f in fields(digits) if isinstance(getattr(digits, f.name), digits_module.Labelled)]
    assert labels == ["test_digits"]
    annotations = task.train.__annotations__
    assert annotations["known"] == annotations["valid"] == "Pairs"


def test_swapped_digits_with_equal_sums_train_the_same(
    digits: data_module.Addition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digit labels are made false behind the sums' back: nothing that is learned may change."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    order = digits_module._shuffled(
        digits_module.Labelled(torch.arange(len(bunch.target)), torch.tensor(bunch.target)), seed=0
    ).images.tolist()
    test = order[: digits_module.DIGITS_TEST]
    known = order[digits_module.DIGITS_TEST :]
    inner = digits_module._shuffled(
        digits_module.Labelled(torch.tensor(known), torch.tensor(known)), seed=3
    ).images.tolist()
    changed = 0
    for start in range(0, len(inner) - 1, 2):
        a, b = inner[start : start + 2]
        if bunch.target[a] > 0 and bunch.target[b] < 9:
            bunch.target[a] -= 1
            bunch.target[b] += 1
            changed += 1
    assert changed > 500 and not set(test) & set(inner)
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: bunch)
    false = load("digits", seed=3)
    assert torch.equal(false.train.sums, digits.train.sums)
    weights = []
    for known_pairs in (digits.train, false.train):
        part = Pairs(known_pairs.left[:64], known_pairs.right[:64], known_pairs.sums[:64])
        reasoner = task.build(8, seed=0)
        task.train(reasoner, part, part, task.Settings(1, 16, 1e-3))
        weights.append(reasoner.weights_sha256())
    assert weights[0] == weights[1]


def test_no_image_is_in_two_parts(digits: data_module.Addition) -> None:
    seen: dict[bytes, str] = {}
    for name in ("train", "valid", "test"):
        pairs = getattr(digits, name)
        for image in (*pairs.left, *pairs.right):
            key = image.numpy().tobytes()
            assert seen.setdefault(key, name) == name
    assert len(digits.train) == 628 and len(digits.valid) == 90 and len(digits.test) == 180


def test_the_test_part_is_the_same_for_all_seeds_and_the_pairs_are_not(digits: data_module.Addition) -> None:
    other = load("digits", seed=4)
    assert torch.equal(other.test.left, digits.test.left)
    assert not torch.equal(other.train.left, digits.train.left)
    assert torch.equal(load("digits", seed=3).train.left, digits.train.left)


# ---------------------------------------------------------------------------------------------------------- MNIST


def write_idx(path: Path, values: torch.Tensor) -> None:
    header = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.to(torch.uint8).numpy().tobytes()))


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the four files with few random images."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    random = torch.Generator().manual_seed(0)
    for part, n in (("train", 40), ("t10k", 10)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", torch.randint(0, 256, (n, 28, 28), generator=random))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", torch.randint(0, 10, (n,), generator=random))
    monkeypatch.setenv("NEUROSYM_DATA", str(tmp_path))
    monkeypatch.setattr(digits_module, "MNIST_VALID", 8)
    return folder


def test_mnist_files_are_read(mnist: Path) -> None:
    read = load("mnist")
    assert (read.name, read.size, len(read.train), len(read.valid), len(read.test)) == ("mnist", 28, 16, 4, 5)
    assert read.train.left.shape == (16, 1, 28, 28) and 0.9 < float(read.train.left.max()) <= 1
    assert torch.equal(read.test.sums, read.test_digits.digits[0::2] + read.test_digits.digits[1::2])
    assert load("auto").name == "mnist"


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:100], lambda b: b"no gzip", lambda b: gzip.compress(gzip.decompress(b)[:-5])]
)
def test_damaged_mnist_files_are_named(mnist: Path, damage: object) -> None:
    path = mnist / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))  # pyright: ignore[reportCallIssue]
    with pytest.raises(DataError, match="t10k-images"):
        load("mnist")


def test_mnist_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSYM_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="MNIST is not there"):
        load("mnist")
    assert load("auto").name == "digits"
    monkeypatch.delenv("NEUROSYM_DATA")
    assert load("auto").name == "digits"
    with pytest.raises(DataError, match="no data `cifar`"):
        load("cifar")


def test_the_real_mnist(data_dir: Path) -> None:
    if not (data_dir / "mnist").is_dir():
        pytest.skip(f"{data_dir} has no folder mnist")
    read = load("mnist")
    assert (len(read.train), len(read.valid), len(read.test)) == (29_000, 1_000, 5_000)
    assert torch.bincount(read.test_digits.digits).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


# ----------------------------------------------------------------------------------------------------- rules and run


@pytest.mark.parametrize("name", ["addition.rules", "addition.pl"])
def test_both_programs_learn_the_same(digits: data_module.Addition, name: str) -> None:
    part = Pairs(digits.train.left[:96], digits.train.right[:96], digits.train.sums[:96])
    results = []
    for rules in (TASK / "addition.rules", TASK / name):
        reasoner = task.build(8, seed=0, rules=rules)
        results.append(task.train(reasoner, part, digits.valid, task.Settings(2, 16, 1e-3)).epochs[-1].valid_loss)
    assert results[0] == results[1]


def test_probabilities_are_exact(digits: data_module.Addition) -> None:
    reasoner = task.build(8, seed=0)
    answers = reasoner.query(task.SUM, inputs=digits.valid.inputs)
    assert set(answers.methods) == {"sum-product"} and len(answers) == 19
    assert torch.allclose(answers.tags.sum(1), torch.ones(len(digits.valid), dtype=torch.float64))


def test_a_short_training_learns_digits_from_sums(digits: data_module.Addition) -> None:
    """Chance is 10 %; the whole training is measured in the task's README."""
    reasoner = task.build(8, seed=0)
    task.train(reasoner, digits.train, digits.valid, task.Settings(8, 16, 3e-3))
    assert task.digit_accuracy(reasoner, digits.test_digits) > 0.6
    assert task.sum_accuracy(reasoner, digits.valid) > 0.4


def test_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "digits", "--epochs", "1", "--batch", "64", "--quiet", "--out", str(tmp_path / "out")]
    assert task.run([*options, "--seeds", "2"]) == 0
    shown = capsys.readouterr()
    assert "sum accuracy" in shown.out and "mean" in shown.out and "38,282 parameters" in shown.out
    assert "digit(a," in shown.out or "a shows" in shown.out
    page = (tmp_path / "out" / "explanation.html").read_text("utf-8")
    assert "sum(a, b," in page
    assert shown.err == ""


@pytest.mark.parametrize("options", [["--epochs", "0"], ["--data", "cifar"], ["--seeds", "-1"], ["--lr", "fast"]])
def test_wrong_usage(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        task.run(options)
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err


def test_the_rule_files_own_tests_hold() -> None:
    from neurosym.reasoner.tests_of import run_tests

    program = ns.Program.from_file(TASK / "addition.rules")
    results = list(run_tests(program))
    assert len(results) == 2 and all(r.passed for r in results)
