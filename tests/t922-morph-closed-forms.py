#!/usr/bin/env python3
# test: time=120
"""exset morph: all descriptors of a laminate, a channel with a neck, a ball in a matrix and three blocks that meet in a line."""
import math
import os

import numpy as np

from lib import TMP, check, end, good, read_json


def morph(name, volume, voxel, *keys):
    """Phases by number from 0 and the whole of the results."""
    volume.astype(np.uint8).tofile(os.path.join(TMP, name + ".raw"))
    good("morph", 1, name + ".raw", "-raw_size", ",".join(map(str, volume.shape)), "-voxel_size", voxel, "-verbosity", "0",
         "-o", name + ".json", *keys)
    results = read_json(name + ".json")
    return results["phases"], results


def near(what, value, expected, tolerance=1e-6):
    ok = value is None if expected is None else value is not None and abs(value - expected) <= tolerance * max(1, abs(expected))
    check(f"{what}: {value}, expected {expected}", ok)


# ---- layers of 8 voxels of 0.5 um across z: two touch an outer face, two do not
volume = np.repeat([1, 2, 1, 2], 8)[:, None, None] * np.ones((1, 14, 12))
phases, j = morph("laminate", volume, "0.5")
for p in phases:
    name = f"laminate, phase {p['phase']}: "
    near(name + "fraction", p["volume_fraction"], 0.5)
    check(name + "interval", 0 < p["volume_fraction_ci95"] < 1)
    near(name + "area", p["specific_surface_area"], 3 / 15.5, 0.2)
    near(name + "interface", j["interface_area"]["12"], p["specific_surface_area"])
    for axis in "xy":
        near(name + "percolating", p["percolating_fraction"][axis], 1)
        near(name + "tortuosity", p["geodesic_tortuosity"][axis], 1)
        near(name + "tortuosity sd", p["geodesic_tortuosity_sd"][axis], 0)
        near(name + "reach", p["geodesic_reach"][axis], 1)
        near(name + "constrictivity", p["constrictivity"][axis], 1)
        near(name + "chord", p["chord_mean"][axis], None)
    near(name + "dead end", p["dead_end_fraction"]["z"], 0.5)
    near(name + "isolated", p["isolated_fraction"]["z"], 0.5)
    near(name + "tortuosity z", p["geodesic_tortuosity"]["z"], None)
    # balls reach 3.5 voxels between two layers, 7.5 where the outer face does not bound: half of the cells each
    near(name + "r_max", p["r_max"], 7.5 * 0.5)
    near(name + "r_min x", p["r_min"]["x"], 7.5 * 0.5)
    near(name + "r_min z", p["r_min"]["z"], 0)  # one layer filled from one face: a quarter
    near(name + "constrictivity z", p["constrictivity"]["z"], 0)
    near(name + "chord z", p["chord_mean"]["z"], 8 * 0.5)
    near(name + "contact", p["contact_mean"], (2 + 4) / 2 * 0.5)  # from layers between two, and from the outermost
near("laminate: reach z", phases[0]["geodesic_reach"]["z"], 0)
near("laminate: reach z", phases[1]["geodesic_reach"]["z"], None)  # not in the first plane
near("laminate: lines", j["boundary_length"]["all"], 0)
check("laminate: distributions", [d["phase"] for d in j["distributions"]] == [1, 2])
d = j["distributions"][0]
check(f"sizes {d['size']}", sum(d["size"]["counts"]) == volume.size // 2 and d["size"]["at_least"][0] == 1 and
      d["size"]["at_least"][-1] == 0 and d["size"]["edges"][0] == 3.5 * 0.5 and d["size"]["shares"][0] == 0.5)
check(f"intrusion {d['intrusion']}", d["intrusion"]["z"]["at_least"][0] == 0.25 and d["intrusion"]["x"] == d["size"])
check(f"chords {d['chord']}", d["chord"]["x"] is None and d["chord"]["z"]["edges"] == [4, 4.5] and
      d["chord"]["z"]["counts"] == [14 * 12] and d["chord"]["z"]["below"] == [0, 1])
