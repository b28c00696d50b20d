"""Time for a trial: work that takes longer is given up."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType


class OutOfTime(BaseException):
    """Raised in the work of an `Alarm`; no `except Exception` on the way may keep it."""


class Alarm:
    """A context that is left by `OutOfTime` once its time is up.

    A timer's signal interrupts the main thread between two steps of Python; elsewhere, and where the system has no such
    timer, or someone else uses it, nothing is interrupted, and whoever works looks at `left`.

    Args:
        seconds: wall time.
    """

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self._armed = False
        self._previous: object = None

    @property
    def left(self) -> float:
        """Seconds that are left, 0 if none are."""
        return max(0.0, self.end - time.monotonic())

    def __enter__(self) -> Alarm:
        usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        if usable and signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            self._previous = signal.signal(signal.SIGALRM, self._ring)
            self._armed = True
            # again and again: an exception that is raised within a callback of C is lost
            signal.setitimer(signal.ITIMER_REAL, max(self.left, 0.001), 0.2)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._armed:
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._previous)  # pyright: ignore[reportArgumentType]

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self._armed:
            raise OutOfTime


__all__ = ["Alarm", "OutOfTime"]
