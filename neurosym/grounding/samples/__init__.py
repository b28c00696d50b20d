"""Many samples with facts of their own: grounded in one run, told apart by the shapes of their graphs."""

from neurosym.grounding.samples.facts import Samples
from neurosym.grounding.samples.graphs import SampleGraphs, SampleShape
from neurosym.grounding.samples.ground import ground_samples

__all__ = ["SampleGraphs", "SampleShape", "Samples", "ground_samples"]
