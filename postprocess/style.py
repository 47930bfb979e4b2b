"""What the scripts of this folder share: colours that colour-blind eyes tell apart, matplotlib settings, saving."""
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from colours import CURVE_COLOURS, GRID, INK, MUTED, PHASE_COLOURS  # noqa: F401 (for those who import this module)

MARKERS = ["o", "s", "^", "D", "v", "P", "X"]

plt.rcParams.update({
    "font.family": "sans-serif", "font.size": 9, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "lines.linewidth": 1.5, "legend.frameon": False, "svg.fonttype": "path",
    "pdf.fonttype": 42,
})


def save(figure, stem):
    """Write stem.png and stem.pdf, in a new folder where there is none yet; return their names."""
    os.makedirs(os.path.dirname(stem) or ".", exist_ok=True)
    names = [f"{stem}.png", f"{stem}.pdf"]
    for name in names:
        figure.savefig(name, dpi=200, bbox_inches="tight")
    plt.close(figure)
    return names
