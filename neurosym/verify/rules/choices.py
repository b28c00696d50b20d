"""The choices of a certificate against those of the program: what excludes one another, and how likely it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurosym.verify.rules.form import Leaf
from neurosym.verify.structure import GroundProgram, fault

SLACK = 1e-7  # an expression as a weight may be rounded otherwise


def compare_choices(
    found: GroundProgram, leaves: Mapping[int, Leaf], weights: Mapping[int, Sequence[float]] | None
) -> bool:
    """See that choices are the program's.

    Args:
        leaves: the outcomes by their numbers; weights: statement → learned weights of its outcomes.

    Returns:
        Whether there are learned weights that nobody gave.

    Raises:
        ExplanationError: NS829 a choice is not one of the program's; NS831 a probability is not the rule's weight.
    """
    owners: dict[tuple, int] = {}
    learned: dict[tuple[int, int], float] = {}
    for number, choice in enumerate(found.choices):
        outcomes = [leaves[f] for f in choice.outcomes]
        first = outcomes[0]
        if any(leaf.choice != first.choice for leaf in outcomes):
            raise fault("NS829", f"the outcomes of choice {number} are outcomes of different choices of the program")
        if owners.setdefault(first.choice, number) != number:
            raise fault("NS829", f"choices {owners[first.choice]} and {number} are one choice of the program")
        if (choice.kind, choice.origin) != (first.kind, first.origin):
            raise fault(
                "NS829", f"choice {number} is said to be {choice.kind} and made by `{choice.origin}`",
                f"it is {first.kind}, and made by `{first.origin}`",
            )  # fmt: skip
        for leaf, probability in zip(outcomes, choice.probabilities, strict=False):
            wanted = leaf.probability
            if leaf.kind == "learned":
                # the same weight wherever the statement chooses
                wanted = learned.setdefault((leaf.statement, leaf.outcome), probability)
                if weights is not None:
                    given = weights.get(leaf.statement, ())
                    wanted = given[leaf.outcome] if leaf.outcome < len(given) else float("nan")
            if wanted is not None and not abs(wanted - probability) <= SLACK:
                raise fault(
                    "NS831", f"choice {number} has the probability {probability!r}, and `{leaf.origin}` the weight "
                    f"{wanted!r}",
                )  # fmt: skip
    return bool(learned) and weights is None
