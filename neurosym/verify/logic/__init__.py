"""Intervals of truth, checked: a theory of ground formulas and rules is read, and settled once more in plain Python.

`read` sees that what a certificate says of constraints is whole, `settle` infers by passes up and down (Riegel et al.,
Logical Neural Networks, arXiv 2006.13155, 2020; docs/explanation/bounds.md), `check` compares the numbers.
"""

from neurosym.verify.logic.check import recompute_logic, state
from neurosym.verify.logic.read import Asserted, Logic, Unit, read_logic
from neurosym.verify.logic.settle import Cell, Network, Settled, Told, network_of, settle

__all__ = [
    "Asserted",
    "Cell",
    "Logic",
    "Network",
    "Settled",
    "Told",
    "Unit",
    "network_of",
    "read_logic",
    "recompute_logic",
    "settle",
    "state",
]
