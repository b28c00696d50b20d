"""What each rule and each leaf of a claim contributes, by the methods that were asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from neurosym.explain.contributions.asked import Asked
from neurosym.explain.contributions.game import Game
from neurosym.explain.contributions.gradients import gradient_times_value
from neurosym.explain.contributions.leave_out import leave_out_certain, ordered
from neurosym.explain.contributions.players import Player, players_of, the_rest
from neurosym.explain.contributions.polynomial import evaluations, polynomial_shares
from neurosym.explain.contributions.shapley import Split, exact_shares, sampled_shares
from neurosym.explain.model import Contribution, Shares
from neurosym.explain.nodes import ProofNodes
from neurosym.reasoner import Answers, Reasoner

BASELINE = "all weighted rules and uncertain evidence left out"

Found = tuple[tuple[Contribution, ...], Shares | None, tuple[str, ...]]


def contribute(
    answers: Answers, reasoner: Reasoner, nodes: ProofNodes, fact: int, value: float, sample: int, asked: Asked
) -> Found:
    """What each rule and each leaf of some proofs adds to their claim.

    Args:
        nodes: what the proofs consist of; fact: the claim; value: its tag.

    Returns:
        What each adds; how the claim is shared out, where Shapley values are asked for; what the reader should know.
    """
    warnings: list[str] = []
    everyone = players_of(nodes, fact)
    players = [p for p in everyone if not p.again]
    game = Game(answers, fact, [p.leaves for p in players], sample)
    without = _without(game, everyone, asked, warnings)
    shares = split = slopes = None
    if "shapley" in asked.methods:
        shares, split = _shared(answers, nodes, fact, value, sample, asked, players, warnings)
    if "gradient" in asked.methods:
        slopes = gradient_times_value(game.evaluator, answers.leaf_tags[sample], [p.leaves for p in players])
        if slopes is None:
            warnings.append(f"the semantics {answers.semantics} has no gradients")
    made = _told(everyone, without, value, split, slopes)
    if "leave-one-out" in asked.methods:
        more, skipped = leave_out_certain(answers, reasoner, nodes, fact, value, sample, asked.budget, everyone)
        made += more
        if skipped:
            warnings.append(
                f"{skipped} unweighted rules or recorded facts were not left out: "
                f"grounding anew took {asked.budget:g} s, or what is left is too much to be evaluated"
            )
    if any(n.kind == "neural" for n in nodes.nodes.values()):
        warnings.append("contributions keep what each network said; no network was run again for them")
    return ordered(made), shares, tuple(warnings)


def _told(
    everyone: Sequence[Player], without: Sequence[float], value: float, split: Split | None, slopes: list[float] | None
) -> list[Contribution]:
    """A contribution for each player; one whose leaves belong to an earlier one has no share of its own."""
    made: list[Contribution] = []
    at = -1
    for player, left in zip(everyone, without, strict=True):
        at += not player.again
        if math.isnan(left):
            continue
        share = error = slope = None
        if split is not None and not player.again:
            share = float(split.shares[at])
            error = None if split.errors is None else float(split.errors[at])
        if slopes is not None and not player.again:
            slope = slopes[at]
        made.append(
            Contribution.left_out(player.kind, player.name, player.reference, left, value, share, error, slope)
        )  # fmt: skip
    return made


def _without(game: Game, players: Sequence[Player], asked: Asked, warnings: list[str]) -> list[float]:
    """The claim without each player. NaN where that makes the evidence impossible, if nothing else is asked for.

    Args:
        game: of those that are not there again.
    """
    apart = [p for p in players if not p.again]
    values = game(~np.eye(len(apart), dtype=np.bool_), asked.shared) if apart else []
    of = {leaf: float(v) for p, v in zip(apart, values, strict=True) for leaf in p.leaves}
    if game.aside:
        warnings.append(
            "without some of its reasons what was observed could not be; there the claim without them is the one "
            "without the observations"
        )
    return [of[p.leaves[0]] for p in players]


def _shared(
    answers: Answers, nodes: ProofNodes, fact: int, value: float, sample: int, asked: Asked,
    players: Sequence[Player], warnings: list[str],
) -> tuple[Shares, Split]:  # fmt: skip
    """The claim shared out among the players and the rest of what it rests on, as one player more."""
    rest = the_rest(nodes, fact, answers.evidence, players)
    groups = [*(p.leaves for p in players), *([tuple(rest)] if rest else [])]
    if not groups:
        return Shares(value, BASELINE, "exact", 0), Split(np.zeros(0), None, value)
    game = Game(answers, fact, groups, sample)
    method, seed = "exact", None
    split = _of_polynomial(game, groups, value, asked)
    if split is None and len(groups) <= asked.exact_players:
        split = exact_shares(game, len(groups), value)
    elif split is None:
        split = sampled_shares(game, len(groups), value, asked.permutations, asked.seed)
        method, seed = "sampled", asked.seed
    if game.aside:
        warnings.append(
            "some of the coalitions behind the Shapley shares make what was observed impossible; they count with the "
            "claim's probability without the observations"
        )
    other = float(split.shares[-1]) if rest else 0.0
    error = float(split.errors[-1]) if rest and split.errors is not None else None
    return Shares(split.baseline, BASELINE, method, game.evaluations, seed, other, error, len(rest)), split


def _of_polynomial(game: Game, groups: Sequence[Sequence[int]], value: float, asked: Asked) -> Split | None:
    """The Shapley values without going through all coalitions, where that is cheaper and the claim allows it."""
    several = np.array([len(g) > 1 for g in groups])
    most = 2 ** min(asked.exact_players, len(groups))
    if not game.polynomial or evaluations(len(groups), int(several.sum())) > most:
        return None
    return polynomial_shares(game.scaled, several, value, game.rows)


__all__ = ["contribute"]
