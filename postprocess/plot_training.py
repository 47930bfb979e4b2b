#!/usr/bin/python3
"""Draw how a training of `exset calibrate` went: losses, accuracy of the discriminator, traces of the parameters.

Reads the JSON file beside the model, and for the other members of an ensemble the history beside it. Thin lines: single
steps; thick lines: running means. The shaded steps are those that the result is the mean of; of an ensemble the chosen member is
drawn blue, the others gray, and dots at the right are their results, the chosen one's filled.
Writes NAME_losses and NAME_parameters, each as PNG and PDF.

Examples: plot_training.py model.json
          plot_training.py model.json -o figures/training --parameters field1_length_xy,field1_fraction
Needs numpy and matplotlib, and h5py for the members of an ensemble.
"""
import os

import numpy as np

import style
from style import CURVE_COLOURS, DOTTED, INK, LINES, MUTED, values


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


def draw_series(axis, step, y, k, label=None):
    """Single steps thin, the running mean thick: curve k."""
    axis.plot(step, y, color=CURVE_COLOURS[k], linewidth=0.5, alpha=0.3)
    axis.plot(step, smooth(y, max(1, len(step) // 20)), color=CURVE_COLOURS[k], linestyle=LINES[k], label=label)


def shade(axis, model):
    start = model.get("averaged_from")
    if start is not None and start < model["trace"]["step"][-1]:
        axis.axvspan(start, model["trace"]["step"][-1], color=MUTED, alpha=0.12, linewidth=0)


def draw_accuracy(axis, step, column):
    draw_series(axis, step, column["accuracy_real"], 0, "real")
    draw_series(axis, step, column["accuracy_fake"], 1, "model")
    mean = (column["accuracy_real"] + column["accuracy_fake"]) / 2
    axis.plot(step, smooth(mean, max(1, len(step) // 20)), color=INK, linestyle=LINES[2], label="mean")
    axis.axhline(0.5, color=INK, linewidth=0.8, linestyle=DOTTED)
    axis.set_ylim(0, 1.3)  # room for the legend
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axis.set_title("accuracy of the discriminator")
    axis.legend(loc="upper center", fontsize=7.5, ncols=3, columnspacing=0.8, handlelength=1.7, borderaxespad=0.1)


def draw_losses(model):
    """Panels that the method has: losses of the game, accuracy, coverage loss."""
    trace = model["trace"]
    step = np.array(trace["step"], float)
    column = {name: values(v) for name, v in trace.items() if name not in ("step", "parameters")}
    game = np.isfinite(column["loss_network"]).any()
    coverage = np.isfinite(column["loss_coverage"]).any()
    figure, axes = style.panels(2 * game + coverage, height=1.9)
    if game:
        draw_series(axes[0], step, column["loss_network"], 0, "discriminator")
        draw_series(axes[0], step, column["loss_model"], 1, "model")
        axes[0].set_title("losses")
        axes[0].legend(loc="best", fontsize=7.5)
        draw_accuracy(axes[1], step, column)
    if coverage:
        draw_series(axes[-1], step, column["loss_coverage"], 0)
        if np.nanmin(column["loss_coverage"]) > 0:
            axes[-1].set_yscale("log")
        axes[-1].set_title("coverage loss")
    for axis in axes:
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
    figure, axes = style.panels(len(names), height=1.45, sharex=True)
    for axis, name in zip(axes, names):
        shade(axis, model)
        for other_step, other in others:
            axis.plot(other_step, other[name], color=MUTED, linewidth=0.5, alpha=0.6)
        axis.plot(step, values(trace["parameters"][name]), color=CURVE_COLOURS[0], linewidth=1.1)
        result = (model.get("parameters") or {}).get(name)
        if result is not None:
            axis.axhline(result, color=INK, linewidth=0.8, linestyle=DOTTED)
        draw_members(axis, model, name, step[-1])
        axis.set_title(name + (" / µm" if "_length" in name else ""))
        axis.set_xlim(step[0], step[-1])
    for axis in style.lowest(axes):
        axis.set_xlabel("step")
    return figure


def main():
    parser = style.parser(__doc__, "JSON file of exset calibrate, method adversarial, combined or evaluator sampled",
                          "training", nargs=None)
    parser.add_argument("--parameters", help="parameters to draw, separated by commas [all but spline coefficients]")
    arguments = style.parse(parser)
    model = style.read_json(arguments.input, "exset calibrate")
    if not has_training(model):
        style.fail(f"{arguments.input} has no trace of a training")
    names = style.one_of(arguments.parameters, list(model["trace"]["parameters"]), "parameter")
    written = style.save(draw_losses(model), arguments.output + "_losses")
    if names:
        others = read_others(model, os.path.dirname(arguments.input))
        written += style.save(draw_parameters(model, names, others), arguments.output + "_parameters")
    style.report_written(written)


if __name__ == "__main__":
    main()
