"""Geometry of a layered graph: what goes in which row, in which order, and where.

Longest-path layers, orders by barycentres, bends where edges pass a row (Sugiyama, Tagawa & Toda 1981).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

BOX_WIDTH, TRAY_WIDTH = 176, 272
STEP_WIDTH, STEP_HEIGHT = 190, 26
GAP_X, GAP_Y, MARGIN = 16, 36, 12
BEND = 6  # width that a long edge takes up where it passes a row
PER_ROW = 5
LINE_HEIGHT = 16


@dataclass(eq=False)
class Shape:
    """A box, a rule label, or a bend of a long edge; x and y are its upper left corner.

    Attributes:
        kind: of the fact, or `step` (`choice` if the rule has a weight), `fold` or `bend`.
        text: what the lines say, whole.
        numbers: of the lines, where a shape stands for several facts.
        part: number of the part of the page that tells more, 0 where none does.
        leads: for bends, the kind of fact that the edge ends at.
    """

    id: str
    kind: str
    title: str
    lines: list[str]
    caption: str = ""
    number: str = ""
    width: int = BOX_WIDTH
    height: int = 0
    x: float = 0.0
    y: float = 0.0
    leads: str = ""
    part: int = 0
    text: str = ""
    numbers: list[str] = field(default_factory=list)
    above: list[Shape] = field(default_factory=list)
    below: list[Shape] = field(default_factory=list)

    @property
    def baselines(self) -> list[float]:
        """Where the lines of text stand, in y."""
        first = self.y + (17 if not self.caption else 39)
        return [first + LINE_HEIGHT * k for k in range(len(self.lines))]

    @property
    def middle(self) -> float:
        """The middle in x."""
        return self.x + self.width / 2

    @property
    def outline(self) -> str:
        """The SVG path of the shape that the kind of fact has."""
        return outline(self.kind, self.x, self.y, self.width, self.height)


def box_height(lines: int) -> int:
    """The height of a box with a caption and so many lines of text."""
    return 42 + LINE_HEIGHT * max(lines, 2)


def outline(kind: str, x: float, y: float, w: float, h: float) -> str:
    """Each kind has a shape of its own, so that colour is never all that tells them apart."""
    r = 8.0
    if kind in ("claim", "derived"):
        return (
            f"M{x + r:g} {y:g}H{x + w - r:g}a{r} {r} 0 0 1 {r} {r}V{y + h - r:g}a{r} {r} 0 0 1 -{r} {r}"
            f"H{x + r:g}a{r} {r} 0 0 1 -{r} -{r}V{y + r:g}a{r} {r} 0 0 1 {r} -{r}Z"
        )
    if kind == "neural":  # corners cut off
        c = min(12.0, h / 2)
        return (
            f"M{x + c:g} {y:g}H{x + w - c:g}L{x + w:g} {y + c:g}V{y + h - c:g}L{x + w - c:g} {y + h:g}H{x + c:g}"
            f"L{x:g} {y + h - c:g}V{y + c:g}Z"
        )
    if kind in ("choice", "step"):  # a pill
        c = min(h / 2, 22.0)
        return (
            f"M{x + c:g} {y:g}H{x + w - c:g}a{c:g} {c:g} 0 0 1 {c:g} {c:g}V{y + h - c:g}a{c:g} {c:g} 0 0 1 -{c:g} {c:g}"
            f"H{x + c:g}a{c:g} {c:g} 0 0 1 -{c:g} -{c:g}V{y + c:g}a{c:g} {c:g} 0 0 1 {c:g} -{c:g}Z"
        )
    if kind == "aggregate":  # the upper corners cut off
        c = min(14.0, h / 2)
        return f"M{x + c:g} {y:g}H{x + w - c:g}L{x + w:g} {y + c:g}V{y + h:g}H{x:g}V{y + c:g}Z"
    if kind == "data":  # a sheet with its corner folded
        c = min(14.0, h / 2)
        return f"M{x:g} {y:g}H{x + w - c:g}L{x + w:g} {y + c:g}V{y + h:g}H{x:g}Z"
    if kind == "fold":  # a sheet with another one behind it
        front = f"M{x:g} {y:g}H{x + w - 5:g}V{y + h - 5:g}H{x:g}Z"
        return front + f"M{x + w - 5:g} {y + 5:g}H{x + w:g}V{y + h:g}H{x + 5:g}V{y + h - 5:g}"
    return f"M{x:g} {y:g}H{x + w:g}V{y + h:g}H{x:g}Z"  # absent, not, assumption: a plain box, drawn with a broken line


def layers_of(shapes: dict[str, Shape]) -> list[list[Shape]]:
    """Shapes by the longest way down from the claim."""
    waiting = {s.id: len(s.above) for s in shapes.values()}
    depth = dict.fromkeys(shapes, 0)
    ready = [s for s in shapes.values() if not waiting[s.id]]
    for shape in ready:
        for child in shape.below:
            depth[child.id] = max(depth[child.id], depth[shape.id] + 1)
            waiting[child.id] -= 1
            if not waiting[child.id]:
                ready.append(child)
    layers: list[list[Shape]] = [[] for _ in range(max(depth.values()) + 1)]
    for shape in shapes.values():
        layers[depth[shape.id]].append(shape)
    return [layer for layer in layers if layer]


def order(layers: list[list[Shape]], sweeps: int = 12) -> None:
    """Neighbours near one another: each layer sorted by the mean place of its neighbours, down and up in turn."""
    best, fewest = [list(layer) for layer in layers], crossings(layers)
    place = {s.id: k / max(1, len(layer)) for layer in layers for k, s in enumerate(layer)}
    earlier: list[list[list[str]]] = []
    for sweep in range(sweeps):
        if not fewest and sweep > 1:
            break
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            for shape in layer:
                near = shape.above if down else shape.below
                if near:
                    place[shape.id] = sum(place[n.id] for n in near) / len(near)
            layer.sort(key=lambda s: place[s.id])
            for k, shape in enumerate(layer):
                place[shape.id] = (k + 0.5) / len(layer)
        now = crossings(layers)
        if now < fewest:
            best, fewest = [list(layer) for layer in layers], now
        earlier.append([[s.id for s in layer] for layer in layers])
        if earlier[-1] in earlier[-3:-2]:  # as two sweeps before: from here on they repeat
            break
    for layer, found in zip(layers, best, strict=True):
        layer[:] = found


def crossings(layers: list[list[Shape]]) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    position = {s.id: k for layer in layers for k, s in enumerate(layer)}
    total = 0
    for upper, lower in itertools.pairwise(layers):
        inside = {s.id for s in lower}
        ends = [position[b.id] for s in upper for b in sorted(s.below, key=lambda b: position[b.id]) if b.id in inside]
        total += sum(a > b for k, a in enumerate(ends) for b in ends[k + 1 :])
    return total


def rows_of(layer: list[Shape]) -> list[list[Shape]]:
    """A layer that is too wide, dealt out over several rows."""
    count = math.ceil(sum(s.width + GAP_X for s in layer) / (PER_ROW * (BOX_WIDTH + GAP_X)) - 0.2)
    return [layer] if count < 2 else [layer[k::count] for k in range(count)]


def bend_edges(rows: list[list[Shape]]) -> None:
    """Gives edges that pass rows a place of their own in each, so that they go between the boxes.

    Edges that leave the same shape share it: forty leaves of one rule would need forty places otherwise.
    """
    row_of = {s.id: k for k, row in enumerate(rows) for s in row}
    for k, row in enumerate(rows):
        for upper in [s for s in row if s.kind != "bend"]:
            far = [s for s in upper.below if row_of[s.id] > k + 1]
            if not far:
                continue
            upper.below = [s for s in upper.below if row_of[s.id] <= k + 1]
            last = upper
            for between in range(k + 1, max(row_of[s.id] for s in far)):
                kinds = {s.kind for s in far if row_of[s.id] > between}
                bend = Shape(f"bend:{upper.id}:{between}", "bend", "", [], width=BEND)
                bend.leads = kinds.pop() if len(kinds) == 1 else "bend"
                bend.height = max(s.height for s in rows[between] if s.kind != "bend")
                rows[between].append(bend)
                bend.above = [last]
                last.below.append(bend)
                for lower in far:
                    if row_of[lower.id] == between + 1:
                        bend.below.append(lower)
                        lower.above[lower.above.index(upper)] = bend
                last = bend


def place(rows: list[list[Shape]]) -> tuple[float, float]:
    """Sets all x and y: each shape as near to the middle of its neighbours as the others in its row allow."""
    y = float(MARGIN)
    for row in rows:
        for k, shape in enumerate(row):
            shape.x = k * (shape.width + GAP_X)
            shape.y = y
        y += max(s.height for s in row) + GAP_Y
    # without bounds, rows would follow a bend at their end further and further out
    room = max(sum(s.width for s in row) + GAP_X * (len(row) - 1) for row in rows)
    for sweep in range(12):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wish = []
            for shape in row:
                near = shape.above + shape.below if sweep > 5 else (shape.above if sweep % 2 == 0 else shape.below)
                wish.append(sum(n.middle for n in near) / len(near) if near else shape.middle)
            _settle(row, [min(max(w, 0.0), room) for w in wish])
            over = max(0.0, row[-1].x + row[-1].width - room) - max(0.0, -row[0].x)
            for shape in row:
                shape.x -= over
    left = min(s.x for row in rows for s in row)
    for row in rows:
        for shape in row:
            shape.x += MARGIN - left
    return max(s.x + s.width for row in rows for s in row) + MARGIN, y - GAP_Y + MARGIN


def _settle(row: list[Shape], wish: list[float]) -> None:
    """Middles as near to the wishes as the gaps allow, in order: pooled averages (isotonic regression)."""
    groups: list[tuple[float, list[int]]] = []  # sum of (wish − offset), members
    offset = [0.0]
    for a, b in itertools.pairwise(row):
        offset.append(offset[-1] + (a.width + b.width) / 2 + GAP_X)
    for k, target in enumerate(wish):
        groups.append((target - offset[k], [k]))
        while len(groups) > 1 and groups[-2][0] / len(groups[-2][1]) >= groups[-1][0] / len(groups[-1][1]):
            total, members = groups.pop()
            groups[-1] = (groups[-1][0] + total, groups[-1][1] + members)
    for total, members in groups:
        for k in members:
            row[k].x = total / len(members) + offset[k] - row[k].width / 2


def edge_path(upper: Shape, lower: Shape) -> str:
    """A curve from the bottom of one shape to the top of another."""
    x1, y1, x2, y2 = upper.middle, upper.y + upper.height, lower.middle, lower.y
    bend = min(40.0, (y2 - y1) / 2)
    return f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
