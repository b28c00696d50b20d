"""Addition of two numbers of N digits: training steps by the carry program, and the joint of all result digits.

Digits are read by a network that gives what it is given, so that figures are those of the logic alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common.process import timed
from benchmarks.semantics.again import repeated
from benchmarks.semantics.families import nexts
from benchmarks.semantics.ours import answer
from neurosym.lang import Program
from neurosym.reasoner import Reasoner

BATCH = 256
NEVER = -1e4  # a logit whose softmax is exactly 0

DIGITS = """
neural digit(x: Tensor, d: 0..9) by given .
carry(0, 0).
carry(I, C) :- next(J, I), left(I, A), right(I, B), digit(A, X), digit(B, Y), carry(J, D), C is (X + Y + D) // 10.
sum(I, S) :- next(J, I), left(I, A), right(I, B), digit(A, X), digit(B, Y), carry(J, D), S is (X + Y + D) mod 10.
"""
TARGET = """
neural digit(x: Tensor, d: 0..9) by given .
neural target(x: Tensor, d: 0..9) by given .
good(0, 0).
good(I, C) :- next(J, I), left(I, A), right(I, B), goal(I, G), digit(A, X), digit(B, Y), good(J, D),
    T is X + Y + D, S is T mod 10, C is T // 10, target(G, S).
"""


class Given(nn.Module):
    """Its input, as logits."""

    def forward(self, logits: Tensor) -> Tensor:
        return logits


def numbers(n: int, batch: int) -> tuple[dict[str, Tensor], Tensor]:
    """Random logits of all digits, slot → (B, 10), and (B, N + 1) digits of a sum, the lowest first."""
    random = torch.Generator().manual_seed(n)
    slots = {
        f"{side}{k}": torch.randn(batch, 10, generator=random, dtype=torch.float64) for k in range(1, n + 1)
        for side in "ab"
    }  # fmt: skip
    carry, digits = torch.zeros(batch, dtype=torch.long), []
    for k in range(1, n + 1):
        total = slots[f"a{k}"].argmax(1) + slots[f"b{k}"].argmax(1) + carry
        digits.append(total % 10)
        carry = total // 10
    return slots, torch.stack([*digits, carry], 1)


def places(n: int) -> str:
    """Which slots stand at which place."""
    return nexts(n) + "\n" + "\n".join(f"left({k},a{k}). right({k},b{k}). goal({k},t{k})." for k in range(1, n + 1))


def joint_step(n: int) -> Any:
    """A training step on the probability of the whole sum; the target's digits are inputs of one value each."""
    slots, sums = numbers(n, BATCH)
    reasoner = Reasoner(Program.from_text(TARGET + places(n)), networks={"given": Given()})
    for k in range(1, n + 1):
        goal = torch.full((BATCH, 10), NEVER, dtype=torch.float64)
        slots[f"t{k}"] = goal.scatter(1, sums[:, k - 1 : k], 0.0)
    carry = sums[:, -1:]

    def step() -> Tensor:
        logits = {name: value.clone().requires_grad_() for name, value in slots.items()}
        answers = reasoner.query(f"good({n}, _)", inputs=logits)
        order = torch.tensor([answers.atoms.index(f"good({n}, {c})") for c in (0, 1)])
        likelihood = answers.tags.gather(1, order[carry])
        (-torch.log(likelihood)).mean().backward()
        assert logits["a1"].grad is not None and bool(torch.isfinite(logits["a1"].grad).all())
        return likelihood

    return reasoner, step


