"""The cited edges as a drawing: who was asked about on top, the answer below, what joins them between.

An edge is a label between two boxes, with an arrow that says which way it stands in the graph. Everything here is text
and geometry; a template draws it, and escapes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from neurosym.explain.report.fitting import shorten, wrap
from neurosym.explain.report.layout import BOX_WIDTH, STEP_HEIGHT, STEP_WIDTH, Shape, box_height
from neurosym.explain.report.picture import Drawing, laid_out
from neurosym.explain.report.safe import clean
from neurosym.links.reasons import LinkExplanation, Named
from neurosym.links.report.words import Reasons, Words

BUDGET = 14  # edges in a drawing: more hide what they show
ABOUT = (
    "What was asked about is on top and the answer at the bottom; the labels between the boxes are edges of the graph, "
    "with an arrow that says which way each stands. The same is told in words under the reasons."
)


def draw(why: Reasons, budget: int = BUDGET) -> tuple[Drawing, int] | None:
    """The drawing, and how many cited edges it leaves out; None where no edge is cited.

    Args:
        budget: edges in the drawing; those of the largest reasons come first.
    """
    link = isinstance(why, LinkExplanation)
    reasons: list[tuple[float, Sequence[Named]]] = [(r.share, r.grounding) for r in why.rules]
    if isinstance(why, LinkExplanation):
        reasons += [(p.share, p.edges) for p in why.paths]
    else:
        reasons += [(e.encoder, [e.edge]) for e in why.edges]
    ordered = sorted(reasons, key=lambda reason: -abs(reason[0]))
    cited = list(dict.fromkeys(edge for _, edges in ordered for edge in edges if edge[0] != edge[2]))
    if not cited:
        return None
    start, relation = (why.head, why.query[1]) if isinstance(why, LinkExplanation) else (why.entity, why.relation)
    shown = cited[:budget]
    shapes = _Artist(Words(why.labels), start, why.answer).shapes(shown, relation, link and why.inverse)
    drawing = laid_out(shapes, f"entity:{start}", "0", "The edges that the reasons cite")
    return Drawing(**{**vars(drawing), "about": ABOUT}), len(cited) - len(shown)


class _Artist:
    """Turns edges into boxes and labels that hang below one another, in no cycle."""

    def __init__(self, words: Words, start: str, answer: str) -> None:
        self.words, self.start, self.answer = words, start, answer
        self.found: dict[str, Shape] = {}

    def shapes(self, edges: Sequence[Named], relation: str, inverse: bool) -> dict[str, Shape]:
        level = levels(edges, self.start, self.answer)
        for name in sorted({self.start, self.answer, *level}, key=level.__getitem__):
            self._box(name)
        if self.start != self.answer:
            text = f"{self.words.relation(relation) if relation else 'class'} {'↑' if inverse else '↓'}, predicted"
            self._join(self.start, self.answer, text, "predicted: is not in the graph", "assumption")
        for subject, relation, object_ in edges:
            down = level[subject] < level[object_]
            text = f"{self.words.relation(relation)} {'↓' if down else '↑'}"
            title = self.words.edge((subject, relation, object_))
            upper, lower = (subject, object_) if down else (object_, subject)
            self._join(upper, lower, text, title, "step")
        return self.found

    def _box(self, name: str) -> None:
        text = clean(self.words.name(name))
        kind, caption = "data", "entity"
        if name == self.answer:
            kind, caption = "derived", "answer"
        if name == self.start:
            kind, caption = "claim", "asked about"
        lines = wrap(text, BOX_WIDTH - 28, 12)
        self.found[f"entity:{name}"] = Shape(
            f"entity:{name}", kind, f"{text} – {caption}", lines, caption, height=box_height(len(lines)), text=text
        )

    def _join(self, upper: str, lower: str, text: str, title: str, kind: str) -> None:
        number = f"edge:{len(self.found)}"
        label = shorten(clean(text[:-1]), STEP_WIDTH - 30, 11, text[-1:]) + text[-1:] if kind == "step" else text
        label = label if kind == "step" else shorten(clean(text), STEP_WIDTH - 30, 11)
        shape = Shape(number, kind, clean(title), [label], width=STEP_WIDTH, height=STEP_HEIGHT)
        self.found[number] = shape
        for one, other in ((self.found[f"entity:{upper}"], shape), (shape, self.found[f"entity:{lower}"])):
            one.below.append(other)
            other.above.append(one)


def levels(edges: Sequence[Named], start: str, answer: str) -> dict[str, int]:
    """Each entity's place from top to bottom, all different: then edges drawn downwards close no cycle.

    By the distance from the start, not through the answer; then the answer; then what only the answer leads to, and
    last what neither does.
    """
    near: dict[str, list[str]] = {start: [], answer: []}
    for subject, _, object_ in edges:
        near.setdefault(subject, []).append(object_)
        near.setdefault(object_, []).append(subject)
    order: dict[str, int] = {}

    def walk(first: str) -> None:
        waiting = deque([first])
        while waiting:
            name = waiting.popleft()
            if name in order or (name == answer and first == start != answer):
                continue
            order[name] = len(order)
            waiting.extend(near[name])

    for first in (start, answer, *near):
        walk(first)
    return order
