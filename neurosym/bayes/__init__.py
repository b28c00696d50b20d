"""Bayes room: a posterior over rule weights, by pyro, which only `inference` imports."""

from neurosym.bayes.predictions import Predictions
from neurosym.bayes.result import Diagnostics, Posterior
from neurosym.bayes.run import posterior
from neurosym.reasoner.priors import Beta, Credible, Dirichlet

__all__ = ["Beta", "Credible", "Diagnostics", "Dirichlet", "Posterior", "Predictions", "posterior"]
