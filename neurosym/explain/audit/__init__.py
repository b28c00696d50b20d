"""Audits: what can be criticised in a model and its rules, on data."""

from neurosym.explain.audit.build import audit
from neurosym.explain.audit.model import (
    Audit,
    Broken,
    ConceptAccuracy,
    ConceptValues,
    Conflict,
    RuleUse,
    Shortcuts,
)

__all__ = ["Audit", "Broken", "ConceptAccuracy", "ConceptValues", "Conflict", "RuleUse", "Shortcuts", "audit"]
