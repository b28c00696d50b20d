"""The directive `public-names`: the interface of every name in `neurosym.__all__`, from its docstring.

The package loads its names lazily, so a name whose room is not written yet fails only when it is asked for. Such a
name is listed as missing instead of failing the build.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from typing import ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_CODE = re.compile(r"(`+[^`]*`+)")


class PublicNames(SphinxDirective):
    """Expands to one autodoc directive for each public name."""

    has_content = False
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """The nodes of all public names, and one paragraph with those that cannot be imported."""
        package = importlib.import_module("neurosym")
        lines: list[str] = []
        missing: list[str] = []
        for name in getattr(package, "__all__", []):
            try:
                value = getattr(package, name)
            except (ImportError, AttributeError):
                missing.append(name)
                continue
            lines += _directive(name, value)
        if missing or not lines:
            lines += ["", f"Not there yet: {', '.join(missing) or 'every public name'}."]
        container = nodes.section()
        container.document = self.state.document
        self.state.nested_parse(StringList(lines, source="public-names"), self.content_offset, container)
        return container.children


def _directive(name: str, value: object) -> list[str]:
    path = f"neurosym.{name}"
    if inspect.ismodule(value):
        # A room and its main function may share a name, as `explain` does: the room hides the function once loaded.
        value = getattr(value, name, None)
    if value is None or name.startswith("__"):
        return []
    if importlib.util.find_spec(path) is not None:
        path = f"{path}.{name}"
    if inspect.isclass(value):
        members = [] if issubclass(value, Exception) else ["   :members:"]
        return ["", f".. autoclass:: {path}", *members, "   :show-inheritance:", ""]
    kind = "autofunction" if callable(value) else "autodata"
    return ["", f".. {kind}:: {path}", ""]


def _escape(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Escapes what reStructuredText would read as markup: docstrings are plain text with code in back quotes."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "..")):
            continue
        parts = _CODE.split(line)
        for place in range(0, len(parts), 2):
            text = re.sub(r"(?<!\\)([*|])", r"\\\1", parts[place])
            parts[place] = re.sub(r"(?<=\w)_(?!\w)", r"\\_", text)
        lines[number] = "".join(parts)


def _own_module(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Leaves out what a class inherits from torch or from a data class's machinery."""
    module = getattr(obj, "__module__", None) or ""
    return True if module and not module.startswith(("neurosym", "builtins")) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-docstring", _escape, priority=100)  # before napoleon reads the sections
    app.connect("autodoc-skip-member", _own_module)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
