#!/usr/bin/python3
"""Draw what `exset validate` compared: coverage functions and distributions of chord lengths, data against model.

One picture for each figure and kind of sections (PNG and PDF, <output>_coverage_xy, <output>_chords_xy, ...), one panel for each
phase or pair of phases and direction. Points: data; line: mean of the model's sections; band: two standard deviations of
the difference to be expected when the model is right.

Example: plot_validate.py validate.json -o figures/validate
Needs numpy and matplotlib.
"""
import argparse
import json
import sys

import numpy as np

from style import CURVE_COLOURS, plt, save

NAMES = {"coverage": ("C_{{{}}}", "lag"), "chords": ("F_{{{}}}", "chord length")}


def values(numbers):
    """A list of numbers, null becoming NaN."""
    return np.array([np.nan if x is None else x for x in numbers], float)


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
    except (OSError, ValueError) as error:
        sys.exit(f"plot_validate.py: {path} cannot be read: {error}")
    if not isinstance(data, dict) or not data.get("curves"):
        sys.exit(f"plot_validate.py: {path} is not a result of exset validate")
    return data["curves"]


def draw_panel(axis, curve):
    symbol, what = NAMES[curve["figure"]]
    x, data, model, sd = (values(curve[key]) for key in ("lengths", "data", "model", "sd"))
    axis.fill_between(x, model - 2 * sd, model + 2 * sd, color=CURVE_COLOURS[0], alpha=0.25, linewidth=0,
                      label="model, two standard deviations")
    axis.plot(x, model, color=CURVE_COLOURS[0], label="model")
    axis.plot(x, data, color=CURVE_COLOURS[1], linestyle="none", marker="o", markersize=2.5, label="data",
              markevery=max(1, len(x) // 40))
    direction = "" if curve["direction"] == "radial" else f", along {curve['direction']}"
    axis.set_title(f"${symbol.format(curve['phase'])}${direction}", loc="left", fontsize=10)
    axis.set_xlabel(f"{what} / µm")
    axis.set_xlim(left=0)
    axis.set_ylim(bottom=0)


def draw(curves):
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.4 * columns, 2.6 * rows + 0.5), squeeze=False,
                                layout="constrained")
    for axis in axes.flat[len(curves):]:
        axis.remove()
    for axis, curve in zip(axes.flat, curves):
        draw_panel(axis, curve)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="JSON file of exset validate")
    parser.add_argument("-o", "--output", default="validate", help="beginning of the outputs' names [validate]")
    arguments = parser.parse_args()
    groups = {}
    for curve in read(arguments.file):
        groups.setdefault((curve["figure"], curve["orientation"].replace(" ", "_")), []).append(curve)
    for (figure, orientation), curves in groups.items():
        print("wrote " + " ".join(save(draw(curves), f"{arguments.output}_{figure}_{orientation}")))


if __name__ == "__main__":
    main()
