"""The documentation as a site: what pages are filled in with, the check of the links, and the build (``./run docs``)."""
