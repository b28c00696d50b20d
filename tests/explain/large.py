"""Explanations of any size and shape, for what the views do when there is much to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from neurosym.explain.model import Explanation
from tests.explain.samples import addition


def built(count: int, below: Callable[[int], Sequence[int]], rules: int = 1) -> Explanation:
    """Facts 0 to count − 1, the first one claimed; `below` says what each rests on, leaves on nothing."""
    sample = addition()
    derived, leaf, step = sample.nodes["n0"], sample.nodes["n1"], sample.steps[0]
    nodes, steps = {}, []
    for k in range(count):
        name, body = f"f{k}", tuple(f"f{c}" for c in below(k) if c < count)
        label = f"fact number {k} holds for patient {k % 17}"
        if body:
            nodes[name] = replace(derived, id=name, atom=f"fact({k})", label=label)
            because = f"{len(body)} findings speak for {k}"
            steps.append(replace(step, node=name, body=body, because=because, rule=k % rules))
        else:
            nodes[name] = replace(leaf, id=name, atom=f"fact({k})", label=label, kind="data", neural=None)
    proof = replace(sample.proofs[0], root="f0", steps=tuple(range(len(steps))))
    names = tuple(replace(sample.rules[0], name=f"rule_{k}") for k in range(rules))
    return replace(
        sample, nodes=nodes, steps=tuple(steps), proofs=(proof,), rules=names, contributions=(),
        claim=replace(sample.claim, atom="fact(0)", label=nodes["f0"].label),
    )  # fmt: skip


def tree(count: int, fan: int = 3) -> Explanation:
    """Each fact rests on `fan` others."""
    return built(count, lambda k: range(fan * k + 1, fan * k + fan + 1))


def wide(count: int) -> Explanation:
    """The claim rests on all others."""
    return built(count, lambda k: range(1, count) if k == 0 else ())


def line(count: int) -> Explanation:
    """Recursion: every even fact rests on the next even one, and on an odd one, which is recorded."""
    return built(count, lambda k: () if k % 2 else (k + 1, k + 2))


def braid(count: int) -> Explanation:
    """Deep, and no line: every even fact rests on the next two even ones, and on an odd one."""
    return built(count, lambda k: () if k % 2 else (k + 1, k + 2, k + 4), rules=3)


def deep(depth: int) -> Explanation:
    """A chain of facts, each from the next by one of seven rules."""
    return built(depth + 1, lambda k: (k + 1,), rules=7)
