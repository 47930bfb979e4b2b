"""Parts of the report on descriptors, sweeps and fitted laws."""
import argparse
import os

import numpy as np

import plot_morph
import plot_regress
import plot_sweep
from report_page import esc, num, num4, phase_key, phase_name, svg, table
import style


def stems(results):
    return [os.path.splitext(os.path.basename(path))[0] for path, _ in results]


# ---- descriptors ---------------------------------------------------------------------------------
OF_PHASE = [("volume_fraction", "fraction"), ("specific_surface_area", "surface area / µm⁻¹"), ("r_max", "r<sub>max</sub> / µm"),
            ("contact_mean", "mean contact distance / µm")]
OF_AXIS = [("percolating_fraction", "percolating"), ("dead_end_fraction", "dead ends"), ("isolated_fraction", "isolated"),
           ("geodesic_tortuosity", "geodesic tortuosity"), ("geodesic_reach", "reach"), ("r_min", "r<sub>min</sub> / µm"),
           ("constrictivity", "constrictivity"), ("chord_mean", "mean chord / µm")]


def with_error(value, error):
    return num4(value) if value is None or error is None else f"{value:.4f} ± {error:.4f}"


def phase_table(phases, names):
    there = [(key, title) for key, title in OF_PHASE if any(key in phase for phase in phases)]
    rows = [[esc(phase_name(names, phase["phase"] - 1))] +
            [with_error(phase.get(key), phase.get("volume_fraction_ci95") if key == "volume_fraction" else None) for key, _ in there]
            for phase in phases]
    return table(["phase"] + [title for _, title in there], rows) if there else ""


def axis_table(phases, names):
    there = [(key, title) for key, title in OF_AXIS if any(key in phase for phase in phases)]
    rows = []
    for phase in phases:
        axes = [axis for axis in plot_morph.AXES if any(axis in (phase.get(key) or {}) for key, _ in there)]
        for axis in axes:
            sd = (phase.get("geodesic_tortuosity_sd") or {}).get(axis)
            rows.append([esc(phase_name(names, phase["phase"] - 1)) if axis == axes[0] else "", axis] +
                        [with_error((phase.get(key) or {}).get(axis), sd if key == "geodesic_tortuosity" else None)
                         for key, _ in there])
    return table(["phase", "axis"] + [title for _, title in there], rows) if rows else ""


def shared(data):
    """Interfaces and boundaries in words."""
    parts = []
    for key, text, unit in (("interface_area", "Interfaces", "µm⁻¹"), ("boundary_length", "Lines where phases meet", "µm⁻²")):
        found = {place: value for place, value in (data.get(key) or {}).items() if value is not None}
        if key == "boundary_length":
            found = {place: value for place, value in found.items() if place != "all" or len(found) == 1}
        if found:
            parts.append(f"{text} of phases " + ", ".join(f"{esc(place)}: {num4(value)} {unit}" for place, value in found.items()))
    return f"<p>{'. '.join(parts)}.</p>" if parts else ""


def volume_line(data):
    """Name and size of the volume."""
    size, voxel = data.get("size") or [], data.get("voxel_size") or []
    if len(size) != 3 or len(voxel) != 3:
        return ""
    inputs = ", ".join(esc(os.path.basename(str(path))) for path in data.get("inputs") or []) or "Volume"
    return (f"<p>{inputs}: {' × '.join(f'{n:g}' for n in size)} voxels, "
            f"{' × '.join(f'{n * h:.4g}' for n, h in zip(size, voxel))} µm³.</p>")


def part_morph(results, names):
    if not results:
        return ""
    out = ["<h2>Shape of the phases</h2>"]
    for stem, (_, data) in zip(stems(results), results):
        body = volume_line(data) + phase_table(data["phases"], names) + axis_table(data["phases"], names) + shared(data)
        out.append(body if len(results) == 1 else f"<details><summary>Values: {esc(stem)}</summary>{body}</details>")
    sets = list(zip(stems(results), (data for _, data in results)))
    phases = plot_morph.phases_of(sets)
    figure = plot_morph.draw_figures(sets, phases)
    if figure:
        out += [phase_numbers(names, len(phases)), '<figure style="max-width:940px">',
                svg(figure, "descriptors by phase and axis"), "<figcaption>Bars: 95 % interval of the fractions, standard deviation "
                "of path lengths.</figcaption></figure>"]
    figure = plot_morph.draw_distributions(sets, phases, names=names or None)
    if figure:
        out += ['<figure style="max-width:940px;margin-top:14px">', svg(figure, "distributions of the descriptors"),
                "<figcaption>Cumulative distributions.</figcaption></figure>"]
    out.append('<p class="note">Surface areas are per volume of material. Percolating: share of a phase that is connected to both '
               'outer faces across the axis; dead ends: to one, isolated: to none. Geodesic tortuosity: length of the shortest paths '
               'through the phase over the distance; reach: share of the first plane that has one. r<sub>max</sub>: balls of this '
               'radius cover half of the phase; r<sub>min</sub>: pushed in from the faces, they do; constrictivity = '
               '(r<sub>min</sub>/r<sub>max</sub>)². Contact: distances from the other phases to this one.</p>')
    return "".join(out)


