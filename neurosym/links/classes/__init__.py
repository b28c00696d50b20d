"""Classes of entities, predicted with reasons: rules and an encoder, added up, the label's own relation kept out."""

from neurosym.links.classes.explain import explain_class
from neurosym.links.classes.fit import ClassRecipe, fit_classes
from neurosym.links.classes.labels import ClassGraph, Labels, class_graph, read_labels
from neurosym.links.classes.leakage import Leak, Withheld, withhold
from neurosym.links.classes.model import ClassModel, ClassRules, ClassScores
from neurosym.links.classes.reasons import ClassExplanation, EdgeReason
from neurosym.links.classes.saving import SavedClasses, load_classes, save_classes

__all__ = [
    "ClassExplanation", "ClassGraph", "ClassModel", "ClassRecipe", "ClassRules", "ClassScores", "EdgeReason", "Labels",
    "Leak", "SavedClasses", "Withheld", "class_graph", "explain_class", "fit_classes", "load_classes", "read_labels",
    "save_classes", "withhold",
]  # fmt: skip
