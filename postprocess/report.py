#!/usr/bin/python3
"""Make one self-contained HTML page from the results of exset.

Give a folder, or files by name; what they are is told from their content. Missing parts are left out. Understood are
the JSON files of coverage, calibrate, validate, generate, conduct, morph and regress, tables of sweep (.csv), a volume (.vtkhdf, of
which the sections shown are read), images of sections (by --xy, --xz, --yz, else from the JSON of calibrate) and a table
"seconds<TAB>command" of what was run (commands.tsv).

Example: report.py demo -o demo/report.html --xy input/demo/section_xy_*.png --xz input/demo/section_xz_*.png
Needs numpy, matplotlib and h5py.
"""
import argparse
import csv
import datetime
import json
import os

from matplotlib.ticker import MaxNLocator
import numpy as np

from plot_training import draw_losses, draw_parameters, has_training, read_others
from report_page import STYLE, data_uri, esc, num, num4, numbers, phase_key, phase_name, section_png, svg, table, used
from report_study import part_morph, part_regress, part_sweep
import style
from style import CURVE_COLOURS, INK, PHASE_COLOURS, plt

# ---- reading -------------------------------------------------------------------------------------
class Twin:
    """A volume's file: its planes are read when they are shown. Shape z, y, x; spacing x, y, z in micrometres."""

    def __init__(self, path, shape, spacing):
        self.path, self.shape, self.spacing = path, shape, spacing

    def plane(self, axis, index):
        """Labels of plane `index` across an axis (0 z, 1 y, 2 x)."""
        import h5py

        with h5py.File(self.path, "r") as f:
            at = [slice(None)] * 3
            at[axis] = index
            return f["VTKHDF/CellData/phase"][tuple(at)]

    def counts(self):
        """Voxels of each label; some planes at a time."""
        import h5py

        total = np.zeros(256, np.int64)
        with h5py.File(self.path, "r") as f:
            phase = f["VTKHDF/CellData/phase"]
            step = max(1, 2**24 // (self.shape[1] * self.shape[2]))
            for z in range(0, self.shape[0], step):
                total += np.bincount(phase[z:z + step].ravel(), minlength=256)
        return total[:np.flatnonzero(total)[-1] + 1]


class Results:
    """What was found: coverage, model (of calibrate) and generate as dictionaries, lists of (path, dictionary), the twin."""

    def __init__(self):
        self.coverage = self.model = self.generate = self.twin = self.twin_coverage = None
        self.conduct, self.validate, self.morph, self.regress = [], [], [], []  # (path, dictionary)
        self.sweep = []  # (path, {column: texts})
        self.model_folder = "."  # that of calibrate's JSON: pictures lie beside it
        self.commands = []  # (seconds, command)


def read_twin(path):
    """The volume of a file, its first realisation; None if it is no such volume."""
    import h5py

    with h5py.File(path, "r") as f:
        group = f.get("VTKHDF")
        if group is None or "CellData/phase" not in group:
            return None
        return Twin(path, group["CellData/phase"].shape, np.array(group.attrs.get("Spacing", (1.0, 1.0, 1.0)), float))


def is_sweep(path):
    with open(path, encoding="utf-8", newline="") as f:
        return next(csv.reader(line for line in f if not line.startswith("#")), [])[:2] == ["sample", "status"]


def read_json(results, path):
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    if not isinstance(data, dict):
        return
    command = data.get("command")
    if command in ("validate", "morph", "regress"):
        getattr(results, command).append((path, data))
    elif command in ("sweep", "section"):
        return  # of a sweep the table is shown
    elif "runs" in data:
        results.conduct.append((path, data))
    elif "loss" in data and "parameters" in data:
        results.model = data
        results.model_folder = os.path.dirname(path) or "."
    elif "checksum" in data or "peak_bytes" in data:
        results.generate = data
    elif "coverage" in data and "lags" in data:
        if any(str(name).endswith((".vtkhdf", ".h5")) for name in data.get("inputs", [])):
            results.twin_coverage = data
        else:
            results.coverage = data


def read_all(names):
    results = Results()
    paths = []
    for name in names:
        if os.path.isdir(name):
            paths += sorted(os.path.join(name, entry) for entry in os.listdir(name))
        else:
            paths.append(name)
    for path in paths:
        try:
            if path.endswith(".json"):
                read_json(results, path)
            elif path.endswith((".vtkhdf", ".h5", ".hdf5")) and results.twin is None:
                results.twin = read_twin(path)
            elif path.endswith(".csv") and is_sweep(path):
                results.sweep.append((path, style.read_csv(path, "exset sweep", "sample", "status")))
            elif path.endswith(".tsv"):
                with open(path, encoding="utf-8") as f:
                    results.commands = [line.rstrip("\n").split("\t", 1) for line in f if "\t" in line]
            elif not os.path.exists(path):
                style.fail(f"there is no file {path}")
        except (OSError, ValueError, KeyError) as error:
            style.fail(f"{path} cannot be read: {style.reason(error)}")
    return results


def read_sections(paths, labels):
    """Phase numbers 1..n of each page of each image."""
    from PIL import Image, ImageSequence

    sections = []
    for path in paths:
        try:
            with Image.open(path) as image:
                pages = [np.array(page) for page in ImageSequence.Iterator(image)]
        except OSError as error:
            style.fail(f"{path} cannot be read: {style.reason(error)}")
        for page in pages:
            values = labels or [int(v) for v in np.unique(page)]
            phase = np.zeros(page.shape[:2], np.uint8)
            for i, value in enumerate(values):
                phase[page == value] = i + 1
            sections.append(phase)
    return sections


# ---- sections ------------------------------------------------------------------------------------
def twin_slices(twin, orient, n):
    """n slices spread over the twin: xy at equal steps of z; xz of y; yz of x."""
    axis = {"xy": 0, "xz": 1, "yz": 2}[orient]
    places = [int((k + 0.5) / n * twin.shape[axis]) for k in range(n)]
    return [twin.plane(axis, place) for place in places]


def common_crop(images, sizes):
    """Crop so that all show the same length in micrometres; sizes: (row, column) pixel lengths."""
    extent = [min(im.shape[a] * s[a] for im, s in zip(images, sizes)) for a in (0, 1)]
    crops = []
    for im, s in zip(images, sizes):
        rows, cols = (max(1, int(round(extent[a] / s[a]))) for a in (0, 1))
        r0, c0 = (im.shape[0] - rows) // 2, (im.shape[1] - cols) // 2
        crops.append(im[r0:r0 + rows, c0:c0 + cols])
    return crops, extent


def nice_length(extent):
    """A round length of about a quarter of the extent."""
    power = 10 ** np.floor(np.log10(extent / 4))
    return max(m * power for m in (1, 2, 5) if m * power <= extent / 3)


def write_picture(path, results, sections, pixel, shown=2):
    """A PNG with data on the left and twin on the right, one row for each orientation."""
    from PIL import Image

    if results.twin is None:
        style.fail("--picture needs a twin (.vtkhdf)")
    dx, dy, dz = results.twin.spacing
    lines = []
    for orient, twin_pixel in (("xy", (dy, dx)), ("xz", (dz, dx)), ("yz", (dz, dy))):
        data = (sections.get(orient) or [])[:shown]
        if not data:
            continue
        images = data + twin_slices(results.twin, orient, len(data))
        crops, _ = common_crop(images, [(pixel, pixel)] * len(data) + [twin_pixel] * len(data))
        rows, columns = crops[0].shape
        crops = [np.array(Image.fromarray(c).resize((columns, rows), Image.NEAREST)) for c in crops]
        gap = [np.full((rows, w), 255, np.uint8) for w in (6, 24)]
        parts = [x for i, c in enumerate(crops) for x in ((gap[1 if i == len(data) else 0],) if i else ()) + (c,)]
        lines.append(np.concatenate(parts, axis=1))
        lines.append(np.full((6, lines[0].shape[1]), 255, np.uint8))
    if not lines:
        style.fail("--picture needs images of sections")
    image = Image.fromarray(np.concatenate(lines[:-1]), "P")
    palette = [int(c[i:i + 2], 16) for c in ["#ffffff"] + PHASE_COLOURS for i in (1, 3, 5)]
    image.putpalette(palette + [255] * (768 - len(palette)))
    image.save(path, optimize=True)


def part_sections(results, sections, pixel, names, shown=2):
    if results.twin is None and not any(sections.values()):
        return ""
    out, n_phases = [], 0
    dx, dy, dz = results.twin.spacing if results.twin is not None else (pixel,) * 3
    for orient in ("xy", "xz", "yz"):
        data = sections.get(orient) or []
        twin = []
        if results.twin is not None and (data or not any(sections.values())):
            twin = twin_slices(results.twin, orient, shown)
        if not data and not twin:
            continue
        data = data[:shown]
        twin_pixel = {"xy": (dy, dx), "xz": (dz, dx), "yz": (dz, dy)}[orient]
        crops, extent = common_crop(data + twin, [(pixel, pixel)] * len(data) + [twin_pixel] * len(twin))
        n_phases = max([n_phases] + [int(c.max()) for c in crops])
        bar = nice_length(extent[1])
        down, across = {"xy": ("y", "x"), "xz": ("z", "x"), "yz": ("z", "y")}[orient]
        out.append(f"<h3>{orient} sections ({across} to the right, {down} down)</h3><div class=\"sections\">")
        out += [f'<div class="side">{kind}</div>' for kind, some in (("data", data), ("twin", twin)) if some]
        cells = [(c, "data" if i < len(data) else "twin") for i, c in enumerate(crops)]
        for i, (crop, kind) in enumerate(cells):
            scale = ""
            if i == 0:
                scale = (f'<div class="bar" style="width:{100 * bar / extent[1]:.2f}%"></div>'
                         f"<figcaption>{bar:g} µm</figcaption>")
            out.append(f'<figure><img src="{section_png(crop)}" alt="{orient} section of the {kind}">{scale}</figure>')
        out.append("</div>")
    note, title = "All pictures have the same scale.", "Sections"
    if results.twin is not None:
        title = "Sections of data and twin"
        note = ("All pictures have the same scale, and the data's are cropped to the size of the twin. "
                "The twin has the statistics of the data, not their places: no picture is a copy of another.")
    return f"<h2>{title}</h2>" + phase_key(names, n_phases) + "".join(out) + f'<p class="note">{note}</p>'


# ---- coverage functions --------------------------------------------------------------------------
def pair_keys(n):
    return [f"{i + 1}{j + 1}" for i in range(n) for j in range(i, n)]


def curve_sets(results):
    """Curves to draw, one set for each direction: (title, lags, {pair: data}, {pair: error}, {pair: model})."""
    sets = []
    blocks = (results.model or {}).get("coverage") or []
    if isinstance(blocks, dict):
        blocks = [dict(block, orientation=block.get("orientation", name)) for name, block in blocks.items()]
    for block in blocks:
        data, model = block.get("data") or {}, block.get("model") or {}
        error = block.get("standard_error") or block.get("error") or {}
        name = block.get("orientation", "")
        h_r = np.array(numbers(block.get("h_r") or block.get("lags")))
        h_z = np.array(numbers(block.get("h_z"))) if block.get("h_z") else np.zeros_like(h_r)
        if not len(h_r):
            continue
        if np.any(h_z > 0):
            rays = [] if sets else [(f"{name}, across z", h_z == 0, h_r)]  # the x-y plane has it already
            rays.append((f"{name}, along z", h_r == 0, h_z))
        else:
            rays = [(f"{name}, all directions", h_z == 0, h_r)]
        for title, on, lag in rays:
            pick = lambda d: {k: np.array([np.nan if x is None else x for x in v], float)[on] for k, v in d.items()}
            sets.append((title, lag[on], pick(data), pick(error), pick(model)))
    if not sets and results.coverage:
        c = results.coverage
        lags = c["lags"]
        if lags and not isinstance(lags[0], list):
            sets.append(("data", np.array(lags, float), {k: np.array(v, float) for k, v in c["coverage"].items()}, {}, {}))
    return sets


def part_coverage(results, names):
    sets = curve_sets(results)
    if not sets:
        return ""
    n = max(int(k[0]) for k in sets[0][2])
    pairs = [k for k in pair_keys(n) if k in sets[0][2]]
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 2.5 * rows), squeeze=False)
    for axis in axes.flat[len(pairs):]:
        axis.remove()
    for axis, pair in zip(axes.flat, pairs):
        for (title, lag, data, error, model), colour, marker in zip(sets, CURVE_COLOURS, "os^D"):
            if pair in error:
                axis.fill_between(lag, data[pair] - 1.96 * error[pair], data[pair] + 1.96 * error[pair],
                                  color=colour, alpha=0.15, linewidth=0)
            step = max(1, len(lag) // 24)
            axis.plot(lag[::step], data[pair][::step], marker, color=colour, markersize=3.2, linestyle="none",
                      label=f"data, {title}")
            if pair in model:
                axis.plot(lag, model[pair], color=colour, label=f"model, {title}")
        axis.margins(x=0.02)
        axis.locator_params(axis="both", nbins=5)
        i, j = int(pair[0]) - 1, int(pair[1]) - 1
        axis.set_title(f"$C_{{{pair}}}$: {phase_name(names, i)} – {phase_name(names, j)}", fontsize=9.5)
        axis.set_xlabel("lag / µm")
    for row in axes:
        row[0].set_ylabel("probability")
    axes[0][0].legend(loc="upper right", fontsize=8, handlelength=1.2)
    figure.tight_layout(w_pad=1.2, h_pad=1.2)
    note = ("C<sub>ij</sub>(h): probability that a point lies in phase i and the point at distance h in phase j. "
            "Markers: data.")
    if any(s[3] for s in sets):
        note += " Band: 1.96 standard errors of the data."
    if any(s[4] for s in sets):
        note += " Line: calibrated model."
    return ("<h2>Two-point coverage functions</h2><figure>" + svg(figure, "coverage functions of data and model") +
            f"<figcaption>{note}</figcaption></figure>")


# ---- fractions, calibration ----------------------------------------------------------------------
def fractions_of(results):
    """Phase fractions of the twin: those of a result on its file, else counted."""
    name = os.path.basename(results.twin.path)
    for _, data in results.conduct + results.morph:
        if name in [os.path.basename(str(path)) for path in data.get("inputs") or []]:
            return data.get("volume_fractions") or [phase.get("volume_fraction") for phase in data["phases"]]
    counts = results.twin.counts()[1:]
    return list(counts / counts.sum())


def fraction_rows(results, names):
    model, coverage = results.model or {}, results.coverage or {}
    given = model.get("volume_fractions")
    block = given if isinstance(given, dict) else {"model": given} if given else {}
    data = block.get("data") or coverage.get("volume_fractions") or []
    ci = block.get("ci95") or coverage.get("volume_fractions_ci95") or []
    of_model = block.get("model") or []
    of_twin = (results.generate or {}).get("volume_fractions") or []
    if of_twin and isinstance(of_twin[0], list):
        of_twin = of_twin[0]
    if not of_twin and results.twin is not None:
        of_twin = fractions_of(results)
    n = max(len(data), len(of_model), len(of_twin))
    rows = []
    for i in range(n):
        half = ci[i] if i < len(ci) else None
        if isinstance(half, list):
            half = (half[1] - half[0]) / 2
        rows.append((i, data[i] if i < len(data) else None, half, of_model[i] if i < len(of_model) else None,
                     of_twin[i] if i < len(of_twin) else None))
    return rows


def part_fractions(results, names):
    rows = fraction_rows(results, names)
    if not rows:
        return ""
    out = []
    for i, data, half, model, twin in rows:
        name = f'<i class="key" style="background:{PHASE_COLOURS[i % 8]}"></i>{esc(phase_name(names, i))}'
        interval = f"{data:.4f} ± {half:.4f}" if data is not None and half is not None else num(data)
        out.append([name, interval] + [f"{v:.4f}" if v is not None else "–" for v in (model, twin)])
    note = ("The interval holds the fraction of the material that the sections came from with 95 % confidence "
            "(from the integral range of the two-point function). A single twin scatters about the model's fractions, "
            "the less the larger it is.")
    return ("<h2>Phase fractions</h2>" +
            table(["phase", "data, 95 % interval", "model", "twin"], out) +
            f'<p class="note">{note}</p>')


def history_of(model):
    """Iterations and losses from the list of calibrate (numbers, or objects with iteration and loss)."""
    points = []
    for i, item in enumerate(model.get("history") or []):
        if isinstance(item, dict):
            points.append((item.get("iteration", i), item.get("loss")))
        else:
            points.append((i, item))
    return [(i, v) for i, v in points if v is not None and v > 0]


def meaning_of_sd(model):
    if not model.get("members"):
        return ("The standard deviation says how far the value could move with other sections of the same material "
                "(jackknife: one section left out at a time).")
    if len(model["members"]) < 2:
        return "A single training has no standard deviation: an ensemble gives the spread over its members."
    return (f"The standard deviation is the spread over the {len(model['members'])} members of the ensemble: what the "
            "training itself leaves open. It does not hold how far other sections of the same material would move the values.")


def part_calibration(results):
    model = results.model
    if not model:
        return ""
    rows, splines = [], 0
    sd = model.get("parameters_sd") or {}
    for name, value in (model.get("parameters") or {}).items():
        if isinstance(value, list) or "_knots_" in name:
            splines += 1
            continue
        spread = sd.get(name)
        remark = "fixed" if name in (model.get("parameters_fixed") or []) else ""
        if name in (model.get("parameters_at_bound") or []):
            remark = "at its bound"
        rows.append([f"<code>{esc(name)}</code>", num(value), num(spread, 2),
                     f"{100 * spread / abs(value):.1f} %" if spread and value else "–", remark])
    out = ["<h2>Calibrated model</h2>"]
    facts = [f"{text} {num(model.get(key, used(model, key)))}" for key, text in (
        ("method", "method"), ("evaluator", "evaluator"), ("symmetry", "symmetry"), ("iterations", "iterations"),
        ("loss", "loss"), ("threshold", "thresholds"), ("discriminator_accuracy", "accuracy of the discriminator"))
        if model.get(key, used(model, key)) is not None]
    if facts:
        out.append(f"<p>{esc('; '.join(facts))}.</p>")
    if rows:
        out.append(table(["parameter", "value", "standard deviation", "relative", ""], rows, text_columns=(0, 4)))
        out.append(f'<p class="note">Lengths in micrometres. {meaning_of_sd(model)}</p>')
    if splines:
        out.append(f"<p>And {splines} spline coefficients of the spectrum, in the model file.</p>")
    misfit, sampling = model.get("misfit_ij") or {}, model.get("sampling_error_ij") or {}
    if misfit:
        out.append("<h3>Misfit against sampling error</h3>" + table(
            ["coverage function", "misfit (RMS over lags)", "standard error of the data"],
            [[f"C<sub>{esc(k)}</sub>", num(v, 2), num(sampling.get(k), 2)] for k, v in misfit.items()]))
    if model.get("remark"):
        remark = str(model["remark"])
        out.append(f"<p>{esc(remark[:1].upper() + remark[1:])}.</p>")
    points = [] if has_training(model) else history_of(model)  # a training's losses are drawn apart
    if len(points) > 1:
        figure, axis = plt.subplots(figsize=(6.4, 2.4))
        axis.semilogy([p[0] for p in points], [p[1] for p in points], color=INK)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlabel("iteration")
        axis.set_ylabel("loss")
        out.append('<h3>Loss during calibration</h3><figure style="max-width:700px">' +
                   svg(figure, "loss by iteration") + "</figure>")
    return "".join(out)


# ---- training ------------------------------------------------------------------------------------
CLASSES = {"all": "Sections of all orientations.", "xy": "Sections in x-y.", "z": "Sections containing z."}


def read_patches(results):
    """(class, picture of phase numbers) of calibrate's pictures, those that still lie beside the JSON."""
    from PIL import Image

    found = []
    for entry in results.model.get("patches") or []:
        path = os.path.join(results.model_folder, entry["file"])
        if not os.path.exists(path):
            continue
        with Image.open(path) as image:
            gray = np.array(image)
        phase = np.zeros(gray.shape, np.uint8)
        for i, value in enumerate(entry["gray"]):
            phase[gray == value] = i + 1
        found.append((entry["class"], phase))
    return found


def part_members(model):
    members = model.get("members") or []
    rows = [[str(i + 1), str(m.get("seed")), num(m.get("steps")), esc(m.get("end")), num(m.get("accuracy"), 3),
             num(m.get("loss_coverage"), 3), "chosen" if i == model.get("chosen") else ""] for i, m in enumerate(members)]
    out = ["<h3>Members of the ensemble</h3>",
           table(["member", "seed", "steps", "ended by", "accuracy", "coverage loss", ""], rows, text_columns=(0, 6))]
    shown = [name for name in members[0].get("parameters", {}) if "_knots_" not in name]
    mean, spread = model.get("parameters_mean") or {}, model.get("parameters_spread") or {}
    rows = [[f"<code>{esc(name)}</code>"] + [num4(m["parameters"].get(name)) for m in members] +
            [num4(mean.get(name)), num(spread.get(name), 2)] for name in shown]
    out.append(table(["parameter"] + [str(i + 1) for i in range(len(members))] + ["mean", "spread"], rows))
    return "".join(out)


def part_training(results, names):
    model = results.model
    if not has_training(model):
        return ""
    out = ["<h2>Training</h2><figure>", svg(draw_losses(model), "losses and accuracy by step"),
           "<figcaption>Thin: single steps; thick: running means. The result is the mean of the parameters over the "
           "shaded steps. A mean accuracy near 0.5 says that the discriminator cannot tell patches of the model from "
           "real ones; one that stays near 1 says that it can, whatever the parameters: the model class is missing "
           "something. With smoothed targets a discriminator that is undecided leans to \"model\", so that its accuracy on "
           "real patches alone is low.</figcaption></figure>"]
    if model["trace"].get("parameters"):
        out += ["<h3>Parameters during training</h3><figure>", svg(draw_parameters(model, None, read_others(model, results.model_folder)), "parameters by step"),
                "<figcaption>Dotted: the result."]
        if len(model.get("members") or []) > 1:
            out.append(" Blue: the chosen member, gray: the others; dots: their results, filled: the chosen one's.")
        out.append("</figcaption></figure>")
    if len(model.get("members") or []) > 1:
        out.append(part_members(model))
    patches = read_patches(results)
    if patches:
        n_phases = max(len(entry["gray"]) for entry in model["patches"])
        out += ["<h3>Patches as the discriminator sees them</h3>", phase_key(names, n_phases)]
    for name, phase in patches:
        out.append('<div class="patches"><div class="side">real</div><div class="side">model</div>'
                   f'<figure><img src="{section_png(phase)}" alt="real and model patches"></figure></div>'
                   f'<p class="note">{CLASSES.get(name, esc(name))}</p>')
    return "".join(out)


# ---- validation ----------------------------------------------------------------------------------
def validation_label(names, phase):
    """Name of a phase "2", or of a pair "12"."""
    parts = phase.split(",") if "," in phase else list(phase)
    return " – ".join(phase_name(names, int(p) - 1) for p in parts) if all(p.isdigit() for p in parts) else phase


def is_pair(row):
    return row["figure"].startswith("coverage") or "," in row["phase"] or len(row["phase"]) > 1 and row["figure"] == "boundary"


def z_cell(row):
    """A deviation, bold where it is more than chance lets expect."""
    z = row and row.get("z")
    if z is None:
        return ""
    text = f"{z:+.1f}".replace("-", "−")
    return f"<b>{text}</b>" if abs(z) > 2 else text


def z_table(rows, names, pairs):
    """Figures down and phases across; or pairs down, whose names are long, and figures across."""
    figures, phases = [list(dict.fromkeys(row[key] for row in rows)) for key in ("figure", "phase")]
    at = {(row["figure"], row["phase"]): row for row in rows}
    labels = [esc(validation_label(names, p)) for p in phases]
    titles = [esc(f.replace("_", " ")) for f in figures]
    if pairs:
        return table(["pair"] + titles, [[label] + [z_cell(at.get((f, p))) for f in figures] for label, p in zip(labels, phases)])
    return table(["figure"] + labels, [[title] + [z_cell(at.get((f, p))) for p in phases] for title, f in zip(titles, figures)])


def value_table(rows, names):
    cells = [[esc(row["figure"].replace("_", " ")), esc(validation_label(names, row["phase"])), esc(row["orientation"]),
              num4(row["data"]), num4(row["model"]), num(row["sd"], 2), z_cell(row)] for row in rows]
    return table(["figure", "phase", "planes", "data", "model", "scatter", "difference / scatter"], cells, (0, 1, 2))


def chord_figure(curves, names):
    """Cumulative chord lengths: phases down, directions across."""
    phases = list(dict.fromkeys(c["phase"] for c in curves))
    columns = list(dict.fromkeys((c["orientation"], c["direction"]) for c in curves))
    figure, axes = plt.subplots(len(phases), len(columns), figsize=(2.7 * len(columns), 1.9 * len(phases)), squeeze=False,
                                sharey=True, layout="constrained")
    real = lambda v: np.array([np.nan if x is None else x for x in v], float)
    for c in curves:
        k = columns.index((c["orientation"], c["direction"]))
        axis = axes[phases.index(c["phase"])][k]
        x, data, model, sd = (real(c[name]) for name in ("lengths", "data", "model", "sd"))
        axis.fill_between(x, model - 2 * sd, model + 2 * sd, color=CURVE_COLOURS[1], alpha=0.25, linewidth=0)
        axis.plot(x, model, color=CURVE_COLOURS[1], label="model")
        axis.plot(x, data, color=CURVE_COLOURS[0], label="data")
        axis.set_title(f"{validation_label(names, c['phase'])}, along {c['direction']} in {c['orientation']}", loc="left", fontsize=8.5)
        axis.set_ylim(0, 1.02)
        rest = np.flatnonzero(np.fmin(data, model) > 0.995)
        axis.set_xlim(0, x[rest[0]] if len(rest) else x[-1])
    for axis in axes[-1]:
        axis.set_xlabel("chord length / µm")
    axes[0][0].legend(loc="lower right", fontsize=8, handlelength=1.2)
    return figure


def validation_pictures(path):
    """Pictures beside the JSON: data left, model right."""
    stem = os.path.splitext(path)[0]
    out = []
    for ending, what in (("xy", "x-y planes"), ("z", "planes containing z")):
        place = f"{stem}_sections_{ending}.png"
        if os.path.exists(place):
            with open(place, "rb") as f:
                out.append(f'<figure style="margin-top:12px;max-width:620px"><img src="{data_uri(f.read(), "png")}" alt="sections of data and model">'
                           f"<figcaption>Sections in {what}.</figcaption></figure>")
    return "".join(out)


def part_one_validation(path, data, names):
    rows, total = data.get("rows") or [], data.get("total") or {}
    out = [f"<h3>{esc(os.path.basename(path))}</h3>"]
    if total.get("rms_z") is not None:
        out.append(f"<p>Difference over scatter: RMS {num(total['rms_z'], 3)} over {total['rows']} figures (1 by chance); "
                   f"{total['beyond_2']} beyond 2 ({num(total['beyond_2_expected'], 2)} by chance).")
        remark = str(data.get("remark") or "")
        out.append(f" {esc(remark[:1].upper() + remark[1:])}.</p>" if remark else "</p>")
    for orientation in dict.fromkeys(row["orientation"] for row in rows):
        group = [row for row in rows if row["orientation"] == orientation]
        for title, pairs in (("phases", False), ("pairs of phases", True)):
            some = [row for row in group if is_pair(row) == pairs]
            if some:
                out.append(f'<p class="note">{esc(orientation)}, {title}: difference over scatter</p>' + z_table(some, names, pairs))
    chords = [c for c in data.get("curves") or [] if c.get("figure") == "chords"]
    if chords:
        out.append("<figure>" + svg(chord_figure(chords, names), "chord lengths of data and model") +
                   "<figcaption>Share of the chords that are shorter. Band: twice the scatter of the model.</figcaption></figure>")
    out.append("<details><summary>All values</summary>" + value_table(rows, names) + "</details>")
    out.append(validation_pictures(path))
    return "".join(out)


def part_validation(results, names):
    if not results.validate:
        return ""
    note = ("The model's values are means over realisations with the size and masks of the sections; the scatter is that "
            "which data and model would have if the model were right. Bold: beyond 2, which happens by chance once in twenty. A "
            "large value says that a difference is real, not that it is large: see the values themselves below each set of tables.")
    return ("<h2>Model against data</h2>" + f'<p class="note">{note}</p>' +
            "".join(part_one_validation(path, data, names) for path, data in results.validate))


# ---- conductivity --------------------------------------------------------------------------------
def conducting_phases(data, run):
    """Conductivities of a run and the phases (from 0) that conduct."""
    sigma = numbers(run.get("sigma") or data.get("sigma") or used(data, "conduct_sigma"))
    return sigma, [i for i, s in enumerate(sigma) if s > 0]


def part_conduct(results, names):
    rows, mixed = [], len({boundary(data) for _, data in results.conduct}) > 1
    for _, data in results.conduct:
        last = None
        for run in data["runs"]:
            sigma, conducting = conducting_phases(data, run)
            label = ", ".join(f"{esc(phase_name(names, i))} ({sigma[i]:g})" for i in conducting) or "–"
            label += ", periodic" if mixed and boundary(data) == "periodic" else ""
            label, last = ("" if label == last else label), label
            seconds = run.get("seconds")
            if isinstance(seconds, dict):
                seconds = sum(v for v in seconds.values() if isinstance(v, (int, float)))
            percolating = run.get("percolating_fraction")
            if isinstance(percolating, list):
                percolating = ", ".join(num(percolating[i]) for i in conducting if i < len(percolating))
            flux_in, flux_out = run.get("flux_in"), run.get("flux_out")
            gap = abs(flux_in - flux_out) / abs(flux_in) if flux_in and flux_out is not None else None
            rows.append([label, esc(run.get("axis", "")), num4(run.get("sigma_eff")), num4(run.get("m_factor")),
                         num4(run.get("tortuosity_factor")), num4(percolating), num(gap, 2), num(run.get("iterations")),
                         num(seconds, 3)])
    if not rows:
        return ""
    head = ["conducting phase (σ₀)", "axis", "σ<sub>eff</sub>", "M-factor", "tortuosity factor",
            "percolating fraction", "flux in/out differ by", "iterations", "seconds"]
    tensors = "".join(part_tensor(path, data) for path, data in results.conduct)
    return ("<h2>Effective conductivity</h2>" + table(head, rows) +
            f'<p class="note">{conduct_note({boundary(data) for _, data in results.conduct})}</p>' + tensors)


def boundary(data):
    return data.get("boundary") or used(data, "conduct_boundary") or "electrodes"


def conduct_note(boundaries):
    notes = []
    if "electrodes" in boundaries:
        notes.append("Voltage between two opposite faces of the twin, no flux through the others; z is the axis of pressing.")
    if "periodic" in boundaries:
        notes.append(("With periodic boundaries" if len(boundaries) > 1 else "Periodic boundaries") +
                     (" the" if len(boundaries) > 1 else ": the") + " mean gradient lies along the axis, and the twin goes on behind "
                     "each face with the opposite one; the flux is that through the two outer planes.")
    notes.append("M = σ<sub>eff</sub>/σ₀; tortuosity factor = ε/M with the phase's volume fraction ε; the percolating fraction is the "
                 "share of the volume that takes part in conduction" +
                 (", from face to face." if boundaries == {"electrodes"} else ": from face to face, or periodic, in clusters that "
                  "wind round the box." if len(boundaries) > 1 else ", in clusters that wind round the box."))
    return " ".join(notes)


def part_tensor(path, data):
    """The tensor of periodic runs, with principal values and directions."""
    tensor, values = data.get("tensor"), data.get("principal_values")
    if not tensor or not values:
        return ""
    signed = lambda v: num4(v).replace("-", "−")
    axes = ("x", "y", "z")
    rows = [[axes[i]] + [signed(v) for v in row] + ["", num4(values[i]), ", ".join(f"{v:.3f}" for v in direction).replace("-", "−")]
            for i, (row, direction) in enumerate(zip(tensor, data.get("principal_directions") or [[]] * 3))]
    return (f"<h3>Tensor, {esc(os.path.basename(path))}</h3>" +
            table(["σ<sub>eff</sub>", *axes, "", "principal values", "directions x, y, z"], rows) +
            f'<p class="note">Symmetric to {num(data.get("symmetry_defect"), 2)} of its largest element.</p>')


# ---- how it was run ------------------------------------------------------------------------------
def part_run(results):
    out = ["<h2>How it was run</h2>"]
    if results.commands:
        rows = [[f"<code>{esc(command)}</code>", esc(seconds)] for seconds, command in results.commands]
        try:
            rows.append(["all together", f"{sum(float(s) for s, _ in results.commands):.1f}"])
        except ValueError:
            pass
        out.append(table(["command", "seconds"], rows))
    sources = [results.generate, results.model, results.coverage] + [d for _, d in results.conduct + results.morph + results.regress]
    versions = next((d["versions"] for d in sources if d and d.get("versions")), None)
    if isinstance(versions, dict):
        out.append("<h3>Versions</h3>" + table(["", ""], [[esc(k), f"<code>{esc(v)}</code>"] for k, v in versions.items()],
                                               text_columns=(0, 1)))
    if results.generate and results.generate.get("peak_bytes"):
        out.append(f"<p>Peak memory of generation: {results.generate['peak_bytes'] / 2**20:.0f} MiB for each process"
                   " at most.</p>")
    return "".join(out) if len(out) > 1 else ""


def headline(results, names):
    """The few figures that tell how it went."""
    items = []
    if results.twin is not None:
        nz, ny, nx = results.twin.shape
        dx, dy, dz = results.twin.spacing
        items.append((f"{nz} × {ny} × {nx}", f"voxels; {nz * dz:.4g} × {ny * dy:.4g} × {nx * dx:.4g} µm³"))
    gaps = [abs(t - d) for _, d, _, _, t in fraction_rows(results, names) if d is not None and t is not None]
    if gaps:
        items.append((f"{max(gaps):.4f}", "largest difference of a phase fraction, data and twin"))
    for _, data in results.conduct:
        groups = {}  # runs with the same phase conducting
        for run in data["runs"]:
            _, conducting = conducting_phases(data, run)
            if len(conducting) == 1 and run.get("m_factor") is not None:
                groups.setdefault(conducting[0], []).append(run)
        for phase, runs in groups.items():
            items.append((" / ".join(f"{run['m_factor']:.3f}" for run in runs),
                          f"M-factor of {phase_name(names, phase)} along " + ", ".join(str(run.get("axis")) for run in runs)))
    if not items:
        return ""
    return '<ul class="figures">' + "".join(f"<li><b>{esc(a)}</b><span>{esc(b)}</span></li>" for a, b in items) + "</ul>"


def make_page(results, sections, pixel, names, title, remark):
    parts = [
        headline(results, names), part_sections(results, sections, pixel, names), part_fractions(results, names),
        part_coverage(results, names), part_calibration(results), part_training(results, names),
        part_validation(results, names), part_morph(results.morph, names), part_conduct(results, names),
        part_sweep(results.sweep), part_regress(results.regress, names), part_run(results),
    ]
    complete = results.model and results.twin and results.conduct
    way = "From 2D sections to a calibrated model, a 3D twin and its conductivity. " if complete else ""
    date = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{esc(title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{STYLE}</style></head><body><h1>{esc(title)}</h1>"
            f'<p class="lead">{way}Made by exset, {esc(date)}.</p>'
            + (f"<p>{esc(remark)}</p>" if remark else "")
            + "\n".join(p for p in parts if p) + "</body></html>\n")


def sections_from_json(results, orient):
    """Paths that calibrate recorded, if they still exist from here."""
    value = used(results.model, "sections_" + orient) or []
    if isinstance(value, str):
        value = value.strip("[]").split(",")
    return [p.strip() for p in value if os.path.exists(p.strip())]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", help="a folder of results, or files (.json, .vtkhdf, .tsv)")
    parser.add_argument("-o", "--output", default=None, help="the page (default: report.html in the first folder, or here)")
    for orient in ("xy", "xz", "yz"):
        parser.add_argument("--" + orient, nargs="+", default=[], metavar="IMAGE", help=f"images of {orient} sections")
    parser.add_argument("--labels", default=None, help="gray values of phases 1, 2, ... (default: as calibrated, or found)")
    parser.add_argument("--pixel", type=float, default=None, help="pixel length in micrometres (default: as calibrated)")
    parser.add_argument("--phases", default="", help="names of the phases, separated by commas")
    parser.add_argument("--picture", metavar="PNG", help="also write the sections, data left and twin right, as one picture")
    parser.add_argument("--title", default="exset report")
    parser.add_argument("--remark", default="", help="a word on the material, below the title")
    args = parser.parse_args()

    results = read_all(args.inputs)
    names = [n.strip() for n in args.phases.split(",") if n.strip()]
    source = results.model or results.coverage
    labels = [int(v) for v in numbers(args.labels or used(source, "image_labels"))]
    pixel = args.pixel or (numbers(used(source, "voxel_size")) or [None])[0]
    if pixel is None:
        pixel = float(results.twin.spacing[0]) if results.twin is not None else 1.0
    sections = {o: read_sections(getattr(args, o) or sections_from_json(results, o), labels) for o in ("xy", "xz", "yz")}
    if args.picture:
        write_picture(args.picture, results, sections, pixel)
    output = args.output
    if output is None:
        output = os.path.join(args.inputs[0] if os.path.isdir(args.inputs[0]) else ".", "report.html")
    page = make_page(results, sections, pixel, names, args.title, args.remark)
    temporary = output + ".part"
    try:
        with open(temporary, "w", encoding="utf-8") as f:
            f.write(page)
        os.replace(temporary, output)
    except OSError as error:
        style.fail(f"{output} cannot be written: {style.reason(error)}")


if __name__ == "__main__":
    main()
