"""Modules that stand in several places of a model: saved once more for each, and one and the same when it is read."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def shared_modules(networks: nn.ModuleDict) -> tuple[tuple[str, ...], ...]:
    """Paths of modules that stand in several places, such as an encoder of two predicates; of the outermost only."""
    places: dict[nn.Module, list[str]] = {}
    for path, module in networks.named_modules(remove_duplicate=False):
        places.setdefault(module, []).append(path)
    several = [paths for paths in places.values() if len(paths) > 1]
    inner = {f"{path}." for paths in several for path in paths[1:]}
    return tuple(tuple(paths) for paths in several if not any(paths[-1].startswith(path) for path in inner))


def share(networks: dict[str, nn.Module], shared: Sequence[Sequence[str]]) -> None:
    """Put the first module of each group in the place of the others.

    Raises:
        AttributeError, ValueError: there is no such module, or one of another class.
    """
    whole = nn.ModuleDict(dict(networks))
    for first, *others in shared:
        module = whole.get_submodule(first)
        for path in others:
            inside, _, name = path.rpartition(".")
            if not isinstance(whole.get_submodule(path), type(module)):
                raise ValueError(f"the module {path} is of another class than {first}")
            if inside:
                setattr(whole.get_submodule(inside), name, module)
            else:
                networks[name] = module


__all__ = ["share", "shared_modules"]
