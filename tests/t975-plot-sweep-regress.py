#!/usr/bin/env python3
# test: time=180
"""postprocess/plot_regress.py and plot_sweep.py: one panel for each law, the scatter matrix of a table; pictures that are not
blank and show points where they belong; mistakes are one line."""
import os
import subprocess
import sys

from lib import TMP, check, end, good, mistake
from regress_table import write_table

try:
    import matplotlib  # noqa: F401
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(0)
sys.path.insert(0, os.path.abspath("postprocess"))
import plot_regress  # noqa: E402
import plot_sweep  # noqa: E402
import style  # noqa: E402


def path(name):
    return os.path.join(TMP, name)


def panels(script, *arguments, write=False):
    """The figure that the script's main() saves, in this process; written only if wanted."""
    kept, save = [], style.save
    style.save = lambda figure, stem: (kept.append(figure), save(figure, stem) if write else [stem])[1]
    before, sys.argv = sys.argv, [script.__file__, *arguments]
    try:
        script.main()
    finally:
        style.save, sys.argv = save, before
    return kept[0]


def bad(script, words, *arguments):
    """main() must end with one line that has the words."""
    said = mistake(lambda: panels(script, *arguments))
    check(f"{script.__name__} {arguments}: {said}", words in said)


def check_picture(name, least):
    """Width in pixels of a page, several colours, a PDF beside it."""
    pixels = np.asarray(Image.open(path(f"{name}.png")).convert("RGB")).astype(int)
    dark = (pixels.min(axis=-1) < 128).mean()
    coloured = (np.ptp(pixels, axis=-1) > 60).mean()
    check(f"{name}: size {pixels.shape}", 1900 < pixels.shape[1] < 2300 and pixels.shape[0] > least)
    check(f"{name}: {dark:.4f} dark, {coloured:.4f} coloured", 0.002 < dark < 0.4 and 0.002 < coloured < 0.6)
    with open(path(f"{name}.pdf"), "rb") as file:
        check(f"{name}: no PDF", file.read(5) == b"%PDF-")


rows = write_table("sweep.csv")
good("regress", 1, "sweep.csv", "-o", "fit.json", "-regress_groups", "pooled,phase")

# ---- regress: 5 forms, 4 published laws
figure = panels(plot_regress, path("fit.json"), "-o", path("all"), write=True)
check(f"{len(figure.axes)} panels", len(figure.axes) == 9)
check_picture("all", 1500)
texts = [text.get_text() for axis in figure.axes for text in axis.texts]
check(f"texts {texts}", sum("R^2" in text and "MAPE" in text for text in texts) == 9 and sum("CV" in text for text in texts) == 5)
simulated = sorted(row[f"phase{p}_m_factor_{axis}"] for row in rows if row["status"] == "done" for p in (1, 2) for axis in "xyz")
for axis in figure.axes:
    drawn = sorted(x for line in axis.lines for x in line.get_xdata() if line.get_marker() not in ("None", "", None))
    check(f"{len(drawn)} points", np.allclose(drawn, simulated))
published = figure.axes[7]  # stenzel2016
expected = {round(row[f"phase{p}_m_factor_{a}"], 12): row[f"phase{p}_volume_fraction"] * row[f"phase{p}_constrictivity_{a}"] ** 0.36 /
            row[f"phase{p}_geodesic_tortuosity_{a}"] ** 5.17 for row in rows if row["status"] == "done" for p in (1, 2) for a in "xyz"}
pairs = [(x, y) for line in published.lines if line.get_marker() not in ("None", "", None) for x, y in zip(*line.get_data())]
check("points of the published law", len(pairs) == len(expected) and
      all(abs(expected[round(x, 12)] / y - 1) < 1e-9 for x, y in pairs))
figure = panels(plot_regress, path("fit.json"), "-o", path("two.png"), "--laws", "power_absolute,tau2", "--group", "phase 2",
                "--colour", "axis", "--scale", "linear")
check("two panels", len(figure.axes) == 2)
check(f"legend {figure.legends}", [t.get_text() for t in figure.legends[0].get_texts()] == ["within 10 %", "axis x", "axis y", "axis z"])

# own predictors
good("regress", 1, "sweep.csv", "-o", "own.json", "-regress_predictors", "volume_fraction,field1_length_xy", "-regress_published",
     "false")
figure = panels(plot_regress, path("own.json"), "-o", path("own"))
check("own predictors", len(figure.axes) == 1 and "x_2^" in figure.axes[0].get_title(loc="left") and
      any("volume fraction: " in text.get_text() for text in figure.axes[0].texts))

# ---- sweep: 2 keys, 2 M-factors along z
figure = panels(plot_sweep, path("sweep.csv"), "-o", path("matrix"), write=True)
check(f"{len(figure.axes)} panels", len(figure.axes) == 16)
check_picture("matrix", 1900)
labels = [axis.get_xlabel().replace("\n", " ") for axis in figure.axes[12:]]
check(f"labels {labels}", labels == ["field 1 length xy", "field 1 fraction", "phase 1 M-factor, z", "phase 2 M-factor, z"])
done = [row for row in rows if row["status"] == "done"]
x, y = ([row[name] for row in done] for name in ("field1_length_xy", "phase1_m_factor_z"))
line = figure.axes[8].lines[0]
check("points of the sweep", np.allclose(line.get_xdata(), x) and np.allclose(line.get_ydata(), y))
fraction, m = ([row[name] for row in done] for name in ("field1_fraction", "phase1_m_factor_z"))
rank = [np.argsort(np.argsort(values)) for values in (fraction, m)]
check("rank correlation", figure.axes[6].texts[0].get_text() == f"{np.corrcoef(*rank)[0, 1]:.2f}")
check("failed samples are no crosses", any(line.get_marker() == "x" and len(line.get_xdata()) == 2 for line in figure.axes[4].lines))
ends, bars = figure.axes[8].get_ylim(), [row["phase1_m_factor_z_sd"] for row in done]
check(f"bars are cut off at {ends}", ends[0] < min(np.subtract(y, bars)) and max(np.add(y, bars)) < ends[1])
check("equal values", np.allclose(plot_sweep.ranks(np.array([3.0, 1.0, 3.0, 2.0])), [2.5, 0, 2.5, 1]))
figure = panels(plot_sweep, path("sweep.csv"), "-o", path("small"), "--keys", "field1_fraction", "--figures",
                "phase1_constrictivity_x,phase1_geodesic_tortuosity_x")
check("nine panels", len(figure.axes) == 9)

# ---- mistakes, and a run from the shell
bad(plot_regress, "cannot be read", path("none.json"))
bad(plot_regress, "no law cubic", path("fit.json"), "--laws", "cubic")
bad(plot_sweep, "no column x", path("sweep.csv"), "--figures", "x")
bad(plot_sweep, "no column phase1_m_factr_z; there are phase1_m_factor_z,", path("sweep.csv"), "--figures", "phase1_m_factr_z")
bad(plot_sweep, "not a result", path("fit.csv"))
script = os.path.abspath("postprocess/plot_regress.py")
ended = subprocess.run([sys.executable, script, "fit.json", "-o", "shell", "--laws", "power_log"], cwd=TMP, capture_output=True, text=True)
check(f"from the shell: {ended}", ended.returncode == 0 and ended.stdout == "wrote shell.png shell.pdf\n" and
      os.path.exists(path("shell.png")))
end()
