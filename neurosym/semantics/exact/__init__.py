"""The exact semantics: sums and products where they are proved right, folding and compiled circuits elsewhere."""

from neurosym.semantics.exact.circuit import Circuit
from neurosym.semantics.exact.compile import Solution, Solutions, circuit_of
from neurosym.semantics.exact.exact import MAX_CIRCUIT, Exact
from neurosym.semantics.exact.survey import Survey, survey
from neurosym.semantics.exact.together import Together
from neurosym.semantics.exact.view import choice_name

__all__ = [
    "MAX_CIRCUIT",
    "Circuit",
    "Exact",
    "Solution",
    "Solutions",
    "Survey",
    "Together",
    "choice_name",
    "circuit_of",
    "survey",
]
