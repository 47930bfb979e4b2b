#!/usr/bin/python3
"""Draw what `exset regress` fitted: predicted against simulated values, one panel for each law, with R² and MAPE.

The JSON names the CSV that lies beside it. Colour and marker tell the phases (or axes: --colour axis); the line is where both
values are equal, the band where they differ by 10 %. CV: R² and MAPE of the cross-validation.

Example: plot_regress.py regress.json -o figures/regress --laws power_log,power_absolute,stenzel2016
Needs numpy and matplotlib.
"""
import os

import numpy as np
from matplotlib import ticker

import style
from style import GRID, INK, MUTED

BAND = 0.1
AXES = ["x", "y", "z"]


def parse():
    parser = style.parser(__doc__, "JSON file of exset regress", "regress", nargs=None)
    parser.add_argument("--laws", help="columns of the CSV, separated by commas [fits to logarithms, published laws]")
    parser.add_argument("--group", help="pooled, phase 2, axis z, ... [the first]")
    parser.add_argument("--colour", choices=["phase", "axis"], default="phase", help="what colours and markers tell [phase]")
    parser.add_argument("--phases", help="names of phases 1, 2, ..., separated by commas")
    parser.add_argument("--scale", choices=["log", "linear"], default="log", help="of both axes [log]")
    parser.add_argument("--columns", type=style.count, default=3, help="panels in a row [3]")
    return style.parse(parser)


# ---- reading -------------------------------------------------------------------------------------
def column(fit):
    """Name of a fit's column in the CSV."""
    return fit["form"] if fit["fit"] == "published" else f"{fit['form']}_{fit['fit']}"


def read(arguments):
    """(name of the target, group of the JSON, its rows {column: list})."""
    result = style.read_json(arguments.input, "exset regress", "groups", "target", "csv")
    names = [group["group"] for group in result["groups"]]
    group = result["groups"][names.index(style.one_of(arguments.group, names, "group")[0])]
    beside = os.path.join(os.path.dirname(arguments.input), os.path.basename(result["csv"]))
    table = style.read_csv(beside, "exset regress", "group", "phase", "axis", result["target"], *map(column, group["fits"]))
    inside = [i for i, name in enumerate(table["group"]) if name == group["group"]]
    return result["target"], group, {name: [values[i] for i in inside] for name, values in table.items()}


def choose(group, wanted):
    fits = {column(fit): fit for fit in group["fits"]}
    default = [name for name, fit in fits.items() if fit["fit"] in ("log", "published") and fit["status"] == "done"]
    return [fits[name] for name in (style.one_of(wanted, fits, "law") if wanted else default)]


def classes(table, arguments):
    """[(label, rows)] in the order of phases or axes."""
    marks = table[arguments.colour]
    names = arguments.phases.split(",") if arguments.phases and arguments.colour == "phase" else []
    found = sorted(set(marks) - {""})
    labels = {mark: f"{arguments.colour} {mark}" for mark in found}
    for mark in found:
        if names and int(mark) <= len(names):
            labels[mark] = names[int(mark) - 1].strip()
    return [(labels[mark], np.array([m == mark for m in marks])) for mark in found] or [("", np.ones(len(marks), bool))]


# ---- drawing -------------------------------------------------------------------------------------
def law(fit):
    """The formula as mathematics: powers as superscripts, Greek letters. Powers of chosen columns: their names are too long."""
    if fit["form"] == "predictors":
        return r"$k\,x_1^{a_1} x_2^{a_2} ...$" if len(fit["parameters"]) > 2 else r"$k\,x_1^{a_1}$"
    words = []
    for word in fit["formula"].split():
        base, _, power = word.partition("^")
        base = {"eps": r"\varepsilon", "beta": r"\beta", "tau": r"\tau"}.get(base, base)
        words.append(f"{base}^{{{power}}}" if power else base)
    return "$" + r"\,".join(words).replace(r"\,/\,", " / ") + "$"


