"""Ground constraints as numbers to train on: fuzzy truth, distances to satisfaction, exact probabilities."""

from neurosym.semantics.constraints.fuzzy import FUZZY, FuzzyFormulas
from neurosym.semantics.constraints.worlds import FormulaProbabilities

__all__ = ["FUZZY", "FormulaProbabilities", "FuzzyFormulas"]
