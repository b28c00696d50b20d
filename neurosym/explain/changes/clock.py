"""The time that a search may take."""

from __future__ import annotations

import time


class Clock:
    """Says when the time is over.

    Attributes:
        over: whether something was left undone for want of time.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.over = False

    def spent(self) -> bool:
        """Whether the time is over; then that is kept."""
        self.over = self.over or time.monotonic() > self._until
        return self.over
