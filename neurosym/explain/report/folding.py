"""What goes into which drawing of a large proof graph.

A drawing holds a few dozen facts. What lies below them is folded: into a part of its own, with a drawing of its own;
a long line of recursion into one part that lists its steps; the members of a wide fact, past the first ones, into a
list. Every fact is spelled out in exactly one place, and elsewhere refers to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from neurosym.explain.report.links import LINE, Links

BUDGET = 36  # boxes in a drawing, those of parts included; SLACK more where that spares a part of SMALL facts or fewer
SLACK = 12
SMALL = 3
LEVELS = 7  # of facts in a drawing: it should not be much taller than a screen

PartKind = Literal["below", "line", "rest", "opposite"]


@dataclass
class Part:
    """Something folded away.

    Attributes:
        number: unique in the page, from 1; `under`: the fact that it hangs below.
        kind: `below`, all that a fact rests on; `line`, steps in a row; `rest`, further facts of a step; `opposite`,
            the proof that a fact held to be false is so after all.
        rows: facts that are listed, each with its step; `plans`: drawings; `size`: facts told here and nowhere before.
    """

    number: int
    kind: PartKind
    under: str
    rows: list[str] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    size: int = 0


@dataclass
class Plan:
    """One drawing.

    Attributes:
        root: the fact on top; `shown`: all its facts; `open`: those whose steps are drawn.
        parts: id of a shown fact → what is folded below it; `ends`: of a folded line, the fact that it leads to.
        again: id of a shown fact → number of the part that spells it out, 0 for the first drawing.
    """

    root: str
    shown: dict[str, None]
    open: dict[str, None] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)


class Folding:
    """Deals the facts of a proof graph out over drawings.

    Attributes:
        plan: the first drawing; `parts`: all parts, in the order in which a reader meets them.
        owner: id of a derived fact → number of the part that spells it out, 0 for the first drawing.
    """

    def __init__(self, links: Links, root: str, budget: int = BUDGET) -> None:
        self.links, self.budget = links, budget
        self.owner: dict[str, int] = {root: 0}
        self.parts: list[Part] = []
        self.plan = self._new_plan(root)
        waiting: list[tuple[Plan, int]] = [(self.plan, 0)]
        while waiting:  # no recursion: parts may nest a thousand deep
            plan, number = waiting.pop()
            made = self._fill(plan, number)
            waiting.extend((p, part.number) for part in reversed(made) for p in reversed(part.plans))
        self._again()
        self._sizes()

    def _new_plan(self, root: str) -> Plan:
        return Plan(root, {root: None})

    def _fill(self, plan: Plan, number: int) -> list[Part]:
        """Show facts level by level while there is room; the parts that were made.

        A level is opened as a whole or, small things aside, not at all: where some were opened by chance of their
        order, a reader would take the others for less important.
        """
        level, depth = [plan.root], 0
        while level:
            depth += 1
            level = [n for n in level if self.links.below(n) and (n == plan.root or n not in self.owner)]
            fits = depth < LEVELS and self._fits(plan, level)
            below: list[str] = []
            for name in level:
                line = self.links.line(name, self.owner)
                new = [b for b in self.links.below(name) if b not in plan.shown]
                if name in plan.open or name in plan.parts:
                    continue
                if len(line) >= LINE:
                    below += self._fold_line(plan, number, line)
                elif fits or self._is_small(plan, name):
                    below += self._show(plan, number, name, new)
                elif name == plan.root:
                    room = max(1, self.budget - 2)
                    below += self._show(plan, number, name, new[:room])
                    if new[room:]:
                        plan.parts[name] = self._rest(name, new[room:])
                else:
                    plan.parts[name] = self._part("below", name)
                    self.owner[name] = plan.parts[name].number
                    plan.parts[name].plans.append(self._new_plan(name))
            level = below
        for name in [n for n in plan.shown if n not in plan.parts and self.links.opposite(n)]:
            plan.parts[name] = self._opposed(name)
        return list(plan.parts.values())

    def _fits(self, plan: Plan, level: list[str]) -> bool:
        """Whether there is room for all that a level rests on, and for the parts that may hang below that."""
        new = {b for n in level for b in self.links.below(n)} - set(plan.shown)
        pending = sum((b in self.links.steps and b not in self.owner) or bool(self.links.opposite(b)) for b in new)
        if level == [plan.root]:
            pending = 0  # it is opened as long as its own facts fit
        return len(plan.shown) + len(new) + pending <= self.budget

    def _show(self, plan: Plan, number: int, name: str, new: list[str]) -> list[str]:
        """Draw the steps of a fact; what that shows for the first time."""
        self.owner[name] = number
        plan.open[name] = None
        plan.shown |= dict.fromkeys(new)
        return new

    def _fold_line(self, plan: Plan, number: int, line: list[str]) -> list[str]:
        """Show a line's first step and its last fact, and list what lies between; what is to be shown further."""
        first, second, end = line[0], line[1], line[-1]
        sides = [b for b in self.links.below(first) if b not in plan.shown]
        plan.open[first] = None
        plan.shown |= dict.fromkeys([*sides, second, end])
        self.owner[first] = number
        part = self._part("line", second)
        part.rows.extend(line[1:-1])
        self.owner |= dict.fromkeys(part.rows, part.number)
        plan.parts[second], plan.ends[second] = part, end
        self._plan_sides(part, set(line))
        return [*(b for b in sides if b != second), end]

    def _rest(self, name: str, members: list[str]) -> Part:
        part = self._part("rest", name)
        part.rows.extend(members)
        self.owner |= {m: part.number for m in members if m in self.links.steps and m not in self.owner}
        self._plan_sides(part, set(members))
        return part

    def _plan_sides(self, part: Part, told: set[str]) -> None:
        """Drawings for the derived facts that listed steps rest on."""
        for row in part.rows:
            sides = self.links.below(row) if self.owner.get(row) == part.number else []
            for side in (*sides, *(self.links.opposite(s) for s in (row, *sides))):
                if side in self.links.steps and side not in told and side not in self.owner:
                    self.owner[side] = part.number
                    part.plans.append(self._new_plan(side))

    def _opposed(self, name: str) -> Part:
        """The proof of what a fact denies; where it is spelled out elsewhere, a reference to that."""
        part, opposite = self._part("opposite", name), self.links.opposite(name)
        if opposite in self.links.steps and opposite not in self.owner:
            self.owner[opposite] = part.number
            part.plans.append(self._new_plan(opposite))
        else:
            part.rows.append(opposite)
        return part

    def _part(self, kind: PartKind, under: str) -> Part:
        part = Part(len(self.parts) + 1, kind, under)
        self.parts.append(part)
        return part

    def _is_small(self, plan: Plan, name: str) -> bool:
        """Whether so little lies below a fact that a part of its own would not be worth opening."""
        if len(plan.shown) > self.budget + SLACK - SMALL:
            return False
        found, stack = {name}, [name]
        while stack and len(found) <= SMALL + 1:
            for b in self.links.below(stack.pop()):
                if b not in found:
                    found.add(b)
                    stack.append(b)
        return len(found) <= SMALL + 1

    def _again(self) -> None:
        """Note which facts are shown where they are not spelled out."""
        for plan in self.plans():
            for name in plan.shown:
                told = name in plan.open or name in plan.parts
                if not told and self.links.below(name) and name in self.owner:
                    plan.again[name] = self.owner[name]

    def plans(self) -> list[Plan]:
        """All drawings, the first one first."""
        return [self.plan, *(p for part in self.parts for p in part.plans)]

    def _sizes(self) -> None:
        """Count for each part the facts that are met there first, those of the parts within it included."""
        above: dict[int, int] = {}
        seen = set(self.plan.shown)
        for part in self.plan.parts.values():
            above[part.number] = 0
        for part in self.parts:
            for plan in part.plans:
                above |= {p.number: part.number for p in plan.parts.values()}
        for part in self.parts:
            told = [*part.rows, *(b for row in part.rows for b in self.links.below(row))]
            fresh = {*told, *(name for plan in part.plans for name in plan.shown)} - seen
            seen |= fresh
            number = part.number
            while number:
                self.parts[number - 1].size += len(fresh)
                number = above.get(number, 0)
