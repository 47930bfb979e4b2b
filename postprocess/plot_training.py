#!/usr/bin/python3
"""Draw how a training of `exset calibrate` went: losses, accuracy of the discriminator, traces of the parameters.

Reads the JSON file beside the model, and for the other members of an ensemble the history beside it. Thin lines: single
steps; thick lines: running means. The shaded steps are those that the result is the mean of; of an ensemble the chosen member is
drawn blue, the others gray, and dots at the right are their results, the chosen one's filled.
Writes <output>_losses and <output>_parameters, each as PNG and PDF.

Examples: plot_training.py model.json
          plot_training.py model.json -o figures/training --parameters field1_length_xy,field1_fraction
Needs numpy and matplotlib, and h5py for the members of an ensemble.
"""
import argparse
import json
import os
import sys

import numpy as np

from style import CURVE_COLOURS, INK, MUTED, plt, save


def values(numbers):
    """A list of numbers, null becoming NaN."""
    return np.array([np.nan if x is None else x for x in numbers], float)


def has_training(model):
    return bool(model and isinstance(model.get("trace"), dict) and len(model["trace"].get("step") or []) > 1)


def read_others(model, folder):
    """[(steps, {name: values})] of the members that were not chosen, from the history; [] without one."""
    path = os.path.join(folder, model.get("history_file") or "")
    if len(model.get("members") or []) < 2 or not os.path.isfile(path):
        return []
    import h5py

    others = []
    with h5py.File(path, "r") as f:
        names = f["parameters"].asstr()[()].split("\n")
        for m in range(len(model["members"])):
            if m != model["chosen"]:
                value = f[f"member_{m + 1}/value"][()]
                others.append((np.arange(1, len(value) + 1), dict(zip(names, value.T))))
    return others


def smooth(y, width):
    """Running mean over `width` rows that are there; NaN where there is none."""
    known = np.isfinite(y)
    kernel = np.ones(width)
    count = np.convolve(known, kernel, "same")
    total = np.convolve(np.where(known, y, 0), kernel, "same")
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def draw_series(axis, step, y, colour, label):
    axis.plot(step, y, color=colour, linewidth=0.6, alpha=0.35)
    axis.plot(step, smooth(y, max(1, len(step) // 20)), color=colour, linewidth=1.8, label=label)


def shade(axis, model):
    start = model.get("averaged_from")
    if start is not None and start < model["trace"]["step"][-1]:
        axis.axvspan(start, model["trace"]["step"][-1], color=MUTED, alpha=0.12, linewidth=0)


def draw_losses(model):
    """Panels that the method has: losses of the game, accuracy, coverage loss."""
    trace = model["trace"]
    step = np.array(trace["step"], float)
    column = {name: values(v) for name, v in trace.items() if name not in ("step", "parameters")}
    game = np.isfinite(column["loss_network"]).any()
    coverage = np.isfinite(column["loss_coverage"]).any()
    n = 2 * game + coverage
    figure, axes = plt.subplots(1, n, figsize=(3.9 * n, 2.7), squeeze=False, layout="constrained")
    axes = list(axes[0])
    if game:
        axis = axes.pop(0)
        draw_series(axis, step, column["loss_network"], CURVE_COLOURS[0], "discriminator")
        draw_series(axis, step, column["loss_model"], CURVE_COLOURS[1], "model")
        axis.set_title("losses", loc="left", fontsize=10)
        axis.legend(loc="best", fontsize=8, handlelength=1.2)
        axis = axes.pop(0)
        draw_series(axis, step, column["accuracy_real"], CURVE_COLOURS[0], "real")
        draw_series(axis, step, column["accuracy_fake"], CURVE_COLOURS[1], "model")
        mean = (column["accuracy_real"] + column["accuracy_fake"]) / 2
        axis.plot(step, smooth(mean, max(1, len(step) // 20)), color=INK, linewidth=1.8, label="mean of both")
        axis.axhline(0.5, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
        axis.set_ylim(0, 1.25)  # room for the legend
        axis.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axis.set_title("accuracy of the discriminator", loc="left", fontsize=10)
        axis.legend(loc="upper center", fontsize=8, handlelength=1.2, ncols=3, columnspacing=1.0, borderaxespad=0.1)
    if coverage:
        axis = axes.pop(0)
        draw_series(axis, step, column["loss_coverage"], CURVE_COLOURS[2], "")
        if np.nanmin(column["loss_coverage"]) > 0:
            axis.set_yscale("log")
        axis.set_title("coverage loss", loc="left", fontsize=10)
    for axis in figure.axes:
        shade(axis, model)
        axis.set_xlabel("step")
        axis.set_xlim(step[0], step[-1])
    return figure


def draw_members(axis, model, name, last):
    """Dots to the right of the last step, one for each member."""
    members = model.get("members") or []
    if len(members) < 2:
        return
    for i, member in enumerate(members):
        y = (member.get("parameters") or {}).get(name)
        chosen = i == model.get("chosen")
        if y is not None:
            axis.plot([last * 1.04], [y], "o", markersize=4.5, color=CURVE_COLOURS[0], zorder=3 + chosen,
                      markerfacecolor=CURVE_COLOURS[0] if chosen else "white", clip_on=False)


def draw_parameters(model, names=None, others=()):
    trace = model["trace"]
    step = np.array(trace["step"], float)
    names = names or list(trace["parameters"])
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 1.9 * rows + 0.3), squeeze=False, sharex=True,
                                layout="constrained")
    for axis in axes.flat[len(names):]:
        axis.remove()
    for k, (axis, name) in enumerate(zip(axes.flat, names)):
        shade(axis, model)
        for other_step, other in others:
            axis.plot(other_step, other[name], color=MUTED, linewidth=0.6, alpha=0.6)
        axis.plot(step, values(trace["parameters"][name]), color=CURVE_COLOURS[0], linewidth=1.1)
        result = (model.get("parameters") or {}).get(name)
        if result is not None:
            axis.axhline(result, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
        draw_members(axis, model, name, step[-1])
        unit = " / µm" if "_length" in name else ""
        axis.set_title(name + unit, loc="left", fontsize=9.5)
        axis.set_xlim(step[0], step[-1])
        if k + columns >= len(names):
            axis.set_xlabel("step")
            axis.tick_params(labelbottom=True)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="JSON file of exset calibrate, method adversarial, combined or evaluator sampled")
    parser.add_argument("-o", "--output", default="training", help="beginning of the outputs' names [training]")
    parser.add_argument("--parameters", help="parameters to draw, separated by commas [all but spline coefficients]")
    arguments = parser.parse_args()
    try:
        with open(arguments.file, encoding="utf-8") as f:
            model = json.load(f)
    except (OSError, ValueError) as error:
        sys.exit(f"plot_training.py: {arguments.file} cannot be read: {error}")
    if not isinstance(model, dict) or not has_training(model):
        sys.exit(f"plot_training.py: {arguments.file} has no trace of a training")
    names = arguments.parameters.split(",") if arguments.parameters else None
    missing = [name for name in names or [] if name not in model["trace"]["parameters"]]
    if missing:
        sys.exit(f"plot_training.py: no parameter {missing[0]}; there are {', '.join(model['trace']['parameters'])}")
    stem = os.path.splitext(arguments.output)[0] if arguments.output.endswith((".png", ".pdf")) else arguments.output
    written = save(draw_losses(model), stem + "_losses")
    if model["trace"]["parameters"]:
        others = read_others(model, os.path.dirname(arguments.file))
        written += save(draw_parameters(model, names, others), stem + "_parameters")
    print("wrote " + " ".join(written))


if __name__ == "__main__":
    main()
