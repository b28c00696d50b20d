"""What a proof graph shows: facts as boxes, rule firings as labels between a fact and what it rests on.

A fact is one box, and two ways to derive it stay apart by their labels. Everything here is text and geometry; a
template draws it, and escapes it.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace

from neurosym.explain.model import Explanation, Node, Proof
from neurosym.explain.report.layout import (
    STEP_HEIGHT,
    STEP_WIDTH,
    Shape,
    bend_edges,
    edge_path,
    layers_of,
    order,
    place,
    rows_of,
)
from neurosym.explain.report.safe import clean
from neurosym.explain.report.wording import KIND_WORDS, percent

CAPTIONS = {
    "claim": "claim",
    "derived": "by a rule",
    "data": "recorded",
    "neural": "network",
    "choice": "rule applies",
    "absent": "absent",
    "not": "held false",
    "aggregate": "count",
    "assumption": "assumed",
}
MAX_NODES = 60
LINE = 22  # characters of a line of a box, at 12 px


@dataclass(frozen=True)
class Drawing:
    """A laid-out graph.

    Attributes:
        edges: SVG paths with the kind of what they lead to; `kinds`: those that occur, for the legend.
        left_out: facts that did not fit.
    """

    width: float
    height: float
    shapes: list[Shape]
    edges: list[tuple[str, str]]
    kinds: list[tuple[str, str]]
    left_out: int


def draw(explanation: Explanation, max_nodes: int = MAX_NODES) -> Drawing | None:
    """The graph of all proofs, or of as many of the best ones as fit; None where there is no proof."""
    explanation = _one_node_a_fact(explanation)
    proofs = list(explanation.proofs)
    folded = _folded(explanation)
    while len(proofs) > 1 and len(_nodes_of(explanation, proofs) - folded) > max_nodes:
        proofs.pop()
    if not proofs or proofs[0].root not in explanation.nodes:
        return None
    shapes = _shapes(explanation, proofs, max_nodes)
    layers = layers_of(shapes)
    order(layers)
    rows = [row for layer in layers for row in rows_of(layer)]
    bend_edges(rows)
    order(rows)
    width, height = place(rows)
    everything = [s for row in rows for s in row]
    edges = [(edge_path(s, b), b.leads or b.kind) for s in everything for b in s.below]
    edges += [(f"M{s.middle:.1f} {s.y:.1f}v{s.height:g}", s.leads) for s in everything if s.kind == "bend"]
    boxes = [s for s in everything if s.kind != "bend"]
    kinds = [(k, words) for k, words in KIND_WORDS.items() if any(s.kind == k for s in boxes)]
    total = _nodes_of(explanation, list(explanation.proofs)) - _folded(explanation)
    return Drawing(width, height, boxes, edges, kinds, len(total - {s.id for s in boxes}))


def _one_node_a_fact(explanation: Explanation) -> Explanation:
    """The same explanation with one node for each fact, however many ways to derive it are shown."""
    first: dict[tuple[str, str], str] = {}
    name = {n.id: first.setdefault((n.kind, n.atom), n.id) for n in explanation.nodes.values() if n.kind != "choice"}

    def of(node: str) -> str:
        return name.get(node, node)

    steps = tuple(replace(s, node=of(s.node), body=tuple(map(of, s.body))) for s in explanation.steps)
    proofs = tuple(replace(p, root=of(p.root)) for p in explanation.proofs)
    return replace(explanation, steps=steps, proofs=proofs)


def _folded(explanation: Explanation) -> set[str]:
    """Choices that a rule's label tells: whether the rule applies."""
    return {n.id for n in explanation.nodes.values() if n.kind == "choice"} - {p.root for p in explanation.proofs}


def _nodes_of(explanation: Explanation, proofs: list[Proof]) -> set[str]:
    names = {proof.root for proof in proofs}
    for proof in proofs:
        for k in proof.steps:
            names |= {explanation.steps[k].node, *explanation.steps[k].body}
    return names & set(explanation.nodes)


def _shapes(explanation: Explanation, proofs: list[Proof], max_nodes: int) -> dict[str, Shape]:
    """Boxes and rule labels, linked from the claim down; links that would close a cycle are left out."""
    used = sorted({k for proof in proofs for k in proof.steps})
    steps: dict[str, list[int]] = {}
    for k in used:
        steps.setdefault(explanation.steps[k].node, []).append(k)
    root = proofs[0].root
    shapes = {root: _box(explanation.nodes[root], True)}
    path: set[str] = set()
    boxes = 1
    folded = _folded(explanation)

    def link(name: str) -> None:
        nonlocal boxes
        path.add(name)
        for k in steps.get(name, ()):
            step = explanation.steps[k]
            label = _label(explanation, k, folded)
            for child in step.body:
                if child not in explanation.nodes or child in path or child in folded:
                    continue
                if child not in shapes:
                    if boxes >= max_nodes or len(path) > 100:
                        continue
                    boxes += 1
                    shapes[child] = _box(explanation.nodes[child], False)
                    link(child)
                label.below.append(shapes[child])
                shapes[child].above.append(label)
            shapes[label.id] = label
            shapes[name].below.append(label)
            label.above.append(shapes[name])
        path.discard(name)

    link(root)
    return _acyclic(shapes, root)


def _label(explanation: Explanation, number: int, folded: set[str]) -> Shape:
    """The label of a rule firing, with the rule's weight where it has one."""
    step = explanation.steps[number]
    rule = clean(explanation.rules[step.rule].name) if 0 <= step.rule < len(explanation.rules) else "rule"
    weights = [explanation.nodes[b].probability for b in step.body if b in folded and b in explanation.nodes]
    kind = "choice" if weights else "step"
    text = _shorten(rule, 20 if weights else 27) + (f"  {percent(weights[0])}" if weights else "")
    title = f"rule {rule}" + (f", applies with {percent(weights[0])}" if weights else "") + f": {clean(step.because)}"
    return Shape(f"step:{number}", kind, title, [text], width=STEP_WIDTH, height=STEP_HEIGHT)


def _acyclic(shapes: dict[str, Shape], root: str) -> dict[str, Shape]:
    """Drops links that lead back up: two proofs may use two facts in opposite orders."""
    state: dict[str, int] = {}
    stack = [(shapes[root], 0)]
    while stack:
        shape, at = stack.pop()
        state[shape.id] = 1
        if at < len(shape.below):
            child = shape.below[at]
            if state.get(child.id) == 1:
                shape.below.remove(child)
                child.above.remove(shape)
                stack.append((shape, at))
                continue
            stack.append((shape, at + 1))
            if child.id not in state:
                stack.append((child, 0))
        else:
            state[shape.id] = 2
    return shapes


def _box(node: Node, claim: bool) -> Shape:
    text = clean(node.label) or clean(node.atom)
    kind = "claim" if claim else node.kind
    caption = CAPTIONS.get(kind, node.kind)
    shown = text.removeprefix("it is not so that ") if node.kind == "not" else text
    number = "" if node.kind in ("absent", "assumption") else percent(node.probability)
    title = f"{text} – {caption}" + (f", {number}" if number else "") + (f"; {node.place}" if node.place else "")
    return Shape(node.id, kind, title, _wrap(shown), caption, number)


def _wrap(text: str) -> list[str]:
    """Two lines at most, the second with an ellipsis where something is missing."""
    lines = textwrap.wrap(" ".join(text.split()), LINE, break_long_words=True) or [""]
    if len(lines) > 2:
        lines = [lines[0], _shorten(lines[1] + " " + lines[2], LINE)]
    return lines


def _shorten(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1].rstrip() + "…"
