"""The headers of tables: what a file calls its columns, kept until the rules say which argument that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Header:
    """One table that facts were read from.

    A table does not know the declarations: its rows stand in a fact base in the order of its columns, and are brought
    into that of the arguments where they meet a program (`neurosym.grounding.tables`).

    Attributes:
        key: the predicate that the table gives; columns: their names, none where the caller chose the order.
        file: as messages name it.
        first, count: the places of its rows among those of the fact base.
    """

    key: Key
    columns: tuple[str, ...]
    file: str
    first: int
    count: int

    def moved(self, by: int) -> Header:
        """The same behind other places."""
        return replace(self, first=self.first + by)

    def rows(self, places: NDArray[np.int32]) -> NDArray[np.bool_]:
        """(n,) which rows came from this table, by their places."""
        return (places >= self.first) & (places < self.first + self.count)


def layouts(headers: Sequence[Header], key: Key, places: NDArray[np.int32]) -> set[tuple[str, ...]]:
    """The orders in which the rows of a predicate may stand; `()` is that of the arguments."""
    own = [h for h in headers if h.key == key]
    named = np.zeros(len(places), np.bool_)
    for header in own:
        named |= header.rows(places)
    return {h.columns for h in own} | (set() if named.all() else {()})
