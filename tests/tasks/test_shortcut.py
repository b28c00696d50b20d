"""Reasoning shortcuts: how many there are, what training may know, and that the means mend them."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError
from tasks.common.digits import Labelled
from tasks.shortcut import means as learning
from tasks.shortcut import run as task
from tasks.shortcut.data import SEEN, VALUES, Pairs, load, pairs_of, unseen
from tasks.shortcut.means import Settings, build, confusable, judged, only, questions, train

pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")


def images_of(kind: str, count: int = 400, seed: int = 0) -> Labelled:
    random = torch.Generator().manual_seed(seed)
    return Labelled(torch.rand(count, 1, 8, 8, generator=random), torch.arange(count) % VALUES[kind])


def readings(kind: str, means: str) -> int:
    """Maps of digits to digits that keep every label of the pairs that are seen: by trying, digit after digit."""

    def label(a: int, b: int) -> tuple[int, ...]:
        return (a + b, a * b) if means == "product" else (a + b,)

    count = 1
    # pairs of even and of odd digits have nothing in common, so their maps are counted apart
    halves = [range(0, 10, 2), range(1, 10, 2)] if kind == "evenodd" else [range(5)]
    for digits in halves:
        mine = [pair for pair in SEEN[kind] if pair[0] in digits]
        found = 0
        for images in product(range(VALUES[kind]), repeat=len(digits)):
            read = dict(zip(digits, images, strict=True))
            found += all(label(read[a], read[b]) == label(a, b) for a, b in mine)
        count *= found
    return count


# ------------------------------------------------------------------------------------------------------------- counts


@pytest.mark.parametrize(
    ("kind", "means", "count"),
    [("half", "none", 3), ("half", "product", 1), ("evenodd", "none", 36), ("evenodd", "product", 1)],
)
def test_the_audit_counts_the_readings(kind: str, means: str, count: int) -> None:
    assert readings(kind, means) == count
    pairs, digits = pairs_of(images_of(kind), SEEN[kind], torch.Generator().manual_seed(0), 40)
    found = judged(build(kind, 8, seed=0), means, pairs, digits).shortcuts
    assert found is not None and found.exact and found.readings == count


@pytest.mark.parametrize(("kind", "mixed"), [("half", [2, 3, 4]), ("evenodd", list(range(10)))])
def test_labels_of_what_the_audit_finds_confusable_leave_one_reading(kind: str, mixed: list[int]) -> None:
    data = images_of(kind)
    pairs, digits = pairs_of(data, SEEN[kind], torch.Generator().manual_seed(0), 40)
    reasoner = build(kind, 8, seed=0)
    before = judged(reasoner, "none", pairs, digits)
    assert confusable(before) == mixed
    hints = only(Labelled(data.images[-20:], data.digits[-20:]), mixed)
    after = judged(reasoner, "labels", pairs, digits, hints)
    assert after.shortcuts is not None and after.shortcuts.readings == 1
    # accuracy is counted over the pairs, not over the images that were labelled
    assert after.concepts[0].labelled == before.concepts[0].labelled == 2 * len(pairs)
    few = judged(reasoner, "labels", pairs, digits, only(hints, [mixed[0]]))
    assert few.shortcuts is not None and few.shortcuts.readings == {"half": 1, "evenodd": 6}[kind]


# --------------------------------------------------------------------------------------------------------------- data


def test_only_the_pairs_of_the_kind_are_seen() -> None:
    for kind in SEEN:
        pairs, digits = pairs_of(images_of(kind), SEEN[kind], torch.Generator().manual_seed(0), 80)
        drawn = {tuple(row) for row in digits.tolist()}
        assert drawn == {*SEEN[kind], *((b, a) for a, b in SEEN[kind])}  # both orders
        assert torch.equal(pairs.sums, digits.sum(1)) and torch.equal(pairs.products, digits.prod(1))
        used = [i.numpy().tobytes() for i in (*pairs.left, *pairs.right)]
        assert len(set(used)) == len(used)
        assert not {*unseen(kind)} & {tuple(sorted(p)) for p in SEEN[kind]}
    assert len(unseen("half")) == 15 - 4
    with pytest.raises(DataError, match="too few images"):
        pairs_of(images_of("half", 4), SEEN["half"], torch.Generator(), 10)
    with pytest.raises(DataError, match="no kind `third`"):
        load("third", "digits")


def test_parts_and_hints_share_no_image() -> None:
    data = load("half", "digits", seed=3)
    parts = [{i.numpy().tobytes() for i in (*p.left, *p.right)} for p in (data.train, data.valid, data.test)]
    parts.append({i.numpy().tobytes() for i in data.hints.images})
    assert all(not a & b for k, a in enumerate(parts) for b in parts[k + 1 :])
    assert torch.bincount(data.hints.digits).tolist() == [10] * 5
    assert torch.equal(load("half", "digits", seed=4).test.left, data.test.left)


# ----------------------------------------------------------------------------------------------- what training may know


def test_training_sees_images_sums_and_products_only() -> None:
    """Digits are swapped within each pair behind the pairs' back: no label changes, and so nothing learned may."""
    assert [f.name for f in fields(Pairs)] == ["left", "right", "sums", "products"]
    assert train.__annotations__["known"] == "Pairs"
    pairs, digits = pairs_of(images_of("half"), SEEN["half"], torch.Generator().manual_seed(0), 40)
    swapped = digits.flip(1)
    assert not torch.equal(swapped, digits)
    other = replace(pairs, sums=swapped.sum(1), products=swapped.prod(1))
    for means in ("none", "product"):
        weights = []
        for known in (pairs, other):
            reasoner = build("half", 8, seed=0)
            train(reasoner, means, known, None, Settings(1, 8, 1e-3))
            weights.append(reasoner.weights_sha256())
        assert weights[0] == weights[1] != build("half", 8, seed=0).weights_sha256()


