"""Tags under the algebras, written out once more: a naive fixpoint over the groundings, in plain Python.

Certain facts have the tag 1. Under `count` and `sum-product` their groundings count in addition, because there more
than one derivation matters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neurosym.errors import ExplanationError
from neurosym.verify.exact import Recomputed
from neurosym.verify.graph import Layout
from neurosym.verify.structure import GroundProgram, fault

Binary = Callable[[float, float], float]


@dataclass(frozen=True)
class Algebra:
    """How tags combine.

    Attributes:
        plus: two derivations of a fact; `times`: two literals of a body.
        lift: a leaf's probability as a tag; `negates`: whether 1 − x is the tag of a negated fact.
        absorbs: whether further derivations of a certain fact change nothing.
    """

    plus: Binary
    times: Binary
    lift: Callable[[float], float] = float
    negates: bool = True
    absorbs: bool = True


def _holds(probability: float) -> float:
    return 1.0 if probability > 0 else 0.0


ALGEBRAS = {
    "boolean": Algebra(max, min, _holds),
    "viterbi": Algebra(max, lambda a, b: a * b),
    "goedel": Algebra(max, min),
    "product": Algebra(lambda a, b: a + b - a * b, lambda a, b: a * b),
    "lukasiewicz": Algebra(lambda a, b: min(1.0, a + b), lambda a, b: max(0.0, a + b - 1)),
    "count": Algebra(lambda a, b: a + b, lambda a, b: a * b, _holds, negates=False, absorbs=False),
    "sum-product": Algebra(lambda a, b: a + b, lambda a, b: a * b, absorbs=False),
}


def recompute_algebra(program: GroundProgram, max_rounds: int) -> Recomputed:
    """The claim's tag at the least fixpoint.

    Raises:
        ExplanationError: NS817 negation through a cycle; NS820 a cycle that does not settle; NS822 evidence or negation
            that the semantics does not define.
    """
    algebra = ALGEBRAS[program.semantics]
    if program.evidence:
        raise fault("NS822", f"the semantics `{program.semantics}` defines no evidence, but the certificate has some")
    layout = Layout(program, [program.claim], algebra.absorbs)
    tags = [0.0] * len(program.atoms)
    for choice in program.choices:
        for fact, probability in zip(choice.outcomes, choice.probabilities, strict=True):
            tags[fact] = algebra.lift(probability)
    steps = 0
    for component, cyclic in zip(layout.components, layout.cyclic, strict=True):
        todo = [f for f in component if program.kinds[f] != "leaf"]
        for _ in range(max_rounds):
            new = [_tag(program, algebra, layout, fact, tags) for fact in todo]
            change = max((abs(a - tags[f]) for a, f in zip(new, todo, strict=True)), default=0.0)
            for fact, tag in zip(todo, new, strict=True):
                tags[fact] = tag
            steps += len(todo)
            if not cyclic or change < 1e-12:
                break
        else:
            raise ExplanationError(
                f"the semantics `{program.semantics}` did not settle within {max_rounds:,} rounds on the cycle through "
                f"{program.name(component[0])}", code="NS820",
            )  # fmt: skip
    return Recomputed(tags[program.claim], steps=steps, tags=tuple(tags))


def _tag(program: GroundProgram, algebra: Algebra, layout: Layout, fact: int, tags: list[float]) -> float:
    total = 1.0 if program.kinds[fact] == "certain" else 0.0
    for number in layout.by_head[fact]:
        g = program.groundings[number]
        if g.negated and not algebra.negates:
            raise fault("NS822", f"the semantics `{program.semantics}` defines no negation", f"grounding {number}")
        product = 1.0
        for f in g.body:
            product = algebra.times(product, tags[f])
        for f in g.negated:
            product = algebra.times(product, 1 - tags[f])
        total = algebra.plus(total, product)
    return total
