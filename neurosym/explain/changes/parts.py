"""The parts of an explanation that say why a claim does not hold, and what would change that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from neurosym.errors import NeurosymError
from neurosym.explain.alternatives import Change, NearMiss, Sought
from neurosym.explain.changes.constraints import Constraints
from neurosym.explain.changes.setting import Setting
from neurosym.explain.changes.what import find_changes
from neurosym.explain.changes.whynot import WhyNot
from neurosym.explain.model import Explanation, RuleText
from neurosym.explain.nodes import ProofNodes
from neurosym.explain.verification import altered
from neurosym.reasoner import Answers


def with_bounds_alternatives(
    why: Explanation, answers: Answers, position: int, rule_number: Callable[[bool, int], int],
    rules: Sequence[RuleText], sample: int, threshold: float | None, depth: int, changeable: Iterable[str],
    language: str, budget: float, others: bool,
) -> Explanation:  # fmt: skip
    """The same under `bounds`: `why_not` where the claim's lower bound is under the threshold.

    Args:
        rule_number: gives the place of a text among `rules`, of a constraint (True) or a rule.
    """
    changeable = (changeable,) if isinstance(changeable, str) else tuple(changeable)
    near: tuple[NearMiss, ...] = ()
    changes: tuple[Change, ...] = ()
    sought: Sought | None = None
    notes: list[str] = []
    if changeable:
        least = 0.5 if threshold is None else threshold
        changes, sought = find_changes(answers, position, changeable, least, sample=sample, language=language)
        notes += sought.cut
    if threshold is not None and why.claim.lower < threshold:
        try:
            setting = Setting(answers, position, sample)
            search = WhyNot(setting, lambda s: rule_number(False, s), language, budget, threshold, others)
            near = search.of(setting.atom, depth)
            near += Constraints(setting, lambda k: rule_number(True, k), threshold).of(setting.atom)
            notes += search.notes
        except NeurosymError as error:
            notes.append(f"why it does not hold was not found out: {error.message}")
    if not (near or sought or notes):
        return why
    return altered(
        why, rules=tuple(rules), warnings=(*why.warnings, *notes), why_not=near, changes=changes, sought=sought
    )  # fmt: skip


def with_alternatives(
    why: Explanation, answers: Answers, position: int, nodes: ProofNodes, sample: int,
    threshold: float | None, depth: int, changeable: Iterable[str], language: str, budget: float, others: bool,
) -> Explanation:  # fmt: skip
    """The explanation with `why_not`, where the claim is under the threshold, and `changes`, where some are allowed.

    Args:
        nodes: what the proofs consist of; the rules that nearly fired join its rules.
        budget: seconds for these; what would change it has seconds of its own.
        others: whether facts about others may be named.
    """
    changeable = (changeable,) if isinstance(changeable, str) else tuple(changeable)
    least = 0.5 if threshold is None else threshold
    near: tuple[NearMiss, ...] = ()
    changes: tuple[Change, ...] = ()
    sought: Sought | None = None
    notes: list[str] = []
    if changeable:
        changes, sought = find_changes(answers, position, changeable, least, sample=sample, language=language)
        notes += sought.cut
    if threshold is not None and why.claim.probability < threshold:
        try:
            setting = Setting(answers, position, sample)
            search = WhyNot(setting, nodes.rule_number, language, budget, threshold, others)
            near = search.of(setting.atom, depth)
            notes += search.notes
        except NeurosymError as error:  # the proofs stand without it
            notes.append(f"why it does not hold was not found out: {error.message}")
    if not (near or sought or notes):
        return why
    return altered(
        why,
        rules=tuple(nodes.rules.values()),
        warnings=(*why.warnings, *notes),
        why_not=near,
        changes=changes,
        sought=sought,
    )
