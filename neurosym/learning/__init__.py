"""Learning room: targets, losses, `fit`, learning from interpretations, what experts say of weights, checkpoints."""

from neurosym.learning.checkpoint import load_weights
from neurosym.learning.constraints import Constraints
from neurosym.learning.data import Batch, Sample, batches, batches_of
from neurosym.learning.em import InterpretationFit, LearnedWeight, fit_interpretations
from neurosym.learning.fit import fit
from neurosym.learning.interpretations import Interpretation, parse_interpretations, read_interpretations
from neurosym.learning.learned import learned_program, learned_text
from neurosym.learning.logs import CsvLog, Logger, RichLog, TensorBoardLog
from neurosym.learning.losses import ClassBalance, Entropy, Loss, Reconstruction, Term, concept_nll, nll
from neurosym.learning.order import Curriculum
from neurosym.learning.result import Epoch, FitResult
from neurosym.learning.runs import Run, Runs, repeat
from neurosym.learning.schedule import Schedule
from neurosym.learning.training import mean_loss
from neurosym.learning.weights import Anchor, Fixed, Limit, Prior, Range
from neurosym.reasoner.priors import Beta, Dirichlet

__all__ = [
    "Anchor",
    "Batch",
    "Beta",
    "ClassBalance",
    "Constraints",
    "CsvLog",
    "Curriculum",
    "Dirichlet",
    "Entropy",
    "Epoch",
    "FitResult",
    "Fixed",
    "Interpretation",
    "InterpretationFit",
    "LearnedWeight",
    "Limit",
    "Logger",
    "Loss",
    "Prior",
    "Range",
    "Reconstruction",
    "RichLog",
    "Run",
    "Runs",
    "Sample",
    "Schedule",
    "TensorBoardLog",
    "Term",
    "batches",
    "batches_of",
    "concept_nll",
    "fit",
    "fit_interpretations",
    "learned_program",
    "learned_text",
    "load_weights",
    "mean_loss",
    "nll",
    "parse_interpretations",
    "read_interpretations",
    "repeat",
]
