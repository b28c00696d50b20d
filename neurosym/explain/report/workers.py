"""Explanations made by several processes at once, in the order in which they were asked for."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch

from neurosym.errors import ExplanationError

T = TypeVar("T")


def in_order(task: Callable[[int], T], count: int, workers: int = 1) -> Iterator[T]:
    """task(0) to task(count - 1), by as many processes as asked for.

    The processes are copies of this one, so that nothing has to be sent to them; where a process cannot be copied, as
    on Windows, this one does all. Each works on one thread.

    Args:
        task: gives something that can be pickled.

    Raises:
        ExplanationError: NS865, a process ended early. Else whatever the task raises; the other processes are ended
            then, as they are when the iteration is given up.
    """
    if count:
        yield task(0)  # by this process: what it loads, its copies need not load again
    workers = min(workers, count - 1)
    if workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(task, range(1, count))
        return
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(workers)]
    processes = [
        context.Process(target=_work, args=(task, range(k, count, workers), send), daemon=True)
        for k, (_, send) in enumerate(pipes, 1)
    ]
    try:
        for process, (_, send) in zip(processes, pipes, strict=True):
            process.start()
            send.close()  # else the end of that process would go unnoticed
        for number in range(1, count):
            good, result = _received(pipes[(number - 1) % workers][0])
            if not good:
                raise result
            yield result
    finally:
        for process, (receive, _) in zip(processes, pipes, strict=True):
            receive.close()
            if process.pid is not None:
                process.terminate()
                process.join()


def _received(pipe: Connection) -> tuple[bool, Any]:
    try:
        return pipe.recv()
    except EOFError:
        return False, ExplanationError(
            "a process that made explanations ended early", code="NS865", note="perhaps there was not enough memory",
            help="ask for fewer processes",
        )  # fmt: skip


def _work(task: Callable[[int], Any], numbers: range, pipe: Connection) -> None:
    """Send what a task gives for some numbers, or the error that it ended with."""
    torch.set_num_threads(1)  # threads are not copied with a process, and waiting for them would never end
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):  # the process that asked is gone, or says so itself
        for number in numbers:
            try:
                pipe.send((True, task(number)))
            except Exception as error:
                pipe.send((False, error))
                return


__all__ = ["in_order"]