def digits_step(n: int) -> Any:
    """A training step on the probability of each digit of the sum by itself."""
    slots, sums = numbers(n, BATCH)
    reasoner = Reasoner(Program.from_text(DIGITS + places(n)), networks={"given": Given()})

    def step() -> Tensor:
        logits = {name: value.clone().requires_grad_() for name, value in slots.items()}
        answers = reasoner.query("sum(_, _)", inputs=logits)
        labels = torch.zeros_like(answers.tags)
        for column, (place, digit) in enumerate(answers.args):
            assert isinstance(place, int) and isinstance(digit, int)
            labels[:, column] = torch.eq(sums[:, place - 1], digit).to(labels)
        likelihood = (answers.tags * labels).sum(1) / n
        (-torch.log(likelihood)).mean().backward()
        return likelihood

    return reasoner, step


def by_hand(n: int) -> Tensor:
    """(B,) the probability of the whole sum, by a convolution of digits from the lowest place up."""
    slots, sums = numbers(n, BATCH)
    carry = torch.zeros(BATCH, 2, dtype=torch.float64)
    carry[:, 0] = 1
    total = torch.arange(10)[:, None, None] + torch.arange(10)[None, :, None] + torch.arange(2)[None, None]
    for k in range(1, n + 1):
        left, right = (torch.softmax(slots[f"{side}{k}"], 1) for side in "ab")
        joint = left[:, :, None, None] * right[:, None, :, None] * carry[:, None, None, :]
        fits = (total[None] % 10) == sums[:, k - 1, None, None, None]
        kept = torch.where(fits, joint, 0).flatten(1)
        carry = torch.zeros(BATCH, 2, dtype=torch.float64).index_add(1, (total // 10).flatten(), kept)
    return carry.gather(1, sums[:, -1:])[:, 0]


def solve(kind: str, n: int) -> dict[str, Any]:
    """CPU seconds of the first step, and of each later one.

    Raises:
        AssertionError: the probabilities are not those of the calculation by hand.
    """
    joint_step(1)[1]()
    reasoner, step = (joint_step if kind == "joint" else digits_step)(n)
    first, likelihood = timed(step)
    if kind == "joint":
        assert torch.allclose(likelihood[:, 0], by_hand(n), rtol=1e-6, atol=0), "not the probability of the sum"
    (grounded,) = reasoner._grounded.values()
    (evaluator,) = grounded._evaluators.values()
    methods = sorted({m.name for m in getattr(evaluator, "methods", ())})
    return {"cpu": repeated(step), "first": first, "method": ", ".join(methods)}


def naive(n: int) -> str:
    """A program whose query is the conjunction of all digits of a sum, each digit by a rule of its own."""
    weights = [1 / 55 * k for k in range(1, 11)]
    choices = "\n".join(
        "; ".join(f"{w:.17g}::digit({side}{k},{d})" for d, w in enumerate(weights)) + "."
        for k in range(1, n + 1) for side in "ab"
    )  # fmt: skip
    body = ", ".join(f"sum({k},{(3 * k + 4) % 10})" for k in range(1, n + 1))
    rules = DIGITS.partition("given .")[2]
    return f"{choices}\n{rules}\n{places(n)}\njoint :- {body}, carry({n},1).\nquery(joint).\n"


def joint(n: int, limit: float) -> dict[str, Any]:
    """CPU seconds and method of the joint of all digits, written naively.

    Raises:
        AssertionError: the probability is not that of the calculation by hand.
    """
    answer(naive(1))
    cpu, answers = timed(lambda: answer(naive(n)), limit)
    weights = [k / 55 for k in range(1, 11)]
    carry = [1.0, 0.0]
    for k in range(1, n + 1):
        new = [0.0, 0.0]
        for total, weight in ((a + b + c, weights[a] * weights[b] * carry[c]) for a in range(10) for b in range(10) for c in (0, 1)):  # noqa: E501  # fmt: skip
            if total % 10 == (3 * k + 4) % 10:
                new[total // 10] += weight
        carry = new
    value = float(answers.tags[0, 0])
    assert abs(value - carry[1]) <= 1e-9 * max(carry[1], 1e-300) + 1e-15, (value, carry[1])
    return {"cpu": cpu, "method": answers.method, "detail": answers.details[0], "probability": value}
