#!/usr/bin/python3
"""Draw the table of `exset sweep`: what was varied and what came of it, each against each.

A matrix of panels: points below the diagonal (bars: standard deviation over realisations), histograms on it, and above it the rank
correlation (Spearman's), the darker the stronger. Failed samples are crosses at the parameters they had. Varied keys first, then
figures: those of --figures, or some of the table's.

Example: plot_sweep.py sweep.csv -o figures/sweep --figures phase1_m_factor_z,phase1_geodesic_tortuosity_z
Needs numpy and matplotlib.
"""
import re
import textwrap

import numpy as np
from matplotlib import ticker

import style
from style import CURVE_COLOURS, INK, MUTED, plt

FIXED = ("sample", "status", "realisations", "seconds", "seed", "message")
DEFAULT = ("m_factor", "sigma_eff", "geodesic_tortuosity", "constrictivity", "specific_surface_area", "volume_fraction",
           "percolating_fraction", "boundary_length", "interface_area")  # the first of these that there are
MOST_DEFAULT, MOST = 3, 12


def parse():
    parser = style.parser(__doc__, "CSV table of exset sweep", "sweep", nargs=None)
    parser.add_argument("--keys", help="varied keys, separated by commas [all]")
    parser.add_argument("--figures", help="columns of figures, separated by commas [M-factors, or others that there are]")
    return style.parse(parser)


# ---- reading -------------------------------------------------------------------------------------
def varied(table):
    """Columns of keys: those that are no figures, which have a column of standard deviations each."""
    keys = [name for name in table if name not in FIXED and f"{name}_sd" not in table and
            not (name.endswith("_sd") and name[:-3] in table)]
    return [name for name in keys if len(set(table[name])) > 1]


def default_figures(table):
    """A few of one kind: along z, or along another axis where there is no z."""
    figures = [name for name in table if f"{name}_sd" in table]
    for kind in DEFAULT:
        found = [name for name in figures if re.fullmatch(rf"(phase\d+_)?{kind}(_[xyz]|_\d+)?", name)]
        along = [name for name in found if name.endswith("_z")] or found
        if along and np.isfinite(style.values(table[along[0]])).any():
            return along[:MOST_DEFAULT]
    return figures[:MOST_DEFAULT]


def read(arguments):
    """({column: values}, names of keys, names of figures, which samples are done)."""
    table = style.read_csv(arguments.input, "exset sweep", "sample", "status")
    known = varied(table)
    keys = style.one_of(arguments.keys, known, "key") if arguments.keys else known
    figures = default_figures(table)
    if arguments.figures:
        figures = style.one_of(arguments.figures, [name for name in table if name not in ("status", "message")], "column")
    if not table["sample"] or not keys + figures:
        style.fail(f"{arguments.input} has nothing to draw")
    if len(keys + figures) > MOST:
        style.fail(f"{len(keys + figures)} columns are too many to draw: choose {MOST} by --keys and --figures")
    done = np.array([status == "done" for status in table["status"]])
    return {name: style.values(column) for name, column in table.items()}, keys, figures, done


# ---- drawing -------------------------------------------------------------------------------------
def ranks(x):
    """Ranks from 0, equal values have their mean."""
    order = np.argsort(x, kind="stable")
    rank = np.empty(len(x))
    rank[order] = np.arange(len(x))
    _, same = np.unique(x, return_inverse=True)
    return (np.bincount(same, rank) / np.bincount(same))[same]


def rank_correlation(x, y):
    """Spearman's; NaN where there are fewer than 3 points or one does not vary."""
    both = np.isfinite(x) & np.isfinite(y)
    a, b = ranks(x[both]), ranks(y[both])
    if both.sum() < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])


def title(name):
    """Lines for phase2_geodesic_tortuosity_z: whose, what, along which axis."""
    whose, number, what = re.fullmatch(r"(?:(phase|field)(\d+)_)?(.*)", name).groups()
    words = what.replace("m_factor", "M-factor").split("_")
    if whose == "phase" and len(words) > 1 and words[-1] in ("x", "y", "z"):
        words[-2:] = [f"{words[-2]}, {words[-1]}"]
    lines = [f"{whose} {number}"] if whose else []
    return "\n".join(lines + textwrap.wrap(" ".join(words), 17, break_long_words=False, break_on_hyphens=False))


def deviations(table, name):
    """Standard deviations over realisations, 0 where there are none."""
    return np.nan_to_num(table.get(f"{name}_sd", np.zeros(len(table[name]))))


def spread(values, bars):
    """Limits of an axis that holds the values with their bars."""
    inside = np.isfinite(values)
    ends = np.concatenate([(values - bars)[inside], (values + bars)[inside]])
    low, high = (ends.min(), ends.max()) if len(ends) else (0.0, 1.0)
    room = 0.07 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def draw_points(axis, table, x, y, done):
    axis.errorbar(table[x][done], table[y][done], xerr=deviations(table, x)[done], yerr=deviations(table, y)[done], ecolor=MUTED, elinewidth=0.4, zorder=2,
                  **{**style.dots(0), "markersize": 2.2, "markeredgewidth": 0})
    if not done.all():
        axis.plot(table[x][~done], table[y][~done], linestyle="none", marker="x", color=CURVE_COLOURS[1], markersize=3.5,
                  markeredgewidth=0.9, zorder=3)


def draw_histogram(axis, values):
    inside = values[np.isfinite(values)]
    if len(inside):
        axis.hist(inside, bins=max(5, min(20, int(2 * len(inside) ** (1 / 3)))), color=CURVE_COLOURS[0], alpha=0.55, linewidth=0)
    axis.set(yticks=[])
    axis.spines["left"].set_visible(False)
    axis.grid(False)


def draw_correlation(axis, value):
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    if np.isfinite(value):
        axis.set_facecolor(plt.get_cmap("Oranges" if value > 0 else "Blues")(0.5 * abs(value)))
        text = f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
        axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color=INK, fontsize=8.5)


def draw(table, names, done):
    n = len(names)
    size = min(style.PAGE, max(style.COLUMN, 1.75 * n))
    figure, axes = plt.subplots(n, n, figsize=(size, size), squeeze=False, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.02, hspace=0.02, wspace=0.02)
    for r, y in enumerate(names):
        for c, x in enumerate(names):
            axis = axes[r, c]
            if c < r:
                draw_points(axis, table, x, y, done)
                axis.set_ylim(spread(table[y], deviations(table, y)))
            elif c == r:
                draw_histogram(axis, table[x][done])
            else:
                draw_correlation(axis, rank_correlation(table[x][done], table[y][done]))
                continue
            axis.set_xlim(spread(table[x], deviations(table, x)))
            axis.xaxis.set_major_locator(ticker.MaxNLocator(3))
            axis.tick_params(labelbottom=r == n - 1, labelleft=c == 0 and r > 0, labelsize=7 if n < 8 else 6)
            if c < r:
                axis.yaxis.set_major_locator(ticker.MaxNLocator(3))
    for k, name in enumerate(names):
        axes[n - 1, k].set_xlabel(title(name), fontsize=7.5 if n < 8 else 6)
        axes[k, 0].set_ylabel(title(name), fontsize=7.5 if n < 8 else 6)
    figure.align_labels()
    return figure


def main():
    arguments = parse()
    table, keys, figures, done = read(arguments)
    style.report_written(style.save(draw(table, keys + figures, done), arguments.output))


if __name__ == "__main__":
    main()
