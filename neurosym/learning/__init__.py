"""Learning room: targets, losses, `fit`, learning from interpretations, what experts say of weights, checkpoints."""

from neurosym.learning.constraints import Constraints, with_constraints
from neurosym.learning.data import Batch, batches
from neurosym.learning.em import InterpretationFit, LearnedWeight, fit_interpretations
from neurosym.learning.fit import Epoch, FitResult, Loss, fit, mean_loss, nll
from neurosym.learning.interpretations import Interpretation, parse_interpretations, read_interpretations
from neurosym.learning.learned import learned_program, learned_text
from neurosym.learning.weights import Anchor, Fixed, Limit, Prior, Range
from neurosym.reasoner.priors import Beta, Dirichlet

__all__ = [
    "Anchor",
    "Batch",
    "Beta",
    "Limit",
    "Constraints",
    "Dirichlet",
    "Epoch",
    "FitResult",
    "Fixed",
    "Interpretation",
    "InterpretationFit",
    "LearnedWeight",
    "Loss",
    "Prior",
    "Range",
    "batches",
    "fit",
    "fit_interpretations",
    "learned_program",
    "learned_text",
    "mean_loss",
    "nll",
    "parse_interpretations",
    "read_interpretations",
    "with_constraints",
]
