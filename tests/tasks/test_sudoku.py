"""Visual sudoku: against the 288 valid boards, what training may know, and boards judged from validity alone."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import nn

import neurosym as ns
from neurosym.errors import DataError
from neurosym.lang.terms import spell
from tasks.common.digits import Labelled
from tasks.sudoku import run as task
from tasks.sudoku.data import CELLS, Boards, boards_of, corrupted, valid_boards, with_shifts

pytest.importorskip("sklearn", reason="scikit-learn is not installed: it ships the digits")

GOOD = (1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1)


class Logits(nn.Module):
    """Takes the logits of a cell as its image, (n, 1, 2, 2)."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


def shown(boards: list[tuple[int, ...]], certain: float = 40.0) -> torch.Tensor:
    """(n, 16, 1, 2, 2) images that `Logits` reads as the digits of the boards."""
    return (torch.eye(4)[torch.tensor(boards) - 1] * certain).reshape(len(boards), 16, 1, 2, 2)


def reading() -> ns.Reasoner:
    return ns.Reasoner(ns.Program.from_file(task.RULES), networks={"net": Logits()})


def inputs(images: torch.Tensor) -> dict[str, torch.Tensor]:
    return {cell: images[:, k] for k, cell in enumerate(CELLS)}


def images_of(count: int, seed: int = 0) -> Labelled:
    """Images of 8 × 8 pixels, told apart by their first pixel, with digits 1 to 4 in turn."""
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 8, 8, generator=random)
    return Labelled(images, torch.arange(count) % 4 + 1)


def clashing(board: tuple[int, ...]) -> set[tuple[str, str]]:
    """Pairs of cells of one row, column or block with the same digit, by another road than the rules'."""
    units = [[4 * i + j for j in range(4)] for i in range(4)] + [[4 * i + j for i in range(4)] for j in range(4)]
    units += [[4 * i + j for i in (r, r + 1) for j in (c, c + 1)] for r in (0, 2) for c in (0, 2)]
    return {(CELLS[x], CELLS[y]) for u in units for x in u for y in u if x < y and board[x] == board[y]}


# ------------------------------------------------------------------------------------------------------------- rules


def test_probabilities_are_those_of_the_288_valid_boards() -> None:
    assert len(set(valid_boards())) == 288 and not any(clashing(b) for b in valid_boards())
    logits = torch.randn(5, 16, 4, generator=torch.Generator().manual_seed(0)) * 2
    answers = reading().query(task.VALID, task.INVALID, inputs=inputs(logits.reshape(5, 16, 1, 2, 2)))
    p = logits.double().softmax(2)
    rows = torch.tensor(valid_boards()) - 1
    wanted = p[:, torch.arange(16), rows].prod(2).sum(1)  # (5, 288, 16) → (5,)
    assert torch.allclose(answers.tags[:, 0], wanted, rtol=1e-5, atol=0)
    assert torch.allclose(answers.tags[:, 1], 1 - wanted)  # said by other rules, computed in another way
    assert answers.methods == ("sum-product", "circuit")


def test_every_valid_board_is_valid_and_a_corrupted_one_is_not() -> None:
    reasoner, random = reading(), torch.Generator().manual_seed(1)
    good = reasoner.query(task.VALID, inputs=inputs(shown(list(valid_boards())))).tags[:, 0]
    assert torch.allclose(good, torch.ones_like(good))
    boards = [corrupted(b, random) for b in valid_boards()]
    assert float(reasoner.query(task.VALID, inputs=inputs(shown(boards))).tags.max()) < 1e-9
    assert all(clashing(b) for b in boards) and len(set(boards)) > 250


def test_clashes_are_those_of_the_board() -> None:
    random = torch.Generator().manual_seed(2)
    reasoner = reading()
    for board in [corrupted(GOOD, random) for _ in range(5)]:
        answers = reasoner.query(task.CLASHES, inputs=inputs(shown([board])))
        assert len(answers) == 24 + 24 + 8  # 6 pairs in each row and column; of a block only the two diagonals
        likely = [args for args, p in zip(answers.args, answers.tags[0].tolist(), strict=True) if p > 0.5]
        found = {(spell(a), spell(b)) for a, b, *_ in likely}
        assert found == clashing(board)


def test_names_of_digits_are_interchangeable() -> None:
    """Validity says nothing of which class is which digit: the audit of any model would find all 24 renamings."""
    logits = torch.randn(1, 16, 4, generator=torch.Generator().manual_seed(3))
    renamed = logits[:, :, [2, 0, 3, 1]]
    both = torch.cat([logits, renamed]).reshape(2, 16, 1, 2, 2)
    first, second = reading().query(task.VALID, inputs=inputs(both)).tags[:, 0].tolist()
    assert first == pytest.approx(second, rel=1e-9)


def test_the_rule_files_own_tests_hold() -> None:
    from neurosym.reasoner.tests_of import run_tests

    found = list(run_tests(ns.Program.from_file(task.RULES)))
    assert len(found) == 2 and all(r.passed for r in found)


# -------------------------------------------------------------------------------------------------------------- data