check(f"tortuosity {d['geodesic_tortuosity']}", d["geodesic_tortuosity"]["z"] is None and
      d["geodesic_tortuosity"]["x"]["edges"][0] == 1 and d["geodesic_tortuosity"]["x"]["shares"] == [1])
check("contact", math.isclose(sum(d["contact"]["counts"]), volume.size // 2) and d["contact"]["edges"][0] == 0.25)

# ---- a square channel along z, 9 voxels wide, with a neck of 3 voxels in its middle
volume = np.full((31, 17, 17), 2)
volume[:, 4:13, 4:13] = 1
volume[12:19, 4:13, 4:13] = 2
volume[12:19, 7:10, 7:10] = 1
phases, j = morph("channel", volume, "0.2", "-morph_axis", "z", "-morph_descriptors", "percolation,tortuosity,intrusion")
p = phases[0]
near("channel: percolating", p["percolating_fraction"]["z"], 1)
check(f"channel: axes {p['percolating_fraction']}", set(p["percolating_fraction"]) == {"z"} and "volume_fraction" not in p)
check(f"channel: tortuosity {p['geodesic_tortuosity']['z']}", 1 < p["geodesic_tortuosity"]["z"] < 1.2)
check(f"channel: r_max {p['r_max']}", 3.5 * 0.2 < p["r_max"] <= 4.5 * 0.2)
check(f"channel: r_min {p['r_min']['z']}", 1.5 * 0.2 < p["r_min"]["z"] < p["r_max"])
near("channel: constrictivity", p["constrictivity"]["z"], (p["r_min"]["z"] / p["r_max"]) ** 2)
# through the neck go balls of two cells' radius: filled from one face down to there, and from the other
filled = j["distributions"][0]["intrusion"]["z"]
check(f"channel: filled {filled}", filled["at_least"][0] == 1 and 0.4 < filled["at_least"][len(filled["at_least"]) // 2] < 0.6)
near("matrix: percolating", phases[1]["percolating_fraction"]["z"], 1)

# ---- a ball of radius 11 in a matrix
at = np.indices((33, 33, 33)) - 16
volume = np.where((at ** 2).sum(0) < 11 ** 2, 2, 1)
phases, j = morph("ball", volume, "1")
p, cells = phases[1], (volume == 2).sum()
near("ball: fraction", p["volume_fraction"], cells / volume.size)
near("ball: area", p["specific_surface_area"], 4 * math.pi * 11 ** 2 / volume.size, 0.03)
near("ball: r_max", p["r_max"], 11 - 0.5, 1e-6)  # balls end half a voxel before the next cell
for axis in "xyz":
    near("ball: isolated", p["isolated_fraction"][axis], 1)
    near("ball: matrix", phases[0]["percolating_fraction"][axis], 1)
    near("ball: r_min", p["r_min"][axis], 0)
    d = j["distributions"][1]["chord"][axis]
    n, k = np.array(d["counts"]), np.array(d["edges"][:-1])
    near("ball: chord", (n * k).sum() / n.sum(), 4 / 3 * 11, 0.03)
    near("ball: mean chord", p["chord_mean"][axis], (n * k / (33 - k - 1)).sum() / (n / (33 - k - 1)).sum())
    near("ball: reach", p["geodesic_reach"][axis], None)
distance = np.sqrt((at ** 2).sum(0))[volume == 1] - 11
near("ball: contact", p["contact_mean"], distance.mean(), 0.05)
check("ball: tortuosity of the matrix", all(1 < t < 1.1 for t in phases[0]["geodesic_tortuosity"].values()))

# ---- three blocks that meet in a line along z
volume = np.ones((20, 24, 24))
volume[:, :, 12:] = 2
volume[:, 12:, 12:] = 3
phases, j = morph("line", volume, "0.5", "-morph_descriptors", "lines,surface")
lines = j["boundary_length"]
check(f"line: {lines}", set(lines) == {"all", "123"} and lines["all"] == lines["123"] and 0.5 / 144 < lines["all"] < 2 / 144)
check(f"line: {j['interface_area']}", set(j["interface_area"]) == {"12", "13", "23"})
near("line: sum of areas", phases[0]["specific_surface_area"], j["interface_area"]["12"] + j["interface_area"]["13"])
end()
