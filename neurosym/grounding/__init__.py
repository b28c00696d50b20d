"""Grounding room: Program + FactBase -> DerivationGraph."""

from neurosym.grounding.asked import evaluated
from neurosym.grounding.builder import Limits
from neurosym.grounding.core import CoreProgram, CoreRule, Key, Parameter
from neurosym.grounding.forecast import Forecast, RuleForecast, forecast
from neurosym.grounding.graph import CERTAIN, POSSIBLE, ChoiceGroup, DerivationGraph
from neurosym.grounding.ground import Mode, ground, relation_sizes
from neurosym.grounding.rebuild import with_proofs

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
    "evaluated",
    "forecast",
    "ground",
    "relation_sizes",
    "with_proofs",
]
