#!/usr/bin/env python3
# test: time=180
"""exset validate: sections of a twin agree with its model and not with another; the same figures for all rank counts; case
files, masks, reference volumes, pictures; mistakes are one line and exit code 2."""
import math
import os
import subprocess
import sys

import h5py
import numpy as np
from PIL import Image

from lib import TMP, bad, check, end, good, read_json

LABELS = np.array([255, 0, 85, 170], np.uint8)  # mask, phases 1, 2, 3


def path(name):
    return os.path.join(TMP, name)


def write_model(name, scale=1.0, fraction=0.4):
    with open(path(name), "w") as f:
        f.write(f"""field1: {{type: gaussian, fraction: {fraction}, family: matern, nu: 1.5,
         length_xy: {1.5 * scale}, length_z: {1.0 * scale}}}
field2: {{type: chi_square, dof: 2, fraction: 0.35, family: gaussian, length_xy: {scale}, length_z: {0.8 * scale}}}
""")


def rows_of(result, figure, phase=None):
    return [r for r in result["rows"] if r["figure"] == figure and phase in (None, r["phase"])]


write_model("model.yaml")
write_model("coarse.yaml", scale=1.2)
write_model("far.yaml", scale=1.8)
good("generate", 2, "model.yaml", "-size", "72,180,180", "-voxel_size", "0.25", "-realisations", "4", "-seed", "41", "-o",
     "twin.vtkhdf", "-verbosity", "0")
xy, xz = [], []
for r in range(1, 5):
    with h5py.File(path(f"twin-{r:04d}.vtkhdf")) as file:
        phase = file["VTKHDF/CellData/phase"][()]
    for plane in range(2):
        xy.append(f"xy{r}{plane}.png")
        Image.fromarray(LABELS[phase[36 * plane]]).save(path(xy[-1]))
        xz.append(f"xz{r}{plane}.png")
        Image.fromarray(LABELS[phase[:, 90 * plane]]).save(path(xz[-1]))
common = ["-image_labels", "0,85,170", "-voxel_size", "0.25"]
orientation = ",".join(["xy"] * len(xy) + ["xz"] * len(xz))
setup = ["-data", ",".join(xy + xz), "-orientation", orientation, *common]

# its own model: scores of chance (of 40 seeds of such cases the RMS was 0.72 to 1.64)
r = good("validate", 2, "-model", "model.yaml", *setup, "-o", "right.json")
j = read_json("right.json")
total = j["total"]
check(f"RMS z {total['rms_z']}", 0.6 < total["rms_z"] < 1.7)
check(f"{total['beyond_2']} of {total['rows']} beyond 2", total["beyond_2"] <= 0.2 * total["rows"])
check("expected number", abs(total["beyond_2_expected"] - 0.05 * total["rows"]) < 1e-9)
check(r.stdout, "may well be of this model" in r.stdout and "RMS" in r.stdout and len(r.stdout.splitlines()) < 40)
check("remark", j["remark"] in r.stdout)
figures = {row["figure"] for row in j["rows"]}
check(str(figures), figures == {
    "fraction", "boundary", "clusters", "largest_cluster", "spanning", "chord_mean_x", "chord_mean_y", "chord_mean_z",
    "chord_mean_r", "chord_distribution_x", "chord_distribution_y", "chord_distribution_z", "chord_distribution_r",
    "coverage", "coverage_r", "coverage_z"})
check("orientations", {row["orientation"] for row in j["rows"]} == {"xy", "xz"})
check("pairs", {row["phase"] for row in rows_of(j, "coverage")} == {"11", "12", "13", "22", "23", "33"})
for row in j["rows"]:
    if row["sd"]:
        check(str(row), math.isclose(row["z"], (row["data"] - row["model"]) / row["sd"], rel_tol=1e-9, abs_tol=1e-9))
pixels = np.array([np.asarray(Image.open(path(name))) for name in xy])
for k in range(3):
    row = [row for row in rows_of(j, "fraction", str(k + 1)) if row["orientation"] == "xy"][0]
    check(f"fraction {row}", abs(row["data"] - np.mean(pixels == LABELS[k + 1])) < 1e-12)
check(str(j["sections"]), [s["sections"] for s in j["sections"]] == [8, 8] and
      [s["realisations"] for s in j["sections"]] == [32, 32] and j["sections"][0]["box"][0] >= 180 + 5 * 6)
