"""Proofs as trees of sentences, in pieces that can be read: neither too deep nor a thousand alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from neurosym.explain.model import Explanation, Node, Proof, RuleText
from neurosym.explain.report.links import LINE, Links
from neurosym.explain.report.wording import reason, sentence

MAX_DEPTH = 8  # levels of nesting in one piece
SIDE = 3  # levels of what a step of a folded line rests on
LINES = 28  # facts of a piece that a view shows unfolded, about a screen of them
WIDE = 12  # of more than so many facts in a row, a view folds the others


@dataclass(frozen=True)
class Branch:
    """A node of a proof as a tree.

    Attributes:
        reason: the rule's sentence, for derived nodes; `rule`: the rule.
        again: the node was spelled out before; `piece`: its body is told in the piece of that number, 0: here.
        opposite: of a fact held to be false, the proof that it is so after all.
        row: steps in a row, from this node to the one above the only child; they are alike, and a view folds them.
    """

    node: Node
    reason: str = ""
    rule: RuleText | None = None
    children: tuple[Branch, ...] = ()
    again: bool = False
    piece: int = 0
    row: tuple[Branch, ...] = ()
    opposite: Branch | None = None


def proof_tree(explanation: Explanation, proof: Proof, max_depth: int = MAX_DEPTH) -> Branch | None:
    """The first piece of a proof; None where its root is not among the nodes."""
    pieces = proof_pieces(explanation, proof, max_depth)
    return pieces[0] if pieces else None


def proof_pieces(explanation: Explanation, proof: Proof, max_depth: int = MAX_DEPTH) -> list[Branch]:
    """A proof as trees in which each fact is spelled out once.

    The first begins at the claim. Each further one begins at a node that lay too deep, whose `piece` is its position.
    """
    if proof.root not in explanation.nodes:
        return []
    gardener = _Gardener(Links(explanation, [proof]), proof.root, max_depth)
    found: list[Branch] = []
    while len(found) < len(gardener.roots):  # growing a piece adds roots
        found.append(gardener.grow(gardener.roots[len(found)]))
    return found


def open_depth(tree: Branch, lines: int = LINES) -> int:
    """How many levels below the top a view shows unfolded: as many as make up so many lines, and one at least."""
    level, shown, depth = [tree], 1, 0
    while level:
        level = [c for b in level for c in b.children[:WIDE]]
        shown += len(level)
        if shown > lines:
            break
        depth += 1
    return max(depth, 1)


class _Gardener:
    """Grows the pieces of one proof.

    Attributes:
        roots: where the pieces begin.
    """

    def __init__(self, links: Links, root: str, max_depth: int) -> None:
        self.links, self.max_depth = links, max_depth
        self.nodes = links.explanation.nodes
        self.roots = [root]
        self._told: set[str] = set()

    def grow(self, name: str, depth: int = 0) -> Branch:
        """The tree below a node; `max_depth` bounds the recursion."""
        node = self.nodes[name]
        if name not in self.links.steps:
            return self._leaf(name, depth)
        if name in self._told and depth:
            return Branch(node, again=True)
        if depth >= self.max_depth:
            self._told.add(name)
            self.roots.append(name)
            return Branch(node, piece=len(self.roots) - 1)
        self._told.add(name)
        line = self.links.line(name, self._told)
        following = line[1] if len(line) >= LINE else None
        children = tuple(
            self._line_branch(line, depth + 1) if b == following else self.grow(b, depth + 1)
            for b in self.links.below(name)
        )
        return Branch(node, self._reason(name), self.links.rule(name), children)

    def _leaf(self, name: str, depth: int) -> Branch:
        """A fact that no step derives; what speaks for the opposite is told where it is met first."""
        node, opposite = self.nodes[name], self.links.opposite(name)
        if not opposite:
            return Branch(node)
        if name in self._told:
            return Branch(node, again=True)
        self._told.add(name)
        return Branch(node, opposite=self.grow(opposite, depth + 1))

    def _line_branch(self, line: list[str], depth: int) -> Branch:
        """A line's second node, for all that follow up to the last."""
        self._told |= set(line[1:-1])
        row = []
        for name, following in pairwise(line[1:]):
            sides = tuple(self._side(b) for b in self.links.below(name) if b != following)
            row.append(Branch(self.nodes[name], self._reason(name), self.links.rule(name), sides))
        end = self.grow(line[-1], depth)
        return Branch(self.nodes[line[1]], row[0].reason, row[0].rule, (end,), row=tuple(row))

    def _side(self, name: str) -> Branch:
        """What a step of a line rests on besides the next; what lies deep below it is told in a piece of its own."""
        return self.grow(name, max(0, self.max_depth - SIDE) + 1)

    def _reason(self, name: str) -> str:
        return sentence(reason(self.links.step(name), self.nodes[name]))
