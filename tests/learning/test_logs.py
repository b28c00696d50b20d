"""Where the course of training is written."""

from __future__ import annotations

import csv
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError
from neurosym.learning import Batch, CsvLog, Epoch, Logger, RichLog, TensorBoardLog, Term, nll


def coin() -> tuple[ns.Reasoner, Batch]:
    model = ns.Reasoner(ns.Program.from_text("t(0.5) :: a(1). t(0.3) :: a(2)."))
    return model, Batch(("a(X)",), {"a(1)": True, "a(2)": False})


def fit(epochs: int, *loggers: Logger, **options: Any) -> ns.FitResult:
    model, batch = coin()
    terms = [Term("labels", nll), Term("size", lambda answers, batch: answers.tags.mean(), 0.1)]
    return ns.fit(model, batch, [batch], epochs=epochs, loss=terms, progress=False, loggers=loggers, **options)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_has_a_row_for_each_epoch(tmp_path: Path) -> None:
    result = fit(3, CsvLog(tmp_path / "new" / "log.csv"))
    found = rows(tmp_path / "new" / "log.csv")
    assert [r["epoch"] for r in found] == ["1", "2", "3"]
    for row, epoch in zip(found, result.epochs, strict=True):
        assert float(row["loss"]) == epoch.loss and float(row["valid_loss"]) == epoch.valid_loss
        assert float(row["labels"]) == epoch.losses["labels"] and float(row["size"]) == epoch.losses["size"]
        assert float(row["valid labels"]) == epoch.valid_losses["labels"]
        assert float(row["lr"]) == 1e-3 and row["batches"] == "1"


def test_csv_of_a_resumed_run_is_that_of_an_uninterrupted_one(tmp_path: Path) -> None:
    fit(4, CsvLog(tmp_path / "whole.csv"))
    fit(2, CsvLog(tmp_path / "log.csv"), checkpoint=tmp_path / "c")
    with (tmp_path / "log.csv").open("a") as stream:
        stream.write("3,0.1")  # half a row, of an epoch that no checkpoint knows
    fit(4, CsvLog(tmp_path / "log.csv"), checkpoint=tmp_path / "c")

    def plain(name: str) -> list[dict[str, str]]:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in rows(tmp_path / name)]

    assert plain("log.csv") == plain("whole.csv") and len(plain("whole.csv")) == 4


def test_csv_is_whole_after_each_epoch(tmp_path: Path) -> None:
    log = CsvLog(tmp_path / "log.csv")
    log.start(2, ())
    log.epoch(Epoch(0, 0.5, None, 1.0))
    assert len(rows(tmp_path / "log.csv")) == 1 and rows(tmp_path / "log.csv")[0]["valid_loss"] == ""
    log.close()


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        fit(1, CsvLog(tmp_path / "file" / "log.csv"))
    assert caught.value.code == "NS624"


class Recorder:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, epochs: int, done: Any) -> None:
        self.told.append((epochs, len(done)))

    def epoch(self, epoch: Epoch) -> None:
        self.told.append(epoch.number)

    def close(self) -> None:
        self.told.append("closed")


def test_any_object_with_the_three_methods_is_a_logger(tmp_path: Path) -> None:
    first, second = Recorder(), Recorder()
    fit(2, first, checkpoint=tmp_path / "c")
    fit(3, second, checkpoint=tmp_path / "c")
    assert first.told == [(2, 0), 0, 1, "closed"] and second.told == [(3, 2), 2, "closed"]


def test_loggers_are_closed_whatever_ends_the_training() -> None:
    recorder = Recorder()
    model, batch = coin()

    def loss(answers: ns.Answers, batch: Batch) -> torch.Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ns.fit(model, batch, loss=loss, loggers=[recorder], progress=False)
    assert recorder.told == [(10, 0), "closed"]


# -------------------------------------------------------------------------------------------------------- tensorboard


def test_without_tensorboard_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(DataError, match="tensorboard is not installed") as caught:
        fit(1, TensorBoardLog(tmp_path))
    assert caught.value.code == "NS624" and "neurosym-logic[tensorboard]" in str(caught.value)


def test_what_tensorboard_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in for its writer: the package is optional."""
    made: list[Any] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int | None) -> None:
            self.folder, self.purge, self.scalars, self.open = folder, purge_step, {}, True
            made.append(self)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            self.scalars[name, step] = value

        def flush(self) -> None: ...

        def close(self) -> None:
            self.open = False

    stand_in = types.ModuleType("torch.utils.tensorboard")
    stand_in.SummaryWriter = Writer  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stand_in)
    result = fit(2, TensorBoardLog(tmp_path), checkpoint=tmp_path / "c")
    fit(3, TensorBoardLog(tmp_path), checkpoint=tmp_path / "c")
    first, second = made
    assert not first.open and not second.open and first.folder == str(tmp_path)
    assert first.purge is None and second.purge == 3
    assert first.scalars["loss/train", 2] == result.epochs[1].loss
    assert first.scalars["train/labels", 1] == result.epochs[0].losses["labels"]
    assert first.scalars["valid/size", 1] == result.epochs[0].valid_losses["size"]
    assert {step for _, step in second.scalars} == {3}


def test_tensorboard_reads_it_back(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import (  # pyright: ignore[reportMissingImports]
        EventAccumulator,
    )

    result = fit(2, TensorBoardLog(tmp_path))
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [s.value for s in read.Scalars("loss/train")] == pytest.approx([e.loss for e in result.epochs])


# --------------------------------------------------------------------------------------------------------- the terminal


def test_the_bar_is_taken_away_even_if_it_was_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    log = RichLog("coins")
    log.note("nobody listens")
    log.close()
    log.start(2, ())
    log.epoch(Epoch(0, 0.5, 0.25, 1.0))
    log.close()
    log.close()
    assert capsys.readouterr().out == ""
