"""When a grounding has to stop, and when it says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable

from neurosym.errors import LimitError
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.core import CoreRule

Progress = Callable[[str], None]
REPORT_EVERY = 1.0  # seconds between two lines of progress


class Clock:
    """The time of one grounding."""

    def __init__(self, builder: GraphBuilder, progress: Progress | None) -> None:
        """Of a builder, whose limits say how much there is."""
        self._builder, self._progress = builder, progress
        self.start()

    def start(self) -> None:
        """Grant the time of the limits anew: proofs are rebuilt when they are asked for."""
        self._started = self._reported = time.monotonic()
        self._deadline = self._started + self._builder.limits.seconds

    def look(self, rule: CoreRule, rank: int, complete: Callable[[], None] | None = None) -> None:
        """Stop if time is up, and report if it is time to.

        Args:
            complete: called before a report: brings the builder up to date.

        Raises:
            LimitError: time is up.
        """
        now = time.monotonic()
        if now > self._deadline:
            seconds = self._builder.limits.seconds
            raise LimitError(f"grounding took longer than the {seconds:.3g} s left to it", help="raise --max-seconds")
        if self._progress and now > self._reported + REPORT_EVERY:
            self._reported = now
            if complete is not None:
                complete()
            facts, firings = self._builder.num_facts, self._builder.groundings.size
            rate = (firings or facts) / (now - self._started)
            label = self._builder.program.statements[rule.statement].label if rule.statement >= 0 else rule.part
            self._progress(f"{label}, round {rank}: {facts:,} facts, {firings:,} firings, {rate:,.0f} a second")
