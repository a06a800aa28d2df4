"""Drawn photos of pod bins with their truth: data for a demo without a dataset, and for training.

Pillow and numpy only. Every picture follows from its seed alone: no global random state, no clock, no `hash()`.
"""

from training.drawn.bins import DrawnBin, draw_bin
from training.drawn.catalogue import DrawnItem
from training.drawn.folder import drawn_counts, write_bins

__all__ = ["DrawnBin", "DrawnItem", "draw_bin", "drawn_counts", "write_bins"]
