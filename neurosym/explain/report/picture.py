"""A proof graph as a page shows it: drawings, and the parts that are folded away."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurosym.explain.model import Node
from neurosym.explain.report.layout import Shape, bend_edges, edge_path, layers_of, order, place, rows_of


@dataclass(frozen=True)
class Drawing:
    """A laid-out graph.

    Attributes:
        number: of the part it belongs to and its place there, as `3-1`, unique in the page.
        start: the middle of the box on top, in x: where a narrow screen begins to show a wide drawing.
        about: how it is to be read.
        title: what it draws; edges: SVG paths with the kind of what they lead to.
    """

    number: str
    title: str
    width: float
    height: float
    shapes: list[Shape]
    edges: list[tuple[str, str]]
    start: float = 0.0
    about: str = (
        "What follows is on top, the rules below it, and what they rest on at the bottom. The same is told in words "
        "under Why."
    )


def laid_out(shapes: dict[str, Shape], root: str, number: str, title: str) -> Drawing:
    """Shapes that are linked from the root down, and in no cycle, each given its place."""
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
    return Drawing(number, title, width, height, boxes, edges, shapes[root].middle)


@dataclass(frozen=True)
class Row:
    """A step that is listed and not drawn.

    Attributes:
        sides: what it rests on besides the row after it, each with the part that spells it out, 0 where no other does.
    """

    node: Node
    reason: str
    sides: list[tuple[Node, int]]


@dataclass(frozen=True)
class Folded:
    """A part as the page shows it: a sentence that says what is in it; its rows, its drawings, and the parts within."""

    number: int
    title: str
    rows: list[Row]
    drawings: list[Drawing]
    parts: list[Folded] = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """The whole proof graph: the first drawing, what is folded below it, and the kinds of facts for the legend.

    Attributes:
        facts: how many there are in all; `drawn`: how many the first drawing shows.
    """

    first: Drawing
    parts: list[Folded]
    kinds: list[tuple[str, str]]
    facts: int
    drawn: int

    @property
    def drawings(self) -> list[Drawing]:
        """All drawings, the first one first."""
        found, stack = [self.first], self.parts[::-1]
        while stack:
            part = stack.pop()
            found += part.drawings
            stack += part.parts[::-1]
        return found
