#!/usr/bin/python3
"""Draw coverage functions C_ij against lag: one panel for each pair of phases, one curve for each file.

Reads the JSON files of `exset coverage`. Lags (h_r, h_z) give two curves: across z (h_z = 0) and along z (h_r = 0).
Gray lines are p_i p_j, which C_ij tends to, for the first file. Writes a PNG and a PDF.

Examples: plot_coverage.py coverage.json
          plot_coverage.py data.json twin.json --labels data,twin --max-lag 8 -o figures/coverage
          plot_coverage.py coverage.json --orientations
Needs numpy and matplotlib.
"""
import argparse
import json
import os
import sys

import numpy as np

from style import CURVE_COLOURS, MARKERS, MUTED, plt, save


def values(numbers):
    """A list of numbers, null becoming NaN."""
    return np.array([np.nan if x is None else x for x in numbers], float)


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
    try:
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
    except (OSError, ValueError) as error:
        sys.exit(f"plot_coverage.py: {path} cannot be read: {error}")
    if not isinstance(data, dict) or "lags" not in data or not isinstance(data.get("coverage"), dict):
        sys.exit(f"plot_coverage.py: {path} is not a result of exset coverage")
    blocks = [(label, data)]
    if orientations and data.get("orientations"):
        blocks = [(f"{label}, {name}" if label else name, block) for name, block in data["orientations"].items()]
    return [curve for name, block in blocks for curve in curves(block, name)], values(data["volume_fractions"])


def phases(pair):
    """'12' or '3,11' to phases from 0."""
    i, j = pair.split(",") if "," in pair else pair
    return int(i) - 1, int(j) - 1


def draw(sets, fractions, pairs, max_lag):
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.4 * columns, 2.5 * rows + 0.5), squeeze=False, sharex=True,
                                layout="constrained")
    for axis in axes.flat[len(pairs):]:
        axis.remove()
    for axis, pair in zip(axes.flat, pairs):
        i, j = phases(pair)
        if max(i, j) < len(fractions):
            axis.axhline(fractions[i] * fractions[j], color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        for k, (label, lag, c) in enumerate(sets):
            if pair not in c:
                continue
            on = lag <= max_lag
            axis.plot(lag[on], c[pair][on], color=CURVE_COLOURS[k % len(CURVE_COLOURS)], label=label,
                      marker=MARKERS[k % len(MARKERS)], markersize=3, markevery=(k, max(1, on.sum() // 12)))
        axis.set_title(f"$C_{{{pair}}}$", loc="left", fontsize=10)
        axis.set_ylim(bottom=0)
        axis.set_xlim(left=0)
    for axis in axes.flat[max(0, len(pairs) - columns):len(pairs)]:
        axis.set_xlabel("lag / µm")
        axis.tick_params(labelbottom=True)
    if len(sets) > 1:
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=min(4, len(sets)))
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="JSON files of exset coverage")
    parser.add_argument("-o", "--output", default="coverage", help="output without ending [coverage]")
    parser.add_argument("--labels", help="names of the files, separated by commas [their file names]")
    parser.add_argument("--pairs", help="pairs to draw, such as 11,12 [all]")
    parser.add_argument("--max-lag", type=float, default=np.inf, help="largest lag drawn, micrometres")
    parser.add_argument("--orientations", action="store_true", help="draw each orientation of the sections apart")
    arguments = parser.parse_args()
    labels = arguments.labels.split(",") if arguments.labels else [
        os.path.splitext(os.path.basename(f))[0] for f in arguments.files]
    if len(labels) != len(arguments.files):
        sys.exit(f"plot_coverage.py: {len(labels)} labels for {len(arguments.files)} files")
    sets, fractions = [], None
    for path, label in zip(arguments.files, labels):
        more, p = read(path, label, arguments.orientations)
        sets += more
        fractions = p if fractions is None else fractions
    pairs = arguments.pairs.split(",") if arguments.pairs else sorted(sets[0][2], key=phases)
    missing = [pair for pair in pairs if pair not in sets[0][2]]
    if missing:
        sys.exit(f"plot_coverage.py: no pair {missing[0]}; there are {', '.join(sorted(sets[0][2]))}")
    stem = os.path.splitext(arguments.output)[0] if arguments.output.endswith((".png", ".pdf")) else arguments.output
    print("wrote " + " ".join(save(draw(sets, fractions, pairs, arguments.max_lag), stem)))


if __name__ == "__main__":
    main()
