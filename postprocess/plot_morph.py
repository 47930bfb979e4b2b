#!/usr/bin/python3
"""Draw descriptors of `exset morph`, of one volume or of several side by side, as of a twin and of the data.

NAME_distributions: cumulative curves, one column for each phase: phase sizes (share of the phase in balls of at least a radius)
with intrusion along each axis, chord lengths, lengths of shortest paths over distance, distances to the phase.
NAME_figures: the single numbers by phase and axis, with the 95 % interval of fractions and the standard deviation of path
lengths. Of one volume axes have colours, of several the volumes; lines and markers tell axes apart in both.

Examples: plot_morph.py twin.json -o figures/twin
          plot_morph.py data.json twin.json --labels data,twin --phases 2 --axes z
Needs numpy and matplotlib.
"""
from matplotlib.lines import Line2D
import numpy as np

import style
from style import CURVE_COLOURS, INK, LINES, MARKERS, MUTED, values

AXES = ["x", "y", "z"]
KINDS = ["", *AXES]  # of a curve: of the phase, or along an axis
ROWS = [  # distributions that share a row: names, label of the lengths, title, name of the curve
    (("size", "intrusion"), "radius / µm", "size, intrusion", "at_least"),
    (("chord",), "length / µm", "chords", "below"),
    (("geodesic_tortuosity",), "path length / distance", "shortest paths", "below"),
    (("contact",), "distance / µm", "spherical contact", "below"),
]
FIGURES = [  # names in the JSON, titles, lower ends of the axes
    ("volume_fraction", "volume fraction", 0), ("specific_surface_area", "surface area / µm⁻¹", 0),
    ("interface_area", "interfaces / µm⁻¹", 0), ("boundary_length", "phase boundaries / µm⁻²", 0),
    ("percolating_fraction", "percolating", 0), ("dead_end_fraction", "dead ends", 0), ("isolated_fraction", "isolated", 0),
    ("geodesic_reach", "reach of paths", 0), ("geodesic_tortuosity", "geodesic tortuosity", 1), ("r_max", "r$_{max}$ / µm", 0),
    ("r_min", "r$_{min}$ / µm", 0), ("constrictivity", "constrictivity", 0), ("chord_mean", "mean chord / µm", 0),
    ("contact_mean", "contact distance / µm", 0),
]
ERRORS = {"volume_fraction": "volume_fraction_ci95", "geodesic_tortuosity": "geodesic_tortuosity_sd"}


def colour(files, f, kind):
    """Of one file the kind decides, of several the file."""
    if files > 1:
        return CURVE_COLOURS[f % len(CURVE_COLOURS)]
    return CURVE_COLOURS[KINDS.index(kind) - 1] if kind else INK


def by_kind(entry, axes):
    """[(kind, value)] of what stands once or for each axis."""
    if isinstance(entry, dict) and set(entry) <= set(AXES):
        return [(axis, entry[axis]) for axis in AXES if axis in entry and axis in axes]
    return [("", entry)] if entry is not None else []


def phases_of(sets):
    return sorted({entry["phase"] for _, data in sets for entry in data["phases"]})


# ---- distributions -------------------------------------------------------------------------------
def curves(data, phase, names, curve, axes):
    """[(kind, lengths, shares)] of the distributions of a phase."""
    found = []
    for entry in data.get("distributions") or []:
        if entry["phase"] == phase:
            for name in names:
                for kind, block in by_kind(entry.get(name), axes):
                    if block and len(block.get(curve) or []) > 1:
                        found.append((kind, values(block["edges"]), values(block[curve])))
    return found


def draw_curve(panel, x, y, falling, **look):
    """A cumulative curve from the first edge, or from 0 for a falling one, which begins level; returns where it is nearly done."""
    if falling and x[0] > 0:
        x, y = np.append(0, x), np.append(y[0], y)
    panel.plot(x, y, **look)
    rest = np.flatnonzero(y < 0.005 if falling else y > 0.995)
    return x[rest[0]] if len(rest) else x[-1]


def legend(figure, sets, kinds):
    """Files by colour where there are several, kinds by line."""
    several = len(sets) > 1
    handles = [Line2D([], [], color=colour(len(sets), f, ""), label=label) for f, (label, _) in enumerate(sets)] if several else []
    handles += [Line2D([], [], color=INK if several else colour(1, 0, kind), linestyle=LINES[KINDS.index(kind)],
                       label=f"along {kind}" if kind else "all directions") for kind in KINDS if kind in kinds]
    if len(handles) > 1:
        figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(6, len(handles)), borderaxespad=0.2)


def draw_distributions(sets, phases, axes=AXES, names=None):
    """One row for each group of distributions that there is, one column for each phase (at most 4); None without any."""
    phases = phases[:4]
    rows = [row for row in ROWS if any(curves(data, phase, row[0], row[3], axes) for _, data in sets for phase in phases)]
    if not rows:
        return None
    figure, panels = style.panels(len(rows) * len(phases), columns=len(phases), height=1.55)
    kinds = set()
    for (group, label, title, curve), line in zip(rows, np.reshape(panels, (len(rows), len(phases)))):
        for phase, panel in zip(phases, line):
            ends = [0]
            for f, (_, data) in enumerate(sets):
                for kind, x, y in curves(data, phase, group, curve, axes):
                    look = {"color": colour(len(sets), f, kind), "linestyle": LINES[KINDS.index(kind)]}
                    ends.append(draw_curve(panel, x, y, curve == "at_least", **look))
                    kinds.add(kind)
            panel.set_xlabel(label)
            panel.set_ylim(0, 1.03)
            panel.locator_params(axis="x", nbins=5)
            if not panel.lines:
                panel.text(0.5, 0.5, "none", transform=panel.transAxes, ha="center", va="center", color=MUTED)
                panel.set_xticks([])
                continue
            panel.set_xlim(1 if group[0] == "geodesic_tortuosity" else 0, max(ends))
        line[0].set_ylabel(f"{title}:\nshare {'larger' if curve == 'at_least' else 'smaller'}")
    for phase, panel in zip(phases, panels):
        panel.set_title(names[phase - 1] if names and phase <= len(names) else f"phase {phase}")
    legend(figure, sets, kinds)
    return figure


