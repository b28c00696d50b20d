"""The reasoner: the module that puts rules, facts, networks and a semantics together."""

from neurosym.reasoner.advice import Advice
from neurosym.reasoner.answers import Answers, Targets
from neurosym.reasoner.choices import Choice
from neurosym.reasoner.constraints import ConstraintLoss, Violation
from neurosym.reasoner.logic import Logic
from neurosym.reasoner.reasoner import Reasoner
from neurosym.reasoner.said import Said
from neurosym.reasoner.sample_answers import SampleAnswers, SamplePart
from neurosym.reasoner.worlds import MostProbable, Worlds

__all__ = [
    "Advice", "Answers", "Choice", "ConstraintLoss", "Logic", "MostProbable", "Reasoner", "Said", "SampleAnswers",
    "SamplePart", "Targets", "Violation", "Worlds",
]  # fmt: skip
