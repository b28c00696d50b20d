"""The reasoner: the module that puts rules, facts, networks and a semantics together."""

from neurosym.reasoner.answers import Answers, Targets
from neurosym.reasoner.reasoner import Reasoner

__all__ = ["Answers", "Reasoner", "Targets"]