def phase_numbers(names, n):
    return phase_key([f"{i + 1}: {name}" for i, name in enumerate(names)], n) if names else ""


# ---- sweeps --------------------------------------------------------------------------------------
def part_sweep(results):
    return "".join(one_sweep(path, columns) for path, columns in results)


def one_sweep(path, columns):
    done = np.array([status == "done" for status in columns["status"]])
    keys = plot_sweep.varied(columns)
    figures = plot_sweep.default_figures(columns)
    out = [f"<h2>Sweep: {esc(os.path.basename(path))}</h2>", f"<p>{done.sum()} of {len(done)} samples are done",
           f", {(~done).sum()} failed.</p>" if not done.all() else ".</p>"]
    numbers = {name: style.values(column) for name, column in columns.items()}
    every = [name for name in columns if f"{name}_sd" in columns]
    rows = []
    for name in keys + every:
        inside = numbers[name][done & np.isfinite(numbers[name])]
        if len(inside):
            sd = numbers[f"{name}_sd"][done] if name in every else np.array([])
            rows.append([f"<code>{esc(name)}</code>"] + [num4(float(v)) for v in (inside.min(), np.median(inside), inside.max())] +
                        [num(float(np.nanmedian(sd)), 2) if np.isfinite(sd).any() else ""])
    drawn = (keys[:plot_sweep.MOST - len(figures)] + figures)
    if done.any() and drawn:
        out += ['<figure style="max-width:900px">', svg(plot_sweep.draw(numbers, drawn, done), "varied keys and figures"),
                "<figcaption>Below the diagonal: samples, with the standard deviation over realisations; above it: rank "
                "correlation.</figcaption></figure>"]
    if rows:
        out.append("<details><summary>Ranges of all columns</summary>" +
                   table(["column", "smallest", "median", "largest", "sd over realisations"], rows) + "</details>")
    return "".join(out)


# ---- fitted laws ---------------------------------------------------------------------------------
def law_row(group, fit):
    parameters = ", ".join(f"{esc(name)} = {value:.3g} ± {((fit.get('parameters_sd') or {}).get(name) or 0):.2g}"
                           for name, value in (fit.get("parameters") or {}).items() if value is not None)
    left = fit.get("cross_validation") or {}
    percent = lambda value: None if value is None else 100 * value
    return [esc(group["group"]), f"<code>{esc(fit['formula'])}</code>", esc(fit["fit"]), parameters or "–", num(fit.get("r2"), 3),
            num(percent(fit.get("mape")), 3), num(left.get("r2"), 3), num(percent(left.get("mape")), 3)]


def part_regress(results, names):
    out = []
    for path, data in results:
        rows = [law_row(group, fit) for group in data["groups"] for fit in group["fits"] if fit.get("status") == "done"]
        if not rows:
            continue
        out.append(f"<h2>Fitted laws: {esc(os.path.basename(path))}</h2><p>{esc(data['target'])} of {num(data.get('rows'))} phases and "
                   f"axes in {num(data.get('samples'))} samples.</p>")
        out.append(regress_picture(path, data, names))
        out.append("<details><summary>All laws</summary>" +
                   table(["rows", "law", "fit", "parameters ± standard deviation", "R²", "MAPE / %", "R², CV", "MAPE / %, CV"], rows,
                         text_columns=(0, 1, 2, 3)) +
                   '<p class="note">CV: cross-validation, predictions for samples that the fit had not seen.</p></details>')
    return "".join(out)


def regress_picture(path, data, names):
    """Panels of plot_regress.py, where the CSV lies beside the JSON."""
    if not os.path.isfile(os.path.join(os.path.dirname(path), os.path.basename(data.get("csv") or ""))):
        return ""
    options = argparse.Namespace(input=path, laws=None, group=None, colour="phase", phases=",".join(names), scale="log", columns=3)
    target, group, rows = plot_regress.read(options)
    fits = plot_regress.choose(group, None)
    if not fits or not rows[target]:
        return ""
    figure = plot_regress.draw(target, fits, rows, plot_regress.classes(rows, options), options)
    return ('<figure style="max-width:1000px">' + svg(figure, "predicted against simulated values") +
            "<figcaption>Predicted against simulated values; gray: within 10 %.</figcaption></figure>")
