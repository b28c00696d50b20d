"""A proof graph as a page shows it: drawings, and the parts that are folded away."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurosym.explain.model import Node
from neurosym.explain.report.layout import Shape


@dataclass(frozen=True)
class Drawing:
    """A laid-out graph.

    Attributes:
        number: of the part it belongs to and its place there, as `3-1`, unique in the page.
        start: the middle of the box on top, in x: where a narrow screen begins to show a wide drawing.
        title: what it draws; edges: SVG paths with the kind of what they lead to.
    """

    number: str
    title: str
    width: float
    height: float
    shapes: list[Shape]
    edges: list[tuple[str, str]]
    start: float = 0.0


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