def test_without_the_means_products_are_not_asked() -> None:
    pairs, _ = pairs_of(images_of("half"), SEEN["half"], torch.Generator().manual_seed(0), 8)
    assert [b.queries for b in questions("none", pairs, 8)] == [("sum(a, b, Z)",)]
    assert [b.queries for b in questions("labels", pairs, 8)] == [("sum(a, b, Z)",)]
    assert list(questions("product", pairs, 8)[0].targets) == (100 * pairs.sums + pairs.products).tolist()


# ------------------------------------------------------------------------------------------------------------ learning


def test_a_shortcut_is_learned_and_both_means_mend_it() -> None:
    """Short, on scikit-learn's digits; the README has the whole training on MNIST."""
    data = load("half", "digits", seed=0)
    settings = Settings(6, 32, 6e-3, attempts=1)
    found = {means: learning.measure(data, means, settings, seed=0)[2] for means in learning.MEANS}
    assert found["none"].sums > 0.85 and found["none"].concepts < 0.7 and found["none"].shortcuts == 2
    for means in ("labels", "product"):
        assert found[means].concepts > 0.85 and found[means].shortcuts == 0
        assert found[means].new > found["none"].new + 0.3


def test_a_network_that_is_stuck_is_begun_anew_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load("half", "digits", seed=0)
    data = replace(data, train=Pairs(*(getattr(data.train, f.name)[:16] for f in fields(Pairs))))
    drawn: list[int] = []
    monkeypatch.setattr(learning, "train", lambda *args: None)
    monkeypatch.setattr(learning, "build", lambda kind, size, seed: drawn.append(seed) or build(kind, size, seed))
    shares = iter([0.5, 0.7, 0.95])
    monkeypatch.setattr(learning, "sum_accuracy", lambda *args: next(shares))
    assert learning.trained(data, "none", None, Settings(1, 8, 1e-3), seed=4)[1:] == (2, False)
    assert drawn == [4, 1004, 2004]
    monkeypatch.setattr(learning, "sum_accuracy", lambda *args: 0.1)
    assert learning.trained(data, "none", None, Settings(1, 8, 1e-3, attempts=2), seed=4)[1:] == (1, True)


# ------------------------------------------------------------------------------------------------------------------ run


def test_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "digits", "--kind", "half", "--pairs", "32", "--epochs", "1", "--attempts", "1", "--quiet"]
    files = ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "results.json")]
    assert task.run([*options, *files]) == 0
    shown = capsys.readouterr()
    assert "shortcut, half, digits" in shown.out and "one reading that fits all labels" in shown.out
    assert shown.err == ""
    pages = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert pages == ["half-labels.html", "half-none.html", "half-product.html"]
    record = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert record["command"] == f"neurosym run shortcut {' '.join(options)}"
    assert [(r["means"], r["shortcuts"]) for r in record["results"]] == [("none", 2), ("labels", 0), ("product", 0)]


@pytest.mark.parametrize("kind", SEEN)
def test_the_rule_files_own_tests_hold(kind: str) -> None:
    from neurosym.reasoner.tests_of import run_tests

    found = list(run_tests(ns.Program.from_file(Path(task.__file__).with_name(f"{kind}.rules"))))
    assert found and all(r.passed for r in found)


@pytest.mark.parametrize("options", [["--kind", "third"], ["--means", "luck"], ["--seeds", "0"], ["--lr", "fast"]])
def test_wrong_usage(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        task.run(options)
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err
