"""What is loaded once in a process, or compiled once in an installation, before anything is timed."""

from __future__ import annotations

import pkgutil
from functools import cache

import torch

import neurosym.semantics
from neurosym.errors import SemanticsError
from neurosym.grounding.compiled import load
from neurosym.lang import parse_text
from neurosym.reasoner.reasoner import Reasoner
from neurosym.semantics import ALGEBRAS

# a cycle, a negation, an annotated disjunction, proofs that share choices: what reaches every part of the engine
PROGRAM = """
0.3 :: a. 0.4 :: b. 0.2 :: c; 0.3 :: d.
p :- a, not b. p :- c. q :- p, a. q :- r. r :- q, b. r :- c. s :- q, r.
query(q). query(r). query(s).
"""


@cache
def warm_up() -> None:
    """Load every kernel and library that a trial may need; an interrupted compilation would begin anew each time."""
    for module in pkgutil.walk_packages(neurosym.semantics.__path__, "neurosym.semantics."):
        if module.name.endswith("kernels"):
            load(module.name)
    reasoner = Reasoner(parse_text(PROGRAM))
    with torch.no_grad():
        for semantics in ("exact", "topk", "bounds", *(a.name for a in ALGEBRAS)):
            try:
                reasoner.query(semantics=semantics)
            except SemanticsError:  # `count` has no negation
                continue
        reasoner.query(evidence={"r": True})


__all__ = ["warm_up"]
