"""Simulation-based calibration (Talts, Betancourt, Simpson, Vehtari & Gelman 2018) of a noisy-or with two causes.

Weights are drawn from the prior and labels from the weights; among samples of the posterior given the labels, the rank
of the weights that made them is then uniform. Which cause was at work is never seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats import chisquare

import neurosym as ns

RULES = """
pred takes(patient: any, drug: any) .
rule first
  weight 0.7 learn
  if takes(?p, first) then reaction(?p) .
rule second
  weight _ learn
  if takes(?p, second) then reaction(?p) .
"""
DRUGS = [("first",)] * 3 + [("second",)] * 3 + [("first", "second")] * 8
SAMPLES = 99
Prepare = Callable[[dict[str, bool]], list[ns.Batch]]


def reasoner() -> ns.Reasoner:
    facts = [("takes", (ns.Symbol(f"p{k}"), ns.Symbol(d))) for k, drugs in enumerate(DRUGS) for d in drugs]
    return ns.Reasoner(ns.Program.from_text(RULES), ns.FactBase.from_facts(facts))


def once(labels: dict[str, bool]) -> list[ns.Batch]:
    return [ns.Batch(("reaction(P)",), labels)]


def ranks(replicates: int, method: str, prepare: Prepare = once, thin: int = 1, **options: Any) -> np.ndarray:
    """(replicates, 3) ranks among 99 samples of both weights, and of the probability of a reaction to both drugs."""
    model, random = reasoner(), np.random.default_rng(7)
    found = []
    for replicate in range(replicates):
        truth = {"first": random.beta(8, 4), "second": random.beta(1, 1)}
        chances = [1 - np.prod([1 - truth[d] for d in drugs]) for drugs in DRUGS]
        labels = {f"reaction(p{k})": bool(random.random() < c) for k, c in enumerate(chances)}
        result = ns.posterior(
            model, prepare(labels), method=method, samples=SAMPLES * thin, seed=replicate, progress=False, **options
        )  # fmt: skip
        first, second = (result.samples[n][::thin, 0] for n in ("first", "second"))
        drawn = torch.stack([first, second, 1 - (1 - first) * (1 - second)])
        actual = torch.tensor([truth["first"], truth["second"], chances[-1]])
        found.append((drawn < actual[:, None]).sum(dim=1).tolist())
    return np.array(found)


def p_values(found: np.ndarray, bins: int) -> list[float]:
    """How likely ranks as uneven as these are, for each column, if all are equally likely."""
    return [float(chisquare(np.bincount(column * bins // (SAMPLES + 1), minlength=bins)).pvalue) for column in found.T]
