"""The order of variables in which a shape is compiled."""

from __future__ import annotations

from neurosym.semantics.exact.shape import Shape


def variable_order(shape: Shape) -> list[int]:
    """Choices in the order in which a walk from the roots meets them: related ones are near each other."""
    order: dict[int, None] = {}
    seen: set[int] = set()
    for root in shape.roots:
        order.update((c, None) for c, _ in root.choices)
    stack = [x if x >= 0 else ~x for root in reversed(shape.roots) for x in reversed(root.literals)]
    while stack:
        fact = stack.pop()
        if fact in seen:
            continue
        seen.add(fact)
        for body in shape.bodies[fact]:
            order.update((c, None) for c, _ in body.choices)
        stack.extend(x if x >= 0 else ~x for body in reversed(shape.bodies[fact]) for x in reversed(body.literals))
    return list(order)
