"""What the plots of this folder share: one look, one layout of panels, one command line, one way of saving.

Figures are as wide as a page's text (7 in, 178 mm) or a column (3.4 in, 86 mm) with letters of 8 points: to be put into a paper
without scaling. Curves differ in colour (Okabe and Ito's, which colour-blind eyes tell apart), line and marker, so that they
also differ in gray print. A script reads as

    arguments = style.parse(style.parser(__doc__, "JSON files of exset coverage", "coverage"))
    sets = [(label, style.read_json(path, "exset coverage", "lags")) for path, label in style.labelled(arguments)]
    figure, axes = style.panels(len(pairs))
    axes[0].plot(x, y, label=label, **style.curve(0, len(x)))
    style.legend(figure, axes)
    style.report_written(style.save(figure, arguments.output))
"""
import argparse
import csv
import difflib
import json
import os
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from colours import CURVE_COLOURS, GRID, INK, MUTED, PHASE_COLOURS  # noqa: E402, F401 (for those who import this module)

PAGE, COLUMN = 7.0, 3.4  # widths of figures, in
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
LINES = ["-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.2, 1.2)), (0, (8, 2)), (0, (5, 1, 1, 1, 1, 1)), (0, (2.5, 1.2))]
DOTTED = (0, (1, 2))  # lines that guide the eye

plt.rcParams.update({
    "font.family": "sans-serif", "font.size": 8, "axes.titlesize": 8.5, "axes.titlelocation": "left", "axes.labelsize": 8,
    "xtick.labelsize": 7.5, "ytick.labelsize": 7.5, "legend.fontsize": 8, "legend.title_fontsize": 8,
    "axes.edgecolor": MUTED, "axes.labelcolor": INK, "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5,
    "xtick.minor.width": 0.4, "ytick.minor.width": 0.4, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.5, "axes.axisbelow": True, "lines.linewidth": 1.3,
    "lines.markersize": 3, "legend.frameon": False, "legend.handlelength": 2.4, "svg.fonttype": "path", "pdf.fonttype": 42,
    "figure.constrained_layout.h_pad": 0.045, "figure.constrained_layout.w_pad": 0.045,
})


# ---- command line --------------------------------------------------------------------------------
def fail(message):
    """One line on stderr and exit code 2, like exset."""
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(2)


def reason(error):
    """Of an exception, without the file's name."""
    return getattr(error, "strerror", None) or error


def count(text):
    """Type of an argument: 1, 2, ..."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"\"{text}\" is not 1 or more")
    return int(text)


def parser(doc, inputs, output, nargs="+"):
    """Arguments of a plot, `input... -o name`, to which a script adds its own. `inputs` says what the files are, `output` is
    the name that is taken without -o. nargs "+": several files, with --labels; None: one file."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("inputs" if nargs else "input", nargs=nargs, metavar="input", help=inputs)
    made.add_argument("-o", "--output", metavar="NAME", default=output, help=f"writes NAME.png and NAME.pdf [{output}]")
    if nargs:
        made.add_argument("--labels", help="names of the inputs, separated by commas [their file names]")
    return made


def parse(made, arguments=None):
    """Parse; arguments.output loses an ending .png or .pdf, arguments.labels becomes a list as long as the inputs."""
    found = made.parse_args(arguments)
    found.output = os.path.splitext(found.output)[0] if found.output.endswith((".png", ".pdf")) else found.output
    if hasattr(found, "labels"):
        stems = [os.path.splitext(os.path.basename(path))[0] for path in found.inputs]
        found.labels = found.labels.split(",") if found.labels else stems
        if len(found.labels) != len(found.inputs):
            fail(f"{len(found.labels)} labels for {len(found.inputs)} files")
    return found


def labelled(arguments):
    """[(path, label)] of the inputs."""
    return list(zip(arguments.inputs, arguments.labels))


def one_of(wanted, known, what):
    """Items of a text "a,b" (or of None: all known); all have to be known."""
    items = wanted.split(",") if wanted else list(known)
    for item in items:
        if item not in known:
            near = difflib.get_close_matches(item, known, 3, 0.4) if len(known) > 20 else known
            fail(f"no {what} {item}; there are {', '.join(near or list(known)[:3])}{', ...' if len(near) < len(known) else ''}")
    return items


# ---- reading -------------------------------------------------------------------------------------
def read_json(path, command, *keys):
    """A JSON object that has the keys, as `command` writes it."""
    try:
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
    except (OSError, ValueError) as error:
        fail(f"{path} cannot be read: {reason(error)}")
    if not isinstance(data, dict) or not all(data.get(key) for key in keys):
        fail(f"{path} is not a result of {command}")
    return data


def read_csv(path, command, *columns):
    """{column: list of texts} of a table with one line of names that has the columns; lines of "#" are left out."""
    try:
        with open(path, encoding="utf-8", newline="") as f:
            rows = [row for row in csv.reader(f) if row and not row[0].startswith("#")]
    except (OSError, ValueError, csv.Error) as error:
        fail(f"{path} cannot be read: {reason(error)}")
    if not rows or any(column not in rows[0] for column in columns) or any(len(row) != len(rows[0]) for row in rows):
        fail(f"{path} is not a result of {command}")
    return {name: list(column) for name, column in zip(rows[0], list(zip(*rows[1:])) or [()] * len(rows[0]))}


def values(items):
    """Numbers of JSON or of a table as an array: null, "" and texts that are no numbers become NaN."""
    def number(item):
        try:
            return float(item)
        except (TypeError, ValueError):
            return np.nan
    return np.array([number(item) for item in items], float)


# ---- drawing -------------------------------------------------------------------------------------
def curve(k, points=0):
    """Look of the k-th curve: colour, line and marker, on about ten of its `points` (0: no markers), shifted from curve to curve."""
    look = {"color": CURVE_COLOURS[k % len(CURVE_COLOURS)], "linestyle": LINES[k % len(LINES)]}
    if points:
        step = max(1, points // 10)
        look.update(marker=MARKERS[k % len(MARKERS)], markersize=3, markevery=(k * step // 4 % step, step))
    return look


def dots(k):
    """Look of the k-th set of points without a line, the second ones open: they stay apart in gray."""
    colour = CURVE_COLOURS[k % len(CURVE_COLOURS)]
    return {"color": colour, "linestyle": "none", "marker": MARKERS[k % len(MARKERS)], "markersize": 3,
            "markerfacecolor": "white" if k % 2 else colour, "markeredgewidth": 0.8}


def panels(n, columns=3, height=1.75, width=None, **subplots):
    """Figure with n panels in rows of at most `columns`, each `height` in high; returns (figure, list of n axes). The width is
    that of a column for one panel, else of a page, or as given; `subplots` goes to plt.subplots (sharex, sharey, ...)."""
    columns = min(columns, n)
    rows = -(-n // columns)
    width = width or (COLUMN if columns == 1 else PAGE)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height * rows), squeeze=False, layout="constrained", **subplots)
    for axis in axes.flat[n:]:
        axis.remove()
    axes = list(axes.flat[:n])
    for axis in axes[max(0, n - columns):]:  # the lowest of each column, also where the last row is not full
        axis.tick_params(labelbottom=True)
    return figure, axes


def lowest(axes, columns=3):
    """The axes of panels() that have none below."""
    return axes[max(0, len(axes) - columns):]


def legend(figure, axes, columns=4, least=2):
    """One legend above all panels, each label once; none where there are fewer than `least` labels."""
    found = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels()):
            found.setdefault(label, handle)
    if len(found) >= least:
        figure.legend(found.values(), found.keys(), loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.2,
                      ncols=min(columns, len(found)), columnspacing=1.6)


# ---- writing -------------------------------------------------------------------------------------
def save(figure, stem):
    """Write stem.png (300 dpi) and stem.pdf, in a new folder where there is none yet; return their names. Both are written
    under other names first: a reader never sees half a picture. Equal figures give equal files."""
    names = [f"{stem}.png", f"{stem}.pdf"]
    metadata = {".png": None, ".pdf": {"CreationDate": None}}
    try:
        os.makedirs(os.path.dirname(stem) or ".", exist_ok=True)
        for name in names:
            ending = name[-4:]
            figure.savefig(name + ".part", format=ending[1:], dpi=300, bbox_inches="tight", pad_inches=0.03,
                           metadata=metadata[ending])
        for name in names:
            os.replace(name + ".part", name)
    except OSError as error:
        fail(f"{stem} cannot be written: {reason(error)}")
    finally:
        for name in names:
            if os.path.exists(name + ".part"):
                os.remove(name + ".part")
        plt.close(figure)
    return names


def report_written(names):
    print("wrote " + " ".join(names))
