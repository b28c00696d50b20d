"""A posterior as a file: safetensors, with the rest as JSON in the header; nothing is unpickled."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from neurosym.bayes.result import Diagnostics, Posterior
from neurosym.bayes.space import Space, statement_names
from neurosym.errors import ModelError
from neurosym.reasoner import Reasoner
from neurosym.reasoner.priors import Beta, Dirichlet
from neurosym.reasoner.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from neurosym.reasoner.priors import Prior

FORMAT = "neurosym-posterior/1"


def save(posterior: Posterior, path: str | PathLike[str]) -> None:
    """Write a posterior, beside an older file and then in its place.

    Raises:
        ModelError: NS666, the file cannot be written.
    """
    diagnostics = posterior.diagnostics.to_dict()
    plain = {
        "method": posterior.method, "seed": posterior.seed, "names": posterior.space.names,
        "priors": [list(p.concentration) for p in posterior.space.priors], "diagnostics": diagnostics,
    }  # fmt: skip
    header = {"format": FORMAT, "rules": posterior.rules_sha256, "posterior": json.dumps(plain, allow_nan=False)}
    target = Path(path)
    write_tensors(target, {"points": posterior.points}, header, "the posterior", "NS666")


def load(path: str | PathLike[str], reasoner: Reasoner) -> Posterior:
    """Read a posterior of a reasoner's rules.

    Raises:
        ModelError: NS666, the file cannot be read; NS667, it belongs to other rules.
    """
    try:
        tensors, header = read_tensors(path)
        plain = json.loads(header.get("posterior", "{}"))
    except (OSError, ValueError) as error:
        raise ModelError(f"the posterior {path} cannot be read: {error}", code="NS666") from None
    if header.get("format") != FORMAT or "points" not in tensors:
        raise ModelError(f"{path} is no posterior of this version", code="NS666", help="make it anew")
    names = statement_names(reasoner.learnable)
    if header.get("rules") != reasoner.rules_sha256() or tuple(plain["names"]) != names:
        raise ModelError(f"the posterior {path} belongs to other rules", code="NS667", help="make it anew")
    priors: list[Prior] = [
        Beta(*numbers) if parameter.outcomes == 1 else Dirichlet(tuple(numbers))
        for parameter, numbers in zip(reasoner.learnable, plain["priors"], strict=True)
    ]
    diagnostics = Diagnostics(**plain["diagnostics"])
    space = Space(reasoner.learnable, names, tuple(priors))
    return Posterior(space, tensors["points"], plain["method"], plain["seed"], diagnostics, header["rules"], reasoner)
