#!/usr/bin/python3
"""Draw coverage functions C_ij against lag: one panel for each pair of phases, one curve for each file.

Reads the JSON files of `exset coverage`. Lags (h_r, h_z) give two curves: across z (h_z = 0) and along z (h_r = 0).
Gray lines are p_i p_j, which C_ij tends to, for the first file. Writes a PNG and a PDF.

Examples: plot_coverage.py coverage.json
          plot_coverage.py data.json twin.json --labels data,twin --max-lag 8 -o figures/coverage
          plot_coverage.py coverage.json --orientations
Needs numpy and matplotlib.
"""
import numpy as np

import style
from style import DOTTED, MUTED, values


def curves(block, label):
    """[(label, lags, {pair: C})] of a block with lags and coverage."""
    c = {pair: values(v) for pair, v in block["coverage"].items()}
    lags = np.array(block["lags"], float)
    if lags.ndim == 1:
        return [(label, lags, c)]
    rays = [("across z", lags[:, 1] == 0, 0), ("along z", lags[:, 0] == 0, 1)]
    return [(f"{label}, {name}", lags[on, k], {pair: v[on] for pair, v in c.items()})
            for name, on, k in rays if on.sum() > 1]


def read(path, label, orientations):
    """Curves of a file, and its volume fractions."""
    data = style.read_json(path, "exset coverage", "lags", "coverage")
    blocks = [(label, data)]
    if orientations and data.get("orientations"):
        blocks = [(f"{label}, {name}" if label else name, block) for name, block in data["orientations"].items()]
    return [curve for name, block in blocks for curve in curves(block, name)], values(data["volume_fractions"])


def phases(pair):
    """'12' or '3,11' to phases from 0."""
    i, j = pair.split(",") if "," in pair else pair
    return int(i) - 1, int(j) - 1


def draw(sets, fractions, pairs, max_lag):
    figure, axes = style.panels(len(pairs), sharex=True)
    for axis, pair in zip(axes, pairs):
        i, j = phases(pair)
        if max(i, j) < len(fractions):
            axis.axhline(fractions[i] * fractions[j], color=MUTED, linewidth=0.8, linestyle=DOTTED)
        for k, (label, lag, c) in enumerate(sets):
            if pair in c:
                on = lag <= max_lag
                axis.plot(lag[on], c[pair][on], label=label, **style.curve(k, on.sum()))
        axis.set_title(f"$C_{{{pair}}}$")
        axis.set_ylim(bottom=0)
        axis.set_xlim(left=0)
    for axis in style.lowest(axes):
        axis.set_xlabel("lag / µm")
    style.legend(figure, axes)
    return figure


def main():
    parser = style.parser(__doc__, "JSON files of exset coverage", "coverage")
    parser.add_argument("--pairs", help="pairs to draw, such as 11,12 [all]")
    parser.add_argument("--max-lag", type=float, default=np.inf, help="largest lag drawn, micrometres")
    parser.add_argument("--orientations", action="store_true", help="draw each orientation of the sections apart")
    arguments = style.parse(parser)
    sets, fractions = [], None
    for path, label in style.labelled(arguments):
        more, p = read(path, label, arguments.orientations)
        sets += more
        fractions = p if fractions is None else fractions
    pairs = style.one_of(arguments.pairs, sorted(sets[0][2], key=phases), "pair")
    style.report_written(style.save(draw(sets, fractions, pairs, arguments.max_lag), arguments.output))


if __name__ == "__main__":
    main()
