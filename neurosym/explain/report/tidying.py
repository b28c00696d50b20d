"""What happens to the shapes of a drawing before they are placed: no cycles, and leaves alike in lists."""

from __future__ import annotations

from neurosym.explain.report.fitting import shorten
from neurosym.explain.report.layout import TRAY_WIDTH, Shape, box_height

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
FEW, TRAY = 5, 12  # so many leaves alike are listed in one box, of so many lines at most;
FEWER, CROWD = 3, 20  # in a drawing of many shapes, fewer are enough


def listed(shapes: dict[str, Shape]) -> dict[str, Shape]:
    """Leaves of one kind below one rule as lists: twenty boxes with an edge each hide what a list tells."""
    few = FEW if len(shapes) <= CROWD else FEWER
    for label in [s for s in shapes.values() if not s.caption]:
        groups: dict[str, list[Shape]] = {}
        for leaf in label.below:
            if leaf.above == [label] and not leaf.below and not leaf.part and leaf.id in shapes:
                groups.setdefault(leaf.kind, []).append(leaf)
        for kind, leaves in groups.items():
            for start in range(0, len(leaves), TRAY) if len(leaves) >= few else ():
                some = leaves[start : start + TRAY]
                numbers = [s.number for s in some]
                room = TRAY_WIDTH - 28
                lines = [shorten(s.text, room, 12, f"  {s.number}") for s in some]
                caption, title = f"{CAPTIONS.get(kind, kind)}: {len(some)}", "; ".join(s.title for s in some)
                tray = Shape(
                    some[0].id, kind, title, lines, caption,
                    width=TRAY_WIDTH, height=box_height(len(some)), above=[label], numbers=numbers,
                )  # fmt: skip
                at = label.below.index(some[0])
                label.below = [s for s in label.below if s not in some]
                label.below.insert(at, tray)
                for s in some:
                    del shapes[s.id]
                shapes[tray.id] = tray
    return shapes


def acyclic(shapes: dict[str, Shape], root: str) -> dict[str, Shape]:
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
