"""Stops: every place of the knob between two tones, on pages that open without a server.

`read_excerpt` takes some seconds of a song apart, `make_transition` renders and measures them at
every stop, `write_pages` writes what a browser shows and plays.
"""

from morphsep.stops.excerpt import Excerpt, read_excerpt
from morphsep.stops.pages import Page, check_folder, write_pages
from morphsep.stops.sine import harmonic_distortion
from morphsep.stops.transition import Transition, Wanted, build_recipes, make_transition

__all__ = [
    "Excerpt",
    "Page",
    "Transition",
    "Wanted",
    "build_recipes",
    "check_folder",
    "harmonic_distortion",
    "make_transition",
    "read_excerpt",
    "write_pages",
]
