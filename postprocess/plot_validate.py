#!/usr/bin/python3
"""Draw what `exset validate` compared: coverage functions and distributions of chord lengths, data against model.

One picture for each figure and kind of sections (PNG and PDF, NAME_coverage_xy, NAME_chords_xy, ...), one panel for each
phase or pair of phases and direction. Points: data; line: mean of the model's sections; band: two standard deviations of
the difference to be expected when the model is right.

Example: plot_validate.py validate.json -o figures/validate
Needs numpy and matplotlib.
"""
import numpy as np

import style
from style import CURVE_COLOURS, values

NAMES = {"coverage": ("C_{{{}}}", "lag"), "chords": ("F_{{{}}}", "chord length")}


def draw_panel(axis, curve):
    symbol, what = NAMES[curve["figure"]]
    x, data, model, sd = (values(curve[key]) for key in ("lengths", "data", "model", "sd"))
    axis.fill_between(x, model - 2 * sd, model + 2 * sd, color=CURVE_COLOURS[0], alpha=0.25, linewidth=0,
                      label="model, two standard deviations")
    axis.plot(x, model, color=CURVE_COLOURS[0], label="model")
    last = len(x) - 1
    if curve["figure"] == "chords":  # up to where nearly all are shorter
        last = min(last, np.searchsorted(np.fmin(data, model) > 0.995, True))
    axis.plot(x, data, label="data", markevery=max(1, last // 20), **style.dots(1))
    direction = "" if curve["direction"] == "radial" else f", along {curve['direction']}"
    axis.set_title(f"${symbol.format(curve['phase'])}$" + direction)
    axis.set_xlabel(f"{what} / µm")
    axis.set_xlim(0, x[last])
    axis.set_ylim(bottom=0)


def draw(curves):
    figure, axes = style.panels(len(curves), height=1.9)
    for axis, curve in zip(axes, curves):
        draw_panel(axis, curve)
    style.legend(figure, axes)
    return figure


def main():
    arguments = style.parse(style.parser(__doc__, "JSON file of exset validate", "validate", nargs=None))
    groups, written = {}, []
    for curve in style.read_json(arguments.input, "exset validate", "curves")["curves"]:
        groups.setdefault((curve["figure"], curve["orientation"].replace(" ", "_")), []).append(curve)
    for (figure, orientation), curves in groups.items():
        written += style.save(draw(curves), f"{arguments.output}_{figure}_{orientation}")
    style.report_written(written)


if __name__ == "__main__":
    main()
