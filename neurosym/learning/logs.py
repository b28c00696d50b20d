"""Where the course of training is written: a bar on the terminal, a CSV file, TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from neurosym.errors import DataError
from neurosym.learning.progress import progress_bar
from neurosym.learning.result import Epoch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Logger(Protocol):
    """Anything that wants to know of each epoch. `fit` calls `start` once, `epoch` after each, and `close` always."""

    def start(self, epochs: int, done: Sequence[Epoch]) -> None:
        """Training begins, or goes on after some epochs that are done; `epochs` in all."""
        ...

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""
        ...

    def close(self) -> None:
        """Training has ended, by whatever."""
        ...


class RichLog:
    """A bar on standard error, gone when training ends; `note` says something beside it meanwhile."""

    def __init__(self, description: str = "training") -> None:
        self.description = description
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def start(self, epochs: int, done: Sequence[Epoch]) -> None:
        """Show the bar."""
        bar = progress_bar(True).__enter__()
        assert bar is not None
        self._bar, self._task = bar, bar.add_task(self.description, total=epochs, completed=len(done), note="")

    def epoch(self, epoch: Epoch) -> None:
        """One step on, with the losses."""
        text = f"loss {epoch.loss:.4f}" + ("" if epoch.valid_loss is None else f", valid {epoch.valid_loss:.4f}")
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=epoch.number + 1, note=text)

    def note(self, text: str) -> None:
        """Say something beside the bar, such as how far the grounding is, which comes before the first epoch."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, note=text)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class CsvLog:
    """One row for each epoch: epoch (from 1), loss, valid_loss, lr, batches, seconds, and each loss by its name.

    The file is written anew when training starts; training that is resumed writes the rows of the epochs that are done
    first, so that there is one row for each epoch however often it was stopped.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._stream: TextIO | None = None
        self._names: list[str] | None = None

    def start(self, epochs: int, done: Sequence[Epoch]) -> None:
        """Open the file.

        Raises:
            DataError: NS624, it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise DataError(f"the log {self.path} cannot be written: {error}", code="NS624") from None
        self._names = None
        for epoch in done:
            self.epoch(epoch)

    def epoch(self, epoch: Epoch) -> None:
        """Write a row at once: a run that is killed keeps it."""
        assert self._stream is not None
        named = {f"{name}": value for name, value in epoch.losses.items()}
        named |= {f"valid {name}": value for name, value in epoch.valid_losses.items()}
        writer = csv.writer(self._stream, lineterminator="\n")
        if self._names is None:
            self._names = list(named)
            writer.writerow(["epoch", "loss", "valid_loss", "lr", "batches", "seconds", *self._names])
        row = [epoch.number + 1, epoch.loss, "" if epoch.valid_loss is None else epoch.valid_loss, epoch.lr]
        writer.writerow([*row, epoch.batches, round(epoch.seconds, 3), *(named.get(n, "") for n in self._names)])
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class TensorBoardLog:
    """Scalars `loss/train`, `loss/valid`, `lr`, and each loss by its name; needs the package tensorboard."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        self._writer: Any = None

    def start(self, epochs: int, done: Sequence[Epoch]) -> None:
        """Open a file of events; what an interrupted run wrote after its checkpoint is no longer shown.

        Raises:
            DataError: NS624, tensorboard is not installed, or the folder cannot be written.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise DataError(
                "tensorboard is not installed",
                code="NS624",
                help="pip install 'neurosym-logic[tensorboard]', or use CsvLog",
            ) from None
        try:
            self._writer = SummaryWriter(str(self.folder), purge_step=len(done) + 1 if done else None)
        except OSError as error:
            raise DataError(f"the log {self.folder} cannot be written: {error}", code="NS624") from None

    def epoch(self, epoch: Epoch) -> None:
        """Write its scalars, at the epoch's number from 1."""
        scalars = {"loss/train": epoch.loss, "lr": epoch.lr, "seconds": epoch.seconds}
        if epoch.valid_loss is not None:
            scalars["loss/valid"] = epoch.valid_loss
        scalars |= {f"train/{name}": value for name, value in epoch.losses.items()}
        scalars |= {f"valid/{name}": value for name, value in epoch.valid_losses.items()}
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, epoch.number + 1)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
