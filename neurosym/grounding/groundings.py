"""The groundings found so far: kept in blocks as they come, turned into the graph's columns when a reader asks."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding.columns import Long, Mask, expand

PACK = 1024  # so many small blocks become one piece, else a recursion of many rounds keeps an object for each
SMALL = 256  # groundings


@dataclass
class Ragged:
    """A list of integers for each of n rows."""

    counts: Long
    items: Ids

    @classmethod
    def empty(cls, n: int) -> Ragged:
        """Empty lists for n rows."""
        return cls(np.zeros(n, np.int64), np.zeros(0, np.int32))

    @classmethod
    def join(cls, parts: list[Ragged], n: int) -> Ragged | None:
        """Row by row concatenation; None if all lists are empty."""
        parts = [p for p in parts if len(p.items)]
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        row = np.concatenate([np.repeat(np.arange(n), p.counts) for p in parts])
        items = np.concatenate([p.items for p in parts])
        return cls(np.sum([p.counts for p in parts], axis=0), items[np.argsort(row, kind="stable")])

    def take(self, rows: NDArray[np.integer]) -> Ragged:
        """The lists of some rows."""
        if not len(self.items):
            return Ragged.empty(len(rows))
        starts = np.cumsum(self.counts) - self.counts
        _, at = expand(starts[rows], self.counts[rows])
        return Ragged(self.counts[rows], self.items[at])


@dataclass
class Block:
    """n groundings of one rule.

    Attributes:
        heads: (n,); body: (n, m) the positive facts, and the choice's leaf.
        negated: facts under negation, absent: numbers of absent atoms; None where no grounding has any.
        certain: (n,) whether a grounding is known to hold in all worlds when it is found, or one value for all.
    """

    rule: int
    heads: Ids
    body: Ids
    negated: Ragged | None = None
    absent: Ragged | None = None
    certain: Mask | bool = True

    @property
    def num_edges(self) -> int:
        """Literals, positive and negated."""
        return self.body.size + (0 if self.negated is None else len(self.negated.items))


@dataclass(frozen=True)
class Columns:
    """G groundings as columns, see `DerivationGraph`."""

    rule: Ids
    head: Ids
    body_start: NDArray[np.integer]
    body: Ids
    sign: Mask
    absent_start: NDArray[np.integer]
    absent: Ids

    @property
    def nbytes(self) -> int:
        """Bytes held; a column that repeats one value holds none."""
        columns = [getattr(self, f.name) for f in fields(self)]
        return sum(c.nbytes for c in columns if c.strides != (0,))


class Groundings:
    """A growing list of groundings in the order in which they were found."""

    def __init__(self, columns: Columns | None = None) -> None:
        """None yet, or those of some columns."""
        self._pieces: list[Block | Columns] = [] if columns is None else [columns]
        self._small: list[Block] = []
        self._columns = columns
        self.size = 0 if columns is None else len(columns.head)

    def add(self, block: Block) -> None:
        """Append a block."""
        self._columns = None
        self.size += len(block.heads)
        if len(block.heads) < SMALL:
            self._small.append(block)
            if len(self._small) >= PACK:
                self._pack()
        else:
            self._pack()
            self._pieces.append(block)

    def _pack(self) -> None:
        if len(self._small) < 16:
            self._pieces.extend(self._small)
        else:
            self._pieces.append(_columns(self._small))
        self._small = []

    def pieces(self) -> list[Block | Columns]:
        """What they are kept in now, in order."""
        self._pack()
        return self._pieces

    def append(self, piece: Block | Columns) -> None:
        """Append a piece as it is, with arrays that are shared with others."""
        self._columns = None
        self._pack()
        self._pieces.append(piece)
        self.size += len(piece.head if isinstance(piece, Columns) else piece.heads)

    def count(self, rule: int) -> int:
        """How many groundings of a rule there are."""
        total = 0
        for piece in [*self._pieces, *self._small]:
            if isinstance(piece, Columns):
                total += int(np.count_nonzero(piece.rule == rule))
            elif piece.rule == rule:
                total += len(piece.heads)
        return total

    @property
    def nbytes(self) -> int:
        """Bytes held now."""
        total = 0
        for piece in [*self._pieces, *self._small]:
            if isinstance(piece, Columns):
                total += piece.nbytes
            else:
                ragged = [r for r in (piece.negated, piece.absent) if r is not None]
                total += piece.heads.nbytes + piece.body.nbytes + sum(r.counts.nbytes + r.items.nbytes for r in ragged)
        return total

    @property
    def columns(self) -> Columns:
        """All of them as columns; the blocks go."""
        if self._columns is None:
            self._pack()
            self._columns = _columns(self._pieces)
            self._pieces = [self._columns]
        return self._columns


def _columns(pieces: list[Block] | list[Block | Columns] | list[Columns]) -> Columns:
    """Pieces one after the other."""
    if len(pieces) == 1 and isinstance(pieces[0], Columns):
        return pieces[0]
    if all(isinstance(p, Block) and p.negated is None and p.absent is None for p in pieces):
        return _lone([p for p in pieces if isinstance(p, Block)])
    total = sum(len(p.head if isinstance(p, Columns) else p.heads) for p in pieces)
    edges = sum(len(p.body) if isinstance(p, Columns) else p.num_edges for p in pieces)
    absences = sum(len(_absent(p)) for p in pieces)
    signed = any((isinstance(p, Columns) and p.sign.strides != (0,)) or _negated(p) for p in pieces)
    rule, head = np.empty(total, np.int32), np.empty(total, np.int32)
    start = np.zeros(total + 1, np.int32 if edges < 2**31 else np.int64)
    body = np.empty(edges, np.int32)
    sign = np.ones(edges, np.bool_) if signed else np.broadcast_to(np.True_, (edges,))
    absent = np.empty(absences, np.int32)
    absent_start = np.zeros(total + 1, np.int64) if absences else np.broadcast_to(np.int32(0), (total + 1,))
    at = edge = lack = 0
    for piece in pieces:
        if isinstance(piece, Columns):
            n, m = len(piece.head), len(piece.body)
            rule[at : at + n], head[at : at + n], body[edge : edge + m] = piece.rule, piece.head, piece.body
            start[at + 1 : at + n + 1] = piece.body_start[1:] + edge
            if signed:
                sign[edge : edge + m] = piece.sign
            if absences:
                absent_start[at + 1 : at + n + 1] = piece.absent_start[1:] + lack
        else:
            n, m = len(piece.heads), piece.num_edges
            rule[at : at + n], head[at : at + n] = piece.rule, piece.heads
            _write_body(piece, start[at : at + n + 1], body[edge : edge + m], sign[edge : edge + m], edge)
            if absences:
                counts = 0 if piece.absent is None else np.cumsum(piece.absent.counts)
                absent_start[at + 1 : at + n + 1] = lack + counts
        items = _absent(piece)
        absent[lack : lack + len(items)] = items
        at, edge, lack = at + n, edge + m, lack + len(items)
    return Columns(rule, head, start, body, sign, absent_start, absent)


def _lone(blocks: list[Block]) -> Columns:
    """Blocks without negated literals one after the other."""
    counts = [len(b.heads) for b in blocks]
    rule = np.repeat(np.array([b.rule for b in blocks], np.int32), counts)
    body = np.concatenate([np.zeros(0, np.int32), *(b.body.reshape(-1) for b in blocks)])
    start = np.zeros(len(rule) + 1, np.int32 if len(body) < 2**31 else np.int64)
    np.cumsum(np.repeat([b.body.shape[1] for b in blocks], counts), out=start[1:])
    head = np.concatenate([np.zeros(0, np.int32), *(b.heads for b in blocks)])
    sign, absent_start = np.broadcast_to(np.True_, body.shape), np.broadcast_to(np.int32(0), start.shape)
    return Columns(rule, head, start, body, sign, absent_start, np.zeros(0, np.int32))


def _absent(piece: Block | Columns) -> Ids:
    if isinstance(piece, Columns):
        return piece.absent
    return np.zeros(0, np.int32) if piece.absent is None else piece.absent.items


def _negated(piece: Block | Columns) -> bool:
    return isinstance(piece, Block) and piece.negated is not None


def _write_body(block: Block, start: NDArray[np.integer], body: Ids, sign: Mask, offset: int) -> None:
    """A block's literals into slices of the columns; `start[0]` is there already, the other offsets are written."""
    n, positive = block.body.shape
    if block.negated is None:
        start[1:] = offset + positive * np.arange(1, n + 1)
        body[:] = block.body.reshape(-1)
        return
    counts = block.negated.counts
    start[1:] = offset + np.cumsum(positive + counts)
    begin = start[:-1] - offset if n else start[:0]
    body[(begin[:, None] + np.arange(positive)).reshape(-1)] = block.body.reshape(-1)
    first = np.repeat(begin + positive, counts)
    at = first + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    body[at] = block.negated.items
    sign[at] = False
