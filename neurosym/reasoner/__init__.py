"""The reasoner: the module that puts rules, facts, networks and a semantics together."""

from neurosym.reasoner.answers import Answers, Targets
from neurosym.reasoner.reasoner import Reasoner
from neurosym.reasoner.sample_answers import SampleAnswers, SamplePart

__all__ = ["Answers", "Reasoner", "SampleAnswers", "SamplePart", "Targets"]
