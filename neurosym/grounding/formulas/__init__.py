"""Ground formulas: the constraints of a program over the facts of its derivation graph."""

from neurosym.grounding.formulas.graph import (
    AND,
    ATOM,
    EXISTS,
    FALSE,
    FORALL,
    IFF,
    IMPLIES,
    NOT,
    OR,
    TRUE,
    Connective,
    FormulaGraph,
    GroundFormula,
)
from neurosym.grounding.formulas.ground import ground_formulas
from neurosym.grounding.formulas.scopes import Scopes, scopes_of, with_questions
from neurosym.grounding.formulas.sentences import Sentence, label_of, sentences

__all__ = [
    "AND",
    "ATOM",
    "EXISTS",
    "FALSE",
    "FORALL",
    "IFF",
    "IMPLIES",
    "NOT",
    "OR",
    "TRUE",
    "Connective",
    "FormulaGraph",
    "GroundFormula",
    "Scopes",
    "Sentence",
    "ground_formulas",
    "label_of",
    "scopes_of",
    "sentences",
    "with_questions",
]
