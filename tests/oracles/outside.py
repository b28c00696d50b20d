"""ProbLog in process: what it answers, spelled as it prints."""

from __future__ import annotations

import re
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from problog import get_evaluatable
from problog.errors import InconsistentEvidenceError
from problog.program import PrologFile, PrologString

UNBOUND = re.compile(r"[(,]X\d+[,)]")  # of a query that nothing matches, with probability 0


class TimedOut(Exception):
    """ProbLog took too long."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer; for the main thread."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimedOut

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def answers(model: Any, seconds: float = 5.0) -> dict[str, float] | None:
    """Atom → probability; None if the evidence is impossible.

    Args:
        model: a `PrologString` or `PrologFile`.

    Raises:
        TimedOut, or what ProbLog raises.
    """
    with warnings.catch_warnings(), within(seconds):
        warnings.simplefilter("ignore")
        try:
            found = get_evaluatable().create_from(model).evaluate()
        except InconsistentEvidenceError:
            return None
    named = {str(atom): value for atom, value in found.items()}
    return {atom: value for atom, value in named.items() if value or not UNBOUND.search(atom)}


__all__ = ["PrologFile", "PrologString", "TimedOut", "answers"]
