"""How Sphinx makes the site of this folder; ``./run docs`` does so, and checks the links."""

import os
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.site import pages, python

project = "hwsim"
author = "the authors of hwsim"
release = metadata.version("hwsim")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["**.ipynb_checkpoints"]
root_doc = "index"
suppress_warnings = ["ref.python"]  # a name in a docstring may be that of attributes of several classes
nitpicky = False  # docstrings refer to modules that have no page of their own; tests/test_house.py follows those

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = os.environ.get("HWSIM_SITE_NOTEBOOKS", "off")
nb_execution_raise_on_error = True
nb_execution_timeout = 120

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the sections of the docstrings tell shapes and units, which types cannot
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # members are documented where they are, too

smartquotes = False
html_theme = "furo"
html_title = "hwsim"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
html_domain_indices = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}


def setup(app):
    """Pages are filled in as they are read, and docstrings brought into a form that napoleon knows."""
    app.connect("source-read", pages.fill)
    app.connect("autodoc-process-docstring", python.several_names, priority=400)
