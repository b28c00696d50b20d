"""An account of the memory that grounding holds, so that it stops with an error before the machine runs out."""

from __future__ import annotations

from neurosym.errors import LimitError


class Memory:
    """Bytes claimed so far, against a limit. Columns claim before they grow."""

    def __init__(self, limit: float) -> None:
        """An empty account.

        Args:
            limit: in bytes.
        """
        self.limit = limit
        self.used = 0

    def claim(self, amount: int) -> None:
        """Account for some bytes.

        Raises:
            LimitError: the limit would be passed.
        """
        self.used += amount
        if self.used > self.limit:
            raise LimitError(
                f"grounding needs more than {self.limit / 1e9:.3g} GB of memory",
                help="make the rules more selective, or raise --max-memory",
            )

    def release(self, amount: int) -> None:
        """Give back some bytes."""
        self.used -= amount
