"""neurosym: neural encoders, rules and a knowledge graph, trained together, each prediction traced to its reasons."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosym.bayes import Beta, Dirichlet, Posterior, posterior
    from neurosym.errors import NeurosymError, RuleError
    from neurosym.explain import Explanation, explain, to_rdf, what_would_change
    from neurosym.explain.audit import Audit, audit
    from neurosym.facts import FactBase
    from neurosym.grounding import Limits, Samples
    from neurosym.lang import Foreign, Iri, Program, Symbol
    from neurosym.learning import (
        Batch,
        Constraints,
        FitResult,
        Interpretation,
        InterpretationFit,
        fit,
        fit_interpretations,
    )
    from neurosym.neural import FeatureTable
    from neurosym.reasoner import Advice, Answers, MostProbable, Reasoner, SampleAnswers, Worlds
    from neurosym.semantics import LogicBounds, Semiring, TopK

# name → the room that defines it; loaded at first use, so that a linter never waits for torch
_HOMES = {
    "Advice": "reasoner",
    "Answers": "reasoner",
    "Audit": "explain.audit",
    "Batch": "learning",
    "Beta": "bayes",
    "Constraints": "learning",
    "Dirichlet": "bayes",
    "Explanation": "explain",
    "FactBase": "facts",
    "FeatureTable": "neural",
    "FitResult": "learning",
    "Foreign": "lang",
    "Interpretation": "learning",
    "InterpretationFit": "learning",
    "Iri": "lang",
    "Limits": "grounding",
    "LogicBounds": "semantics",
    "MostProbable": "reasoner",
    "NeurosymError": "errors",
    "Posterior": "bayes",
    "Program": "lang",
    "Reasoner": "reasoner",
    "RuleError": "errors",
    "SampleAnswers": "reasoner",
    "Samples": "grounding",
    "Semiring": "semantics",
    "Symbol": "lang",
    "TopK": "semantics",
    "Worlds": "reasoner",
    "audit": "explain.audit",
    "explain": "explain",
    "fit": "learning",
    "fit_interpretations": "learning",
    "posterior": "bayes",
    "to_rdf": "explain",
    "what_would_change": "explain",
}

__all__ = [
    "Advice",
    "Answers",
    "Audit",
    "Batch",
    "Beta",
    "Constraints",
    "Dirichlet",
    "Explanation",
    "FactBase",
    "FeatureTable",
    "FitResult",
    "Foreign",
    "Interpretation",
    "InterpretationFit",
    "Iri",
    "Limits",
    "LogicBounds",
    "MostProbable",
    "NeurosymError",
    "Posterior",
    "Program",
    "Reasoner",
    "RuleError",
    "SampleAnswers",
    "Samples",
    "Semiring",
    "Symbol",
    "TopK",
    "Worlds",
    "audit",
    "explain",
    "fit",
    "fit_interpretations",
    "posterior",
    "to_rdf",
    "what_would_change",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from neurosym.version import version

        return version()
    if name not in _HOMES:
        raise AttributeError(f"module `neurosym` has no attribute `{name}`")
    return getattr(import_module(f"neurosym.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
