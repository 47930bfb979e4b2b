#!/usr/bin/python3
"""Sections side by side: picture.py OUT.png NAME... takes the first section of NAME_sections_xy.png (exset validate) of each
model; the data come first. A white column parts them, pixels are doubled."""
import sys

import numpy as np
from PIL import Image

COLOURS = {40: (230, 159, 0), 132: (86, 180, 233), 225: (32, 36, 46), 255: (255, 255, 255)}  # phases 1, 2, 3, frame
GAP = 6


def halves(name):
    """The first section of the data and of the model, as gray values."""
    picture = np.asarray(Image.open(f"{name}_sections_xy.png"))
    cols = (picture.shape[1] - 8) // 2
    return picture[:cols, :cols], picture[:cols, -cols:]


names = sys.argv[2:]
panels = [halves(names[0])[0]] + [halves(name)[1] for name in names]
white = np.full((panels[0].shape[0], GAP), 255, np.uint8)
gray = np.hstack([part for panel in panels for part in (panel, white)][:-1])
palette = Image.fromarray(gray.repeat(2, 0).repeat(2, 1)).convert("P")
colour = [c for g in range(256) for c in COLOURS.get(g, (g, g, g))]
palette.putpalette(colour)
palette.save(sys.argv[1], optimize=True)
