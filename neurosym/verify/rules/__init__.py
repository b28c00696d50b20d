"""Checks a certificate against the text of the rules and the facts, by an evaluation of its own.

`normal` brings statements into the form of `form`, `data` looks facts up, `join` and `solve` derive what the claim
rests on, `groundings` lists all groundings of a fact, `compare` and `choices` lay the certificate beside them,
`against` puts it together. Under `bounds`, `sentences`, `formulas` and `trees` ground the constraints, `uses` looks for
what rests on a fact, and `logic` puts it together. `shown` stands in for `solve` where that would take too long.
"""

from neurosym.verify.rules.against import Findings, Given, compare_with
from neurosym.verify.rules.data import Facts
from neurosym.verify.rules.logic import compare_logic

__all__ = ["Facts", "Findings", "Given", "compare_logic", "compare_with"]
