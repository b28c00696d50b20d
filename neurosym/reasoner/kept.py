"""What was made to explain one answer and may serve the next, up to a size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

MOST = 2_000_000  # nodes of circuits, and groundings, in all


class Kept:
    """Things by their keys. Where there is no more room, the one that was not asked for longest goes.

    Args:
        most: sum of the sizes; what is larger by itself is not kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most, self.held = most, 0
        self._things: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        """The thing of a key; None where there is none."""
        if key not in self._things:
            return None
        self._things.move_to_end(key)
        return self._things[key][0]

    def put(self, key: Hashable, thing: Any, size: int) -> None:
        """Keep a thing in place of another of its key."""
        self.held -= self._things.pop(key, (None, 0))[1]
        if size > self.most:
            return
        self._things[key] = thing, size
        self.held += size
        while self.held > self.most:
            self.held -= self._things.popitem(last=False)[1][1]

    def __len__(self) -> int:
        return len(self._things)


__all__ = ["Kept"]
