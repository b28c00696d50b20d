"""What a proof graph shows: facts as boxes, rule firings as labels between a fact and what it rests on.

A fact is one box, and two ways to derive it stay apart by their labels. What does not fit is folded into parts, see
`folding`. Everything here is text and geometry; a template draws it, and escapes it.
"""

from __future__ import annotations

from neurosym.explain.model import Explanation
from neurosym.explain.report.fitting import shorten, wrap
from neurosym.explain.report.folding import BUDGET, Folding, Part, Plan
from neurosym.explain.report.layout import BOX_WIDTH, STEP_HEIGHT, STEP_WIDTH, Shape, box_height
from neurosym.explain.report.links import Links, one_node_a_fact
from neurosym.explain.report.picture import Drawing, Folded, Picture, Row, laid_out
from neurosym.explain.report.safe import clean
from neurosym.explain.report.tidying import CAPTIONS, acyclic, listed
from neurosym.explain.report.wording import KIND_WORDS, chance, percent, plural, reason, sentence

NESTED = 5  # parts within parts; deeper ones stand side by side, or their frames would leave no room


def draw(explanation: Explanation, budget: int = BUDGET) -> Picture | None:
    """The graph of all proofs; None where there is no proof.

    Args:
        budget: facts in one drawing; what lies below is folded.
    """
    explanation = one_node_a_fact(explanation)
    proofs = [p for p in explanation.proofs if p.root in explanation.nodes]
    if not proofs:
        return None
    choices = {n.id for n in explanation.nodes.values() if n.kind == "choice"} - {p.root for p in proofs}
    links = Links(explanation, proofs, frozenset(choices))
    root = proofs[0].root
    return _Artist(links, Folding(links, root, budget)).picture()


