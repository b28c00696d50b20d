"""Networks behind neural predicates, and the tables of features that they read.

A saved model names its networks by class and config. `from_config` knows the classes of this package, nothing else: a
user's own classes are passed by hand, so that reading a model never imports code that a file names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from neurosym.errors import ModelError
from neurosym.neural.entities import EntityNet, Similarity
from neurosym.neural.features import FeatureTable
from neurosym.neural.fusion import Fusion
from neurosym.neural.images import Block, DigitNet, MobileNet
from neurosym.neural.known import KnownValue
from neurosym.neural.networks import MLP, MonotoneThreshold, OnColumns, SoftThreshold, Standardize, Threshold
from neurosym.neural.prototypes import Prototypes
from neurosym.neural.tables import TableNet
from neurosym.neural.texts import TextNet
from neurosym.neural.words import WordsNet

if TYPE_CHECKING:
    from neurosym.neural.gnn import GraphInput, RelationalGNN

__all__ = [
    "MLP",
    "Block",
    "DigitNet",
    "EntityNet",
    "FeatureTable",
    "Fusion",
    "GraphInput",
    "KnownValue",
    "MobileNet",
    "MonotoneThreshold",
    "OnColumns",
    "Prototypes",
    "RelationalGNN",
    "Similarity",
    "SoftThreshold",
    "Standardize",
    "TableNet",
    "TextNet",
    "Threshold",
    "WordsNet",
    "from_config",
]

_CLASSES: dict[str, Callable[..., nn.Module]] = {
    "DigitNet": DigitNet,
    "EntityNet": EntityNet,
    "Fusion": Fusion,
    "KnownValue": KnownValue,
    "MLP": MLP,
    "MobileNet": MobileNet,
    "MonotoneThreshold": MonotoneThreshold,
    "OnColumns": OnColumns,
    "Prototypes": Prototypes,
    "Similarity": Similarity,
    "SoftThreshold": SoftThreshold,
    "Standardize": Standardize,
    "TableNet": TableNet,
    "TextNet": TextNet,
    "WordsNet": WordsNet,
}
_GRAPH_NAMES = ("GraphInput", "RelationalGNN")


def __getattr__(name: str) -> Any:
    """`RelationalGNN` and `GraphInput` are loaded when asked for: torch_geometric takes seconds to import."""
    if name in _GRAPH_NAMES:
        from neurosym.neural import gnn

        return getattr(gnn, name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")


def from_config(
    name: str, config: Mapping[str, Any], classes: Mapping[str, Callable[..., nn.Module]] | None = None
) -> nn.Module:
    """The network that `config()` described, with fresh weights; its `state_dict` is loaded by the caller.

    Args:
        name: the class's name.
        config: its constructor's arguments; a value {"class": …, "config": …} is a network inside, built first, alone
            or in a list or an object.
        classes: the user's own classes by name; they go before the library's.

    Raises:
        ModelError: the class is unknown, or does not take these arguments.
    """
    known = dict(_CLASSES)
    if name == "RelationalGNN":
        from neurosym.neural.gnn import RelationalGNN

        known["RelationalGNN"] = RelationalGNN
    known |= classes or {}
    if name not in known:
        raise ModelError(
            f"the model uses a network of class `{name}`, which is not one of the library's",
            note=f"the library has {', '.join(sorted({*_CLASSES, 'RelationalGNN'}))}",
            help=f'pass your own classes when you load: {{"{name}": {name}}}',
        )
    arguments = {key: _built(value, classes) for key, value in config.items()}
    try:
        return known[name](**arguments)
    except TypeError as fault:
        raise ModelError(
            f"a network of class `{name}` cannot be made from its saved config", note=str(fault)
        ) from fault


def _built(value: Any, classes: Mapping[str, Callable[..., nn.Module]] | None) -> Any:
    """A value of a config, with the networks in it made."""
    if _is_network(value):
        return from_config(value["class"], value["config"], classes)
    if isinstance(value, list) and any(map(_is_network, value)):
        return [_built(v, classes) for v in value]
    if isinstance(value, Mapping) and value and all(map(_is_network, value.values())):
        return {key: _built(v, classes) for key, v in value.items()}
    return value


def _is_network(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"class", "config"}
