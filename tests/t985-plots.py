"""Plots: the common style (curves told apart without colour, saving as a whole or not at all, one line for mistakes), and
plot_morph.py, whose curves and points are the numbers of exset morph."""
# test: time=120
import glob
import os
import subprocess
import sys

from lib import TMP, check, end, good, mistake, read_json

sys.path.insert(0, "postprocess")
try:
    import numpy as np
    import plot_morph
    from PIL import Image
    import style
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)


def script(name, *arguments):
    path = os.path.abspath(f"postprocess/{name}")
    return subprocess.run([sys.executable, path, *arguments], cwd=TMP, capture_output=True, text=True)


def luminance(colour):
    return np.dot([0.2126, 0.7152, 0.0722], [(int(colour[i:i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)])


# style: in gray print
looks = [style.curve(k, 40) for k in range(7)]
check("seven curves have seven lines", len({str(look["linestyle"]) for look in looks}) == 7)
check("seven curves have seven markers", len({look["marker"] for look in looks}) == 7)
grays = [luminance(colour) ** (1 / 2.2) for colour in style.PHASE_COLOURS[:4]]
apart = min(abs(a - b) for i, a in enumerate(grays) for b in grays[:i])
check(f"the grays of four phases are {apart:.3f} apart", apart > 0.05)

# style: saving
figure, axes = style.panels(5, columns=2)
check(f"panels {len(axes)}, {len(figure.axes)}, width {figure.get_size_inches()}", len(axes) == len(figure.axes) == 5 and
      figure.get_size_inches()[0] == style.PAGE)
for axis in axes:
    axis.plot([0, 1], [0, 1], label="a", **style.curve(0))
style.legend(figure, axes, least=1)
check("one legend, one label", [len(legend.get_texts()) for legend in figure.legends] == [1])
names = [style.save(figure, os.path.join(TMP, "new", stem)) for stem in ("a", "b")]
contents = [[open(name, "rb").read() for name in pair] for pair in names]
check("PNG and PDF", contents[0][0][:4] == b"\x89PNG" and contents[0][1][:4] == b"%PDF")
check("equal figures give equal files", contents[0] == contents[1])
os.mkdir(os.path.join(TMP, "new", "c.pdf"))  # cannot be replaced by a file
said = mistake(lambda: style.save(style.panels(1)[0], os.path.join(TMP, "new", "c")))
check(f"one line: {said}", "cannot be written" in said)
check("nothing is left behind", not glob.glob(os.path.join(TMP, "new", "*.part")))

# plot_morph.py
with open(os.path.join(TMP, "model.yaml"), "w") as out:
    out.write("field1: {fraction: 0.25, length_xy: 0.6}\nfield2: {fraction: 0.5, length_xy: 0.8}\n")
for seed in ("1", "2"):
    good("generate", 1, "model.yaml", "-size", "24", "-voxel_size", "0.1", "-seed", seed, "-o", f"v{seed}.vtkhdf")
    good("morph", 1, f"v{seed}.vtkhdf", "-morph_descriptors", "fraction,percolation,tortuosity,contact", "-o", f"m{seed}.json")
done = script("plot_morph.py", "m1.json", "m2.json", "--labels", "data,twin", "-o", "pictures/both.png")
wanted = {f"both_{part}.{ending}" for part in ("distributions", "figures") for ending in ("png", "pdf")}
check(f"plot_morph.py: {done.returncode} {done.stderr[-300:]}", done.returncode == 0 and
      set(os.listdir(os.path.join(TMP, "pictures"))) == wanted)

sets = [("data", read_json("m1.json")), ("twin", read_json("m2.json"))]
figure = plot_morph.draw_distributions(sets, [1, 2, 3], ["x", "z"])
panels = figure.axes  # two rows, paths and contact, of three phases
check(f"{len(panels)} panels with {[len(panel.lines) for panel in panels]} curves", len(panels) == 6 and
      all(len(panel.lines) <= 4 for panel in panels[:3]) and all(len(panel.lines) == 2 for panel in panels[3:]))
for number, panel in enumerate(panels[3:]):
    for line, (_, data) in zip(panel.lines, sets):
        block = data["distributions"][number]["contact"]
        check("a curve is the file's", np.allclose(line.get_xdata(), block["edges"]) and np.allclose(line.get_ydata(), block["below"]))
figure = plot_morph.draw_figures(sets, [1, 2, 3])
titles = [panel.get_title("left") for panel in figure.axes]
check(f"panels {titles}", titles == ["volume fraction", "percolating", "dead ends", "isolated", "reach of paths",
                                     "geodesic tortuosity", "contact distance / µm"])
for panel, key in zip(figure.axes, ("volume_fraction", None, None, None, None, None, "contact_mean")):
    if key:
        drawn = sorted(float(y) for line in panel.lines for y in line.get_ydata())
        true = sorted(phase[key] for _, data in sets for phase in data["phases"])
        check(f"{key}: {drawn} {true}", np.allclose(drawn, true))
        low, high = panel.get_ylim()
        check(f"{key} within {low}, {high}", low < 0 and high > max(true))

# the program's pictures have the same colours
good("section", 1, "v1.vtkhdf", "-section_plane", "z=2", "-section_colours", "true", "-o", "section.png")
palette = Image.open(os.path.join(TMP, "section.png")).getpalette()
for number, colour in enumerate(style.PHASE_COLOURS[:3], 1):
    check(f"colour of phase {number}", palette[3 * number:3 * number + 3] == [int(colour[i:i + 2], 16) for i in (1, 3, 5)])

# mistakes
with open(os.path.join(TMP, "other.json"), "w") as out:
    out.write("{}")
for words, arguments in (("no phase 4; there are 1, 2, 3", ("m1.json", "--phases", "4")), ("3 labels for 1 files", ("m1.json", "--labels", "a,b,c")),
                         ("is not a result of exset morph", ("other.json",)), ("cannot be read", ("none.json",))):
    sys.argv = ["plot_morph.py", os.path.join(TMP, arguments[0]), *arguments[1:]]
    said = mistake(plot_morph.main)
    check(f"{arguments}: {said}", said.startswith("plot_morph.py: ") and words in said)
end()
