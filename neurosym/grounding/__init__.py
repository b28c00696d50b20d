"""Grounding room: Program + FactBase -> DerivationGraph."""

from neurosym.grounding.asked import evaluated
from neurosym.grounding.builder import Limits
from neurosym.grounding.conjunction import with_conjunctions
from neurosym.grounding.core import CoreProgram, CoreRule, Key, Parameter
from neurosym.grounding.cost import Forecast, RuleForecast, forecast
from neurosym.grounding.graph import CERTAIN, POSSIBLE, ChoiceGroup, DerivationGraph
from neurosym.grounding.ground import Mode, ground, relation_sizes
from neurosym.grounding.rebuild import with_proofs
from neurosym.grounding.samples import SampleGraphs, Samples, SampleShape, ground_samples

__all__ = [
    "CERTAIN",
    "POSSIBLE",
    "ChoiceGroup",
    "CoreProgram",
    "CoreRule",
    "DerivationGraph",
    "Forecast",
    "Key",
    "Limits",
    "Mode",
    "Parameter",
    "RuleForecast",
    "SampleGraphs",
    "SampleShape",
    "Samples",
    "evaluated",
    "forecast",
    "ground",
    "ground_samples",
    "relation_sizes",
    "with_conjunctions",
    "with_proofs",
]
