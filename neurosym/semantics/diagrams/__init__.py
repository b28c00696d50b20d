"""Formulas over choices as multi-valued decision diagrams: the worlds in which facts hold, each on one way down."""

from neurosym.semantics.diagrams.compile import FALSE, TRUE, Diagram, compile_shape
from neurosym.semantics.diagrams.shape import Body, Shape

__all__ = ["FALSE", "TRUE", "Body", "Diagram", "Shape", "compile_shape"]