curve = [c for c in j["curves"] if c["figure"] == "coverage" and c["phase"] == "11" and c["direction"] == "radial"][0]
check("coverage curve", curve["lengths"][0] == 0 and abs(curve["data"][0] - np.mean(pixels == 0)) < 1e-12 and
      len(curve["sd"]) == len(curve["lengths"]) and 0 < curve["rms"] < 0.03)
curve = [c for c in j["curves"] if c["figure"] == "chords" and c["phase"] == "2" and c["direction"] == "z"][0]
check("chord curve", abs(curve["data"][-1] - 1) < 1e-12 and curve["lengths"][0] == 0.25 and
      all(a <= b for a, b in zip(curve["model"], curve["model"][1:])))
for name, rows in (("right_sections_xy.png", 180), ("right_sections_z.png", 72)):
    picture = np.asarray(Image.open(path(name)))
    check(f"{name}: {picture.shape}", picture.shape == (3 * rows + 16, 2 * 180 + 8))
    check("gray values of three phases and white", sorted(set(picture.ravel())) == [40, 132, 225, 255])
left = np.asarray(Image.open(path("right_sections_xy.png")))[:180, :180]
check("data are left", np.array_equal(left == 40, pixels[0] == 0))

plot = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "postprocess", "plot_validate.py")
r = subprocess.run([sys.executable, "-B", plot, "right.json", "-o", "figure"], cwd=TMP, capture_output=True, text=True)
sizes = [os.path.getsize(path(f"figure_{f}_{o}.{e}")) if r.returncode == 0 else 0
         for f in ("coverage", "chords") for o in ("xy", "xz") for e in ("png", "pdf")]
check(f"plot_validate.py: {r.returncode} {sizes} {r.stderr}", min(sizes) > 10000)

# lengths 20 % off
good("validate", 1, "-model", "coarse.yaml", *setup, "-o", "wrong.json")
j = read_json("wrong.json")
beyond = [row for row in j["rows"] if abs(row["z"]) > 3]
check(f"{len(beyond)} rows beyond 3, RMS {j['total']['rms_z']}", len(beyond) >= 20 and j["total"]["rms_z"] > 4)
check(j["remark"], "not within the model's scatter" in j["remark"] and "boundary lengths" in j["remark"].split("within:")[0])
check("finer than the model", all(row["z"] > 3 for row in rows_of(j, "boundary", "1")))

# the same for any number of ranks, to the last bit; another seed draws other sections
first = read_json("right.json")
for ranks in (1, 3):
    good("validate", ranks, "-model", "model.yaml", *setup, "-o", "many.json")
    many = read_json("many.json")
    for key in ("rows", "curves", "total", "remark"):
        check(f"{key} differ on {ranks} ranks", many[key] == first[key])
    check("pictures", open(path("many_sections_z.png"), "rb").read() == open(path("right_sections_z.png"), "rb").read())
good("validate", 2, "-model", "model.yaml", *setup, "-seed", "2", "-validate_realisations", "8", "-o", "other.json")
j = read_json("other.json")
check("realisations", j["sections"][0]["realisations"] == 8)
check("seed", j["rows"][0]["model"] != first["rows"][0]["model"] and j["rows"][0]["data"] == first["rows"][0]["data"])

# the sections of a case; its own fields give way to the model's; the model may be the case
os.mkdir(path("case"))
with open(path("case/case.yaml"), "w") as f:
    f.write(f"""image_labels: [0, 85, 170]
voxel_size: 0.25
model: ../model.yaml
sections_xy: [{', '.join('../' + name for name in xy)}]
sections_xz: [{', '.join('../' + name for name in xz)}]
field1: {{type: chi_square, dof: 5, length_xy: 9, coupling: 0}}
field3: {{fraction: 0.5, length_xy: 1}}
""")
good("validate", 2, "case/case.yaml", "-o", "case.json")
check("a case's sections", read_json("case.json")["rows"] == first["rows"])
check("inputs", any("model.yaml" in name for name in read_json("case.json")["inputs"]))
good("validate", 1, "case/case.yaml", "-model", "coarse.yaml", "-data", xy[0], "-max_lag", "3", "-o", "one.json")
j = read_json("one.json")
check("-data alone, one section", [s["sections"] for s in j["sections"]] == [1] and j["max_lag"] == 3)
good("validate", 2, "model.yaml", *xy, *xz, "-orientation", orientation, *common, "-o", "inputs.json")
check("model as case, sections as inputs", read_json("inputs.json")["rows"] == first["rows"])

