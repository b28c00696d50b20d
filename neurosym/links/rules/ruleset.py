"""Rules over the relations of a graph, held as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosym.links.rules.index import Ids, Long

PATH, CONSTANT, FREE = 0, 1, 2
NONE = -1
COLUMNS = tuple("kind head body head_entity body_entity support body_count confidence coverage share".split())


@dataclass(frozen=True)
class Rule:
    """One rule, spelled out.

    The kinds, as in AnyBURL (Meilicke et al., IJCAI 2019):
    `h(X, Y) ← r1(X, A), r2(A, B), r3(B, Y)` a path, `h(X, c) ← r(X, d)` with constants, `h(X, c) ← r(X, A)` with a
    free end. A directed relation is a name and whether it is read backwards; distinct variables take distinct
    entities, and none the entity c.

    Attributes:
        head: relation of the head, (name, backwards).
        body: relations along the path from X.
        head_entity: c, None for a path.
        body_entity: d, None for a path and a free end.
    """

    head: tuple[str, bool]
    body: tuple[tuple[str, bool], ...]
    head_entity: str | None
    body_entity: str | None
    support: int
    body_count: int
    confidence: float
    coverage: float = 0.0

    def __str__(self) -> str:
        """The rule as AnyBURL would print it."""
        last = self.body_entity if self.head_entity is not None else "Y"
        ends = ["X", *"ABCD"[: len(self.body) - 1], last if last is not None else "A"]
        body = ", ".join(_atom(r, ends[i], ends[i + 1]) for i, r in enumerate(self.body))
        return f"{_atom(self.head, 'X', self.head_entity or 'Y')} <= {body}"


def _atom(relation: tuple[str, bool], left: str, right: str) -> str:
    name, backwards = relation
    return f"{name}({right}, {left})" if backwards else f"{name}({left}, {right})"


@dataclass(frozen=True, eq=False)
class RuleSet:
    """n rules over R named relations; the inverse of relation r has the number R + r.

    Attributes:
        relations: R names.
        entities: names of the entities that constants mean.
        kind: (n,) PATH, CONSTANT or FREE.
        head: (n,) directed relation of the head; forward for a path.
        body: (n, L) directed relations along the path from X, then NONE.
        head_entity: (n,) c, or NONE.
        body_entity: (n,) d, or NONE.
        support: (n,) substitutions of the head's variables for which body and head hold.
        body_count: (n,) those for which the body holds.
        confidence: (n,) probability that the head holds where the body does: support / (body_count + smoothing) as
            mined, or as an expert has set it.
        coverage: (n,) share of the head's triples that the rule finds.
        share: (n,) share of the body's first entities that were counted: 1 where the counts are exact.
        smoothing: what mining added to the body's count.
    """

    relations: tuple[str, ...]
    entities: tuple[str, ...]
    kind: NDArray[np.int8]
    head: Ids
    body: Ids
    head_entity: Ids
    body_entity: Ids
    support: Long
    body_count: Long
    confidence: NDArray[np.float64]
    coverage: NDArray[np.float64]
    share: NDArray[np.float64]
    smoothing: float = 5.0

    def __len__(self) -> int:
        return len(self.head)

    @property
    def mined(self) -> NDArray[np.float64]:
        """(n,) the confidence that the counts give; 0 for a rule that was never counted."""
        return self.support / np.maximum(self.body_count + self.smoothing, 1e-9)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> RuleSet:
        """The rules of these rows, in their order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})

    def sorted(self) -> RuleSet:
        """By confidence, the highest first; then by support, and by the rule itself, so that the order is one."""
        columns = [self.body_entity, self.head_entity, *self.body.T[::-1], self.head, self.kind]
        return self.take(np.lexsort([*columns, -self.support, -self.confidence]))

    def __getitem__(self, row: int) -> Rule:
        entity = int(self.head_entity[row]), int(self.body_entity[row])
        return Rule(
            head=self._directed(int(self.head[row])),
            body=tuple(self._directed(int(r)) for r in self.body[row] if r != NONE),
            head_entity=None if entity[0] == NONE else self.entities[entity[0]],
            body_entity=None if entity[1] == NONE else self.entities[entity[1]],
            support=int(self.support[row]),
            body_count=int(self.body_count[row]),
            confidence=float(self.confidence[row]),
            coverage=float(self.coverage[row]),
        )

    def __iter__(self) -> Iterator[Rule]:
        return (self[i] for i in range(len(self)))

    def _directed(self, relation: int) -> tuple[str, bool]:
        return self.relations[relation % len(self.relations)], relation >= len(self.relations)


def columns_of(
    n: int,
    kind: int,
    head: NDArray[np.integer],
    body: Sequence[NDArray[np.integer]],
    support: NDArray[np.integer],
    body_count: NDArray[np.integer],
    length: int,
    head_entity: NDArray[np.integer] | int = NONE,
    body_entity: NDArray[np.integer] | int = NONE,
    share: float = 1.0,
) -> dict[str, NDArray]:
    """The columns of n rules of one kind, but for confidence and coverage."""
    padded = np.full((n, length), NONE, np.int32)
    for i, column in enumerate(body):
        padded[:, i] = column
    return {
        "kind": np.full(n, kind, np.int8),
        "head": np.asarray(head, np.int32),
        "body": padded,
        "head_entity": np.broadcast_to(np.asarray(head_entity, np.int32), n).copy(),
        "body_entity": np.broadcast_to(np.asarray(body_entity, np.int32), n).copy(),
        "support": np.asarray(support, np.int64),
        "body_count": np.asarray(body_count, np.int64),
        "share": np.full(n, share),
    }


def concatenate(parts: Sequence[RuleSet]) -> RuleSet:
    """The rules of several sets over the same relations and entities, one after the other."""
    first = parts[0]
    length = max(part.body.shape[1] for part in parts)
    bodies = [np.pad(p.body, ((0, 0), (0, length - p.body.shape[1])), constant_values=NONE) for p in parts]
    joined = {name: np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS if name != "body"}
    return replace(first, body=np.concatenate(bodies), **joined)
