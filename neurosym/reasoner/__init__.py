"""The reasoner: the module that puts rules, facts, networks and a semantics together."""

from neurosym.reasoner.advice import Advice
from neurosym.reasoner.answers import Answers, Targets
from neurosym.reasoner.constraints import ConstraintLoss, Violation
from neurosym.reasoner.logic import Logic
from neurosym.reasoner.reasoner import Reasoner
from neurosym.reasoner.sample_answers import SampleAnswers, SamplePart

__all__ = [
    "Advice", "Answers", "ConstraintLoss", "Logic", "Reasoner", "SampleAnswers", "SamplePart", "Targets", "Violation",
]  # fmt: skip