# ---- figures -------------------------------------------------------------------------------------
def figure_points(data, name, phases, axes):
    """[(place, kind, value, error)] of one figure; places are phases, or pairs and triples of phases."""
    if name in ("interface_area", "boundary_length"):
        found = [(place, "", value, None) for place, value in (data.get(name) or {}).items() if value is not None]
        return found[:1] if name == "boundary_length" and len(found) == 2 else found  # all are of one triple
    found = []
    for entry in data["phases"]:
        if entry["phase"] in phases:
            errors = dict(by_kind(entry.get(ERRORS.get(name)), axes))
            found += [(str(entry["phase"]), kind, value, errors.get(kind))
                      for kind, value in by_kind(entry.get(name), axes) if value is not None]
    return found


def draw_figure(panel, points, places, title, low):
    """points: for each file as of figure_points; places: all that the axis has."""
    kinds = [kind for kind in KINDS if any(kind == k for of_file in points for _, k, *_ in of_file)]
    slots = len(points) * len(kinds)
    for f, of_file in enumerate(points):
        for k, kind in enumerate(kinds):
            some = [(places.index(place), value, error) for place, of, value, error in of_file if of == kind]
            if not some:
                continue
            place, value, error = (values(column) for column in zip(*some))
            look = colour(len(points), f, kind)
            panel.errorbar(place + 0.7 * ((k * len(points) + f + 0.5) / slots - 0.5), value,
                           yerr=error if np.isfinite(error).any() else None, color=look, linestyle="none",
                           marker=MARKERS[KINDS.index(kind)], markersize=3.2, markerfacecolor="white" if f % 2 else look,
                           markeredgewidth=0.8, elinewidth=0.8)
    panel.set_xticks(range(len(places)), places)
    panel.set_xlim(-0.6, len(places) - 0.4)
    panel.grid(axis="x", visible=False)
    panel.set_title(title)
    top = max([value + (error or 0) for of_file in points for _, _, value, error in of_file] + [low + 1e-6])
    panel.set_ylim(low - 0.07 * (top - low), top + 0.09 * (top - low))  # points at the ends are seen whole
    panel.locator_params(axis="y", nbins=4)


def figure_legend(figure, sets, kinds):
    several = len(sets) > 1
    handles = []
    for f, (label, _) in enumerate(sets if several else []):
        look = colour(len(sets), f, "")
        handles.append(Line2D([], [], color=look, linestyle="none", marker="o", markersize=4,
                              markerfacecolor="white" if f % 2 else look, label=label))
    handles += [Line2D([], [], color=INK if several else colour(1, 0, kind), linestyle="none", marker=MARKERS[KINDS.index(kind)],
                       markersize=4, label=f"along {kind}" if kind else "all directions") for kind in KINDS if kind in kinds]
    if len(handles) > 1:
        figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(6, len(handles)), borderaxespad=0.2,
                      handlelength=1)


def draw_figures(sets, phases, axes=AXES):
    """One panel for each figure that there is; None without any."""
    found = []
    for name, title, low in FIGURES:
        points = [figure_points(data, name, phases, axes) for _, data in sets]
        if any(points):
            places = list(dict.fromkeys(place for of_file in points for place, *_ in of_file))
            if set(places) <= set(map(str, phases)):
                places = list(map(str, phases))  # those without a value, too
            found.append((points, places, title, low))
    if not found:
        return None
    figure, panels = style.panels(len(found), columns=4, height=1.35)
    for panel, (points, *rest) in zip(panels, found):
        draw_figure(panel, points, *rest)
    for panel in style.lowest(panels, 4):
        panel.set_xlabel("phase")
    figure_legend(figure, sets, {kind for points, *_ in found for of_file in points for _, kind, *_ in of_file})
    return figure


def main():
    parser = style.parser(__doc__, "JSON files of exset morph", "morph")
    parser.add_argument("--phases", help="phases to draw, such as 2,3 [all]")
    parser.add_argument("--axes", help="axes to draw, such as z [all]")
    arguments = style.parse(parser)
    sets = [(label, style.read_json(path, "exset morph", "phases")) for path, label in style.labelled(arguments)]
    phases = [int(p) for p in style.one_of(arguments.phases, [str(p) for p in phases_of(sets)], "phase")]
    axes = style.one_of(arguments.axes, AXES, "axis")
    written = []
    for draw, ending in ((draw_distributions, "_distributions"), (draw_figures, "_figures")):
        figure = draw(sets, phases, axes)
        written += style.save(figure, arguments.output + ending) if figure else []
    style.report_written(written)


if __name__ == "__main__":
    main()
