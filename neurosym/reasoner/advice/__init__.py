"""Which semantics suits a program, measured on its own queries."""

from neurosym.reasoner.advice.advise import advise
from neurosym.reasoner.advice.model import Advice, Numbers, Trial

__all__ = ["Advice", "Numbers", "Trial", "advise"]