def number(value, digits):
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def remark(fit):
    """R² and MAPE, and those of the cross-validation."""
    def percent(value):
        return None if value is None else 100 * value

    text = f"$R^2$ {number(fit['r2'], 3)}\nMAPE {number(percent(fit['mape']), 1)} %"
    left = fit.get("cross_validation") or {}
    if left.get("r2") is not None:
        text += f"\nCV {number(left['r2'], 3)}, {number(percent(left['mape']), 1)} %"
    return text


def parameters(fit):
    """A line for each."""
    between = " = "
    if fit["form"] == "predictors":
        between = ": "  # names of columns, of whose exponents these are the values
    return "\n".join(f"{name.replace('_', ' ')}{between}{value:.3g}".replace("-", "\N{MINUS SIGN}")
                     for name, value in fit["parameters"].items() if value is not None)


def limits(arrays, scale):
    values = np.concatenate(arrays)
    values = values[np.isfinite(values) & (values > 0)]
    if scale == "linear":
        return 0.0, 1.05 * values.max()
    return values.min() / 1.25, values.max() * 1.25


def set_ticks(axis, ends):
    """1, 2, 5 of each decade as plain numbers, 1 alone where there are many decades."""
    subs = (1, 2, 5) if ends[1] < 40 * ends[0] else (1,)
    for one in (axis.xaxis, axis.yaxis):
        one.set_major_locator(ticker.LogLocator(subs=subs))
        one.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        one.set_minor_formatter(ticker.NullFormatter())


def draw_panel(axis, fit, target, table, groups, ends, scale):
    line = np.array([ends[0] if scale == "log" else 0.0, ends[1]])
    axis.fill_between(line, (1 - BAND) * line, (1 + BAND) * line, color=GRID, linewidth=0, zorder=0,
                      label=f"within {100 * BAND:.0f} %")
    axis.plot(line, line, color=MUTED, linewidth=0.8, zorder=1)
    simulated, predicted = style.values(table[target]), style.values(table[column(fit)])
    for k, (label, rows) in enumerate(groups):
        axis.plot(simulated[rows], predicted[rows], label=label or None, alpha=0.85, zorder=2 + k, **{**style.dots(k), "markersize": 2.6})
    axis.set(xscale=scale, yscale=scale, xlim=ends, ylim=ends, aspect="equal")
    if scale == "log":
        set_ticks(axis, ends)
    kind = {"published": "published", "log": "fit to logarithms"}.get(fit["fit"], f"{fit['fit']} fit")
    axis.set_title(f"{law(fit)}  ({kind})")
    axis.text(0.04, 0.96, remark(fit), transform=axis.transAxes, va="top", fontsize=7.5, color=INK, linespacing=1.35)
    if parameters(fit):
        axis.text(0.97, 0.04, parameters(fit), transform=axis.transAxes, va="bottom", ha="right",
                  fontsize=7, color=INK, linespacing=1.25)


def draw(target, fits, table, groups, arguments):
    n = min(arguments.columns, 2 if len(fits) == 4 else len(fits))
    figure, axes = style.panels(len(fits), columns=n, height=((style.PAGE if n > 1 else style.COLUMN) - 0.6) / n + 0.4,
                                sharex=True, sharey=True)
    ends = limits([style.values(table[name]) for name in [target, *map(column, fits)]], arguments.scale)
    name = "M-factor" if target == "m_factor" else target
    for i, (axis, fit) in enumerate(zip(axes, fits)):
        draw_panel(axis, fit, target, table, groups, ends, arguments.scale)
        if axis in style.lowest(axes, n):
            axis.set_xlabel(f"simulated {name}")
        if i % n == 0:
            axis.set_ylabel(f"predicted {name}")
    style.legend(figure, axes)
    return figure


def main():
    arguments = parse()
    target, group, table = read(arguments)
    fits = choose(group, arguments.laws)
    if not fits or not table[target]:
        style.fail(f"{arguments.input} has nothing to draw")
    figure = draw(target, fits, table, classes(table, arguments), arguments)
    style.report_written(style.save(figure, arguments.output))


if __name__ == "__main__":
    main()
