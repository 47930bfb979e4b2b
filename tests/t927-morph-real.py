#!/usr/bin/env python3
# test: time=180
"""exset morph on a measured stack of three phases: fractions and percolating shares against the file and exset conduct; what
holds for any structure."""
import os
import sys

import numpy as np
from PIL import Image

from lib import TMP, check, end, good, read_json

DATA = os.environ.get("EXSET_DATA", "../shared/data")
stack = os.path.abspath(os.path.join(DATA, "sofc", "stack.tif"))
if not os.path.exists(stack):
    print("skipped: sofc/stack.tif is not at hand")
    sys.exit(0)
with Image.open(stack) as image:
    volume = np.array([np.array(image) for page in range(image.n_frames) if not image.seek(page)])
volume = volume[:40, :48, :56].copy()
volume.tofile(os.path.join(TMP, "v.raw"))
grays = [0, 127, 254]
raw = ["v.raw", "-raw_size", "40,48,56", "-image_labels", "0,127,254", "-voxel_size", "0.1", "-verbosity", "0"]
good("morph", 2, *raw, "-o", "m.json")
good("conduct", 1, *raw, "-conduct_phases", "all", "-conduct_rtol", "1e-2", "-o", "c.json")
j, runs = read_json("m.json"), read_json("c.json")["runs"]
for p, gray in zip(j["phases"], grays):
    name = f"gray {gray}: "
    fraction = (volume == gray).mean()
    check(f"{name}fraction {p['volume_fraction']}, {fraction}", abs(p["volume_fraction"] - fraction) < 1e-12)
    check(f"{name}interval {p['volume_fraction_ci95']}", 0.005 < p["volume_fraction_ci95"] < 0.5)
    for axis in "xyz":
        run = next(r for r in runs if r["axis"] == axis and r["sigma"][p["phase"] - 1] == 1)
        share = run["percolating_fraction"] / fraction
        check(f"{name}percolating along {axis} {p['percolating_fraction'][axis]}, {share} by conduct",
              abs(p["percolating_fraction"][axis] - share) < 1e-9)
        tau = p["geodesic_tortuosity"][axis]
        check(f"{name}tortuosity along {axis} {tau}: no less than 1, not beyond that of currents ({run['tortuosity_factor']})",
              tau is None or 1 <= tau and (run["tortuosity_factor"] is None or tau ** 2 <= run["tortuosity_factor"]))
        check(f"{name}r_min {p['r_min'][axis]}, r_max {p['r_max']}", 0 <= p["r_min"][axis] <= p["r_max"])
    # faces of voxels are 3/2 of the area of a smooth interface; of a coarse one lines of cells miss more
    faces = sum((a != b)[(a == gray) | (b == gray)].sum() for a, b in (
        (volume[1:], volume[:-1]), (volume[:, 1:], volume[:, :-1]), (volume[:, :, 1:], volume[:, :, :-1])))
    faces = faces / volume.size / 0.1
    check(f"{name}area {p['specific_surface_area']}, faces of voxels {faces}", 0.5 * faces < p["specific_surface_area"] < 0.95 * faces)
    chord = np.mean([p["chord_mean"][axis] for axis in "xyz"])
    cauchy = 4 * fraction / p["specific_surface_area"]
    check(f"{name}chord {chord}, 4 fraction / area {cauchy}", 0.6 * cauchy < chord < 1.3 * cauchy)
check("lines", j["boundary_length"]["all"] == j["boundary_length"]["123"] > 0)
end()
