"""How Sphinx builds the documents: `sphinx-build -W --keep-going docs build/docs`."""

import gc
import pathlib
import re
import sys
import tomllib

import jax

# Pages are trees of small objects that live on: to search them takes a seventh of the time.
gc.set_threshold(200_000, 20, 100)

HERE = pathlib.Path(__file__).parent
# This tree, whatever else is installed, and the extension beside this file.
sys.path[:0] = [str(HERE.parent), str(HERE)]

from selectax.commands.command_line.help_texts import TABLES  # noqa: E402

# jaxtyping writes the class's name into each shape: Float[Array, 'samples units'] is enough.
jax.Array.__name__ = "Array"

_PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]

project = _PROJECT["name"]
version = release = _PROJECT["version"]
author = "the selectax developers"
copyright = f"{author}, {_PROJECT['license']}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "mathml",
]

# Docstrings name code in single backticks, and what is ours becomes a link.
default_role = "py:obj"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# "Variables" and a heading of its own would be the headings of these two.
napoleon_custom_sections = [("Attributes", "params_style"), ("References", "returns_style")]
templates_path = ["_templates"]
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
maximum_signature_line_length = 80
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"selectax {release}"
html_static_path = ["_static"]
html_css_files = ["selectax.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False


def _fill_tables(_app, _what, _name, _thing, _options, lines):
    """Fills tables into docstrings that the command line uses as help, as its help does."""
    for at, line in enumerate(lines):
        for table, contents in TABLES.items():
            if f"{{{table}}}" in line:
                lines[at] = line.replace(f"{{{table}}}", contents())


def _offer_as_files(_app, _page, source):
    """Makes downloads of links to Markdown outside this folder, which is no page here."""
    source[0] = re.sub(r"\]\((\.\./[^)]*\.md)\)", r"](path:\1)", source[0])


def setup(app):
    """Sphinx calls this function."""
    app.connect("source-read", _offer_as_files)
    app.connect("autodoc-process-docstring", _fill_tables)
