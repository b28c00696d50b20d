"""Explain room: from the graph and the tags that made a prediction to proofs, contributions and a certificate."""

import sys
from types import ModuleType
from typing import Any

from neurosym.explain.alternatives import Change, Move, NearLiteral, NearMiss, Sought
from neurosym.explain.build import explain
from neurosym.explain.changes import what_would_change
from neurosym.explain.model import (
    Attribution,
    Certificate,
    Claim,
    Contribution,
    Explanation,
    Node,
    Proof,
    RuleText,
    Shares,
    Step,
)
from neurosym.explain.views import to_rdf

__all__ = [
    "Attribution",
    "Certificate",
    "Change",
    "Claim",
    "Contribution",
    "Explanation",
    "Move",
    "NearLiteral",
    "NearMiss",
    "Node",
    "Proof",
    "RuleText",
    "Shares",
    "Sought",
    "Step",
    "explain",
    "to_rdf",
    "what_would_change",
]


class _Room(ModuleType):
    """Importing this room binds `neurosym.explain` to the module, yet `ns.explain(…)` is the public function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Explanation:
        return explain(*args, **kwargs)


sys.modules[__name__].__class__ = _Room
