"""Sphinx: Markdown pages by MyST, the interface read from docstrings. The build fetches nothing."""

import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

_project = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]

project = "neurosym"
author = "the neurosym authors"
project_copyright = author
release = version = re.sub(r"\.dev\d*$", "", _project["version"])

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "public_names"]
exclude_patterns = ["_build"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
highlight_language = "text"  # rule text has no lexer of its own yet

# Docstrings are written as Markdown writes code: `name` in single back quotes.
default_role = "code"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autoclass_content = "class"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute described in the class is not described twice

html_theme = "furo"
html_title = f"neurosym {release}"
html_copy_source = False
html_show_sourcelink = False