# a mask: the same pixels are left out of the model's sections
masked = []
for name in xy:
    image = np.array(Image.open(path(name)))
    image[:, 60:100] = 255
    masked.append("masked_" + name)
    Image.fromarray(image).save(path(masked[-1]))
good("validate", 2, "-model", "model.yaml", "-data", ",".join(masked), *common, "-image_mask", "255", "-o", "masked.json")
j = read_json("masked.json")
check(f"RMS z with a mask {j['total']['rms_z']}", 0.5 < j["total"]["rms_z"] < 1.7)
picture = np.asarray(Image.open(path("masked_sections_xy.png")))
check("mask in the model's sections", (picture[:180, 248:288] == 0).all() and (picture[:180, 60:100] == 0).all() and
      (picture[:180, 288:] > 0).all())
check("a crack cuts clusters", all(abs(row["z"]) < 4 for row in rows_of(j, "spanning")))

# reference volumes
reference = ["-data", ",".join(xy[:2]), *common, "-validate_realisations", "4", "-max_lag", "4"]
for model, limits in (("model.yaml", (0, 2.5)), ("far.yaml", (3, 99))):
    good("validate", 2, "-model", model, *reference, "-reference", "twin-0002.vtkhdf", "-o", "volume.json")
    j = read_json("volume.json")
    z = [row["z"] for row in j["rows"] if row["orientation"] == "volume"]
    rms = math.sqrt(np.mean(np.square(z)))
    check(f"reference volume, {model}: RMS z {rms} of {len(z)}", len(z) == 9 and limits[0] <= rms < limits[1])
    check("curves", len([c for c in j["curves"] if c["orientation"] == "volume"]) == 12 and j["twin_size"][0] >= 64)
good("validate", 3, "-model", "far.yaml", *reference, "-reference", "twin-0002.vtkhdf", "-o", "volume3.json")
for a, b in zip(j["rows"], read_json("volume3.json")["rows"]):
    check(f"{a} on 3 ranks {b}", math.isclose(a["data"], b["data"], rel_tol=1e-3, abs_tol=1e-5))

# a plan only
r = good("validate", 2, "-model", "model.yaml", *setup, "-dry_run", "-o", "dry.json")
check(r.stdout, "16 sections (xy 8, xz 8, yz 0), 3 phases" in r.stdout and not os.path.exists(path("dry.json")))

# mistakes
write_model("two.yaml")
text = open(path("two.yaml")).read().split("field2")[0]
with open(path("two.yaml"), "w") as f:
    f.write(text)
with open(path("broken.yaml"), "w") as f:
    f.write("field1: {fraction: [\n")
Image.fromarray(LABELS[np.arange(1, 101).reshape(10, 10) % 3 + 1]).save(path("small.png"))
one = ["-data", xy[0], *common]
for ranks in (1, 3):
    bad("validate", ranks, "missing.yaml", "-model", "missing.yaml", *one)
    bad("validate", ranks, "missing.png", "-model", "model.yaml", "-data", "missing.png", *common)
    bad("validate", ranks, "the model has 2 phases", "-model", "two.yaml", *one)
    bad("validate", ranks, "missing.vtkhdf", "-model", "model.yaml", *one, "-reference", "missing.vtkhdf")
bad("validate", 1, "not valid YAML", "-model", "broken.yaml", *one)
bad("validate", 1, "no section given", "-model", "model.yaml", *common)
bad("validate", 2, "0 fields", *one)
bad("validate", 1, "at least 16 are needed", "-model", "model.yaml", "-data", "small.png", *common)
bad("validate", 1, "max_lag", "-model", "model.yaml", *one, "-max_lag", "40")
bad("validate", 1, "orientation", "-model", "model.yaml", *one, "-orientation", "xy,xz")
bad("validate", 1, "validate_realisations", "-model", "model.yaml", *one, "-validate_realisations", "2")
bad("validate", 2, "nowhere", "-model", "model.yaml", *one, "-o", "nowhere/v.json")
bad("validate", 1, "needs them equal", "-model", "model.yaml", *one[:4], "-voxel_size", "0.25,0.25,0.3")
bad("validate", 1, "the nearest known key is -validate_twins", "-model", "model.yaml", *one, "-validate_twin", "3")
end()