def test_boards_are_half_valid_and_use_each_image_once() -> None:
    data = images_of(600)
    boards, digits = boards_of(data, torch.Generator().manual_seed(0))
    assert len(boards) >= 30 and float(boards.valid.mean()) == 0.5
    for board, valid in zip(digits.tolist(), boards.valid[:, 0].tolist(), strict=True):
        assert (tuple(board) in valid_boards()) == bool(valid)
    where = {image.numpy().tobytes(): int(d) for image, d in zip(data.images, data.digits, strict=True)}
    used = [image.numpy().tobytes() for image in boards.images.flatten(0, 1)]
    assert len(set(used)) == len(used)
    assert [where[u] for u in used] == digits.flatten().tolist()
    again, _ = boards_of(data, torch.Generator().manual_seed(0), reused=3)
    assert len(again) > 2.5 * len(boards)
    with pytest.raises(DataError, match="too few images"):
        boards_of(images_of(20), torch.Generator())


def test_no_image_is_in_two_parts() -> None:
    data = task.load("digits", seed=3)
    parts = [{i.numpy().tobytes() for i in b.images.flatten(0, 1)} for b in (data.train, data.valid, data.test)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    other = task.load("digits", seed=4)
    assert torch.equal(other.test.images, data.test.images) and not torch.equal(other.train.images, data.train.images)


def test_shifted_copies_keep_their_validity() -> None:
    boards, _ = boards_of(images_of(200), torch.Generator().manual_seed(0))
    more = with_shifts(boards, 2)
    assert len(more) == 3 * len(boards) and torch.equal(more.valid, boards.valid.repeat(3, 1))
    assert torch.equal(more.images[: len(boards)], boards.images)
    assert more.images.shape[1:] == boards.images.shape[1:]


# ---------------------------------------------------------------------------------------------- what training may know


def test_training_sees_images_and_validity_only() -> None:
    """Digits are renamed behind the boards' back, which leaves every validity as it is: nothing learned may change."""
    assert [f.name for f in fields(Boards)] == ["images", "valid"]
    annotations = task.train.__annotations__
    assert annotations["known"] == annotations["valid"] == "Boards"
    data = images_of(200)
    boards, digits = boards_of(data, torch.Generator().manual_seed(0))
    renamed = torch.tensor([3, 1, 4, 2])[digits - 1]
    valid = torch.tensor([[float(tuple(b) in valid_boards())] for b in renamed.tolist()])
    other = replace(boards, valid=valid)
    weights = []
    for known in (boards, other):
        reasoner = task.build(8, seed=0)
        task.train(reasoner, known, known, task.Settings(3, 4, 1e-3, shifts=0))
        weights.append(reasoner.weights_sha256())
    assert weights[0] == weights[1] != task.build(8, seed=0).weights_sha256()


def test_a_short_training_tells_boards_apart() -> None:
    """Chance is 50 % of boards and, under the best renaming, some 30 % of digits; the README has the whole training."""
    data = task.load("digits", seed=0)
    reasoner = task.build(8, seed=0)
    task.train(reasoner, data.train, data.valid, task.Settings(9, 8, 2e-3, shifts=0))
    assert task.accuracy(reasoner, data.test) > 0.6
    assert task.renamed_accuracy(reasoner, data.test, data.test_digits) > 0.8


# ------------------------------------------------------------------------------------------------------ explanations


def test_an_explanation_names_the_cells_that_clash_and_shows_them() -> None:
    board = (*GOOD[:15], GOOD[12])  # c44 now shows what c41 shows
    boards = Boards(shown([board, GOOD], certain=8.0), torch.tensor([[0.0], [1.0]]))
    reasoner = reading()
    why = task.explain(reasoner, boards, 0)
    assert why.claim.atom == "invalid"
    why.verify()
    page = why.to_html()
    for pair in ("c41 and c44 in row 4", "c14 and c44 in column 4", "c33 and c44 in block 4"):
        assert pair in page
    assert page.count("data:image/png") >= 4 and "c11 and" not in page
    why = task.explain(reasoner, boards, 1)
    assert why.claim.atom == "valid" and why.to_html().count("data:image/png") >= 16
    why.verify()


# --------------------------------------------------------------------------------------------------------------- run


def test_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "digits", "--epochs", "3", "--shifts", "0", "--boards", "16", "--quiet", "--seeds", "2"]
    files = ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "results.json")]
    assert task.run([*options, *files]) == 0
    shown_text = capsys.readouterr()
    assert "16 boards to train" in shown_text.out and "mean" in shown_text.out and shown_text.err == ""
    assert "valid.html" in {p.name for p in (tmp_path / "out").iterdir()}
    record = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert record["command"] == f"neurosym run sudoku {' '.join(options)}" and str(tmp_path) not in str(record)
    assert [r["seed"] for r in record["results"]] == [0, 1] and record["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("options", [["--epochs", "0"], ["--data", "cifar"], ["--boards", "-1"], ["--lr", "fast"]])
def test_wrong_usage(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        task.run(options)
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err
