"""Why an atom does not hold, and what would change that."""

from neurosym.explain.changes.parts import with_alternatives, with_bounds_alternatives
from neurosym.explain.changes.what import check_threshold, what_would_change

__all__ = ["check_threshold", "what_would_change", "with_alternatives", "with_bounds_alternatives"]
