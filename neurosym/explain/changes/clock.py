"""The time that a search may take."""

from __future__ import annotations

import time

from neurosym.grounding.compiled import loading_seconds


class Clock:
    """Says when the time is over. Compiling kernels, once for each installation, is no part of it.

    Attributes:
        over: whether something was left undone for want of time.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds - loading_seconds()
        self.over = False

    def spent(self) -> bool:
        """Whether the time is over; then that is kept."""
        self.over = self.over or time.monotonic() - loading_seconds() > self._until
        return self.over