class _Artist:
    """Turns plans into drawings."""

    def __init__(self, links: Links, folding: Folding) -> None:
        self.links, self.folding = links, folding
        self.explanation = links.explanation
        self.nodes = links.explanation.nodes

    def picture(self) -> Picture:
        folding = self.folding
        folded = {part.number: self._folded(part) for part in folding.parts}
        top = self._nest(folded)
        everything = {n for plan in folding.plans() for n in plan.shown}
        everything |= {n for part in folding.parts for row in part.rows for n in (row, *self.links.below(row))}
        kinds = {self.nodes[n].kind for n in everything} | ({"choice"} if self._has_choices() else set())
        return Picture(
            self._drawing(folding.plan, "0", first=True), top, [(k, w) for k, w in KIND_WORDS.items() if k in kinds],
            len(everything), len(folding.plan.shown),
        )  # fmt: skip

    def _has_choices(self) -> bool:
        return any(b in self.links.passed_over for numbers in self.links.steps.values() for k in numbers
                   for b in self.explanation.steps[k].body)  # fmt: skip

    def _nest(self, folded: dict[int, Folded]) -> list[Folded]:
        """Parts put into the parts that they hang below; those of the first drawing are returned."""
        place: dict[int, list[int]] = {0: []}  # the parts around a part, outermost first
        top: list[Folded] = []
        owners = [(0, self.folding.plan), *((p.number, plan) for p in self.folding.parts for plan in p.plans)]
        for number, plan in owners:  # a part is numbered after the part around it
            for part in plan.parts.values():
                around = place[number][: NESTED - 1]
                place[part.number] = [*around, part.number]
                (folded[around[-1]].parts if around else top).append(folded[part.number])
        return top

    def _folded(self, part: Part) -> Folded:
        return Folded(
            part.number, self._title(part), [self._row(row, part) for row in part.rows],
            [self._drawing(plan, f"{part.number}-{k}") for k, plan in enumerate(part.plans, 1)],
        )  # fmt: skip

    def _title(self, part: Part) -> str:
        label = self._label_of(part.under)
        if part.kind == "line":
            last = self._label_of(part.rows[-1])
            return f"{plural(len(part.rows), 'step')} in a row, from “{label}” to “{last}”"
        if part.kind == "opposite":
            shown = self.nodes[self.links.opposite(part.under)]
            return f"Reasons for the opposite: {self._label_of(shown.id)}, {percent(shown.probability)}"
        if part.kind == "rest":
            return f"{plural(len(part.rows), 'further fact')} that “{label}” rests on"
        return f"{plural(part.size, 'more fact')} below “{label}”" if part.size else f"what “{label}” rests on"

    def _label_of(self, name: str) -> str:
        return clean(self.nodes[name].label) or clean(self.nodes[name].atom)

    def _row(self, name: str, part: Part) -> Row:
        node = self.nodes[name]
        if name not in self.links.steps:
            return Row(node, "", [])
        if self.folding.owner.get(name) != part.number:
            return Row(node, "", [(node, self.folding.owner.get(name, 0))])
        told = set(part.rows)
        sides = [b for b in self.links.below(name) if b not in told]
        owner = self.folding.owner
        return Row(
            node, sentence(reason(self.links.step(name), node)),
            [(self.nodes[b], owner[b] if b in self.links.steps and owner[b] != part.number else 0) for b in sides],
        )  # fmt: skip

    # ---------------------------------------------------------------------------------------------- geometry

    def _drawing(self, plan: Plan, number: str, first: bool = False) -> Drawing:
        shapes = self._shapes(plan, first)
        title = "How the claim follows" if first else f"How “{self._label_of(plan.root)}” follows"
        return laid_out(shapes, plan.root, number, title)

    def _shapes(self, plan: Plan, first: bool) -> dict[str, Shape]:
        """Boxes and rule labels, linked from the root down; links that would close a cycle are left out."""
        shapes = {name: self._box(name, plan, first and name == plan.root) for name in plan.shown}

        def link(upper: Shape, lower: Shape) -> None:
            upper.below.append(lower)
            lower.above.append(upper)

        for name in plan.open:
            part = plan.parts.get(name)  # of a wide fact: what of it is listed
            for k in self.links.steps[name]:
                label = shapes[f"step:{k}"] = self._label(k)
                link(shapes[name], label)
                body = self.links.of_step(k)
                for child in body:
                    if child in shapes and child != name:
                        link(label, shapes[child])
                if part is not None and set(body) & set(part.rows):
                    fold = shapes.setdefault(f"part:{part.number}", self._fold(part))
                    link(label, fold)
        for name, part in plan.parts.items():
            if part.kind != "rest":
                fold = shapes[f"part:{part.number}"] = self._fold(part)
                link(shapes[name], fold)
                if name in plan.ends:
                    link(fold, shapes[plan.ends[name]])
        return listed(acyclic(shapes, plan.root))

    def _label(self, number: int) -> Shape:
        """The label of a rule firing, with the rule's weight where it has one."""
        step, rules = self.explanation.steps[number], self.explanation.rules
        rule = clean(rules[step.rule].name) if 0 <= step.rule < len(rules) else "rule"
        weights = [self.nodes[b].probability for b in step.body if b in self.links.passed_over]
        kind = "choice" if weights else "step"
        weight = f"  {percent(weights[0])}" if weights else ""
        text = shorten(rule, STEP_WIDTH - 30, 11, weight) + weight
        title = (
            f"rule {rule}" + (f", applies with {percent(weights[0])}" if weights else "") + f": {clean(step.because)}"
        )
        return Shape(f"step:{number}", kind, title, [text], width=STEP_WIDTH, height=STEP_HEIGHT)

    def _fold(self, part: Part) -> Shape:
        """The box that stands for a part."""
        if part.kind == "line":
            line = f"{plural(len(part.rows), 'step')} in a row"
        elif part.kind == "opposite":
            line = f"for the opposite, {percent(self.nodes[self.links.opposite(part.under)].probability)}"
        elif part.kind == "rest":
            line = plural(len(part.rows), "further fact")
        else:
            line = f"{plural(part.size, 'more fact')} below" if part.size else "what it rests on"
        lines = [line, f"open part {part.number}"]
        return Shape(
            f"part:{part.number}", "fold", self._title(part), lines, "folded", height=box_height(2), part=part.number,
            leads="not" if part.kind == "opposite" else "",
        )  # fmt: skip

    def _box(self, name: str, plan: Plan, claim: bool) -> Shape:
        node = self.nodes[name]
        text = self._label_of(name)
        kind = "claim" if claim else node.kind
        caption = CAPTIONS.get(kind, node.kind)
        shown = text.removeprefix("it is not so that ") if node.kind == "not" else text
        number = "" if node.kind == "absent" else chance(node)
        title = f"{text} – {caption}" + (f", {number}" if number else "") + (f"; {node.place}" if node.place else "")
        lines = wrap(shown, BOX_WIDTH - 28, 12)
        part = 0
        if name in plan.again:
            part = plan.again[name]
            lines = [*lines[:2], f"see part {part}" if part else "see the first drawing"]
        return Shape(node.id, kind, title, lines, caption, number, height=box_height(len(lines)), part=part, text=shown)
