"""Why an atom does not hold, and what would change that."""

from neurosym.explain.changes.parts import with_alternatives
from neurosym.explain.changes.what import what_would_change

__all__ = ["what_would_change", "with_alternatives"]
