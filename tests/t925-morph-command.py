#!/usr/bin/env python3
# test: time=120
"""exset morph: TIFF, raw, HDF5 and VTKHDF give the same; plans; sections; phases without cells; mistakes."""
import os

import h5py
import numpy as np
from PIL import Image

from lib import TMP, bad, check, end, good, read_json

rng = np.random.default_rng(11)
volume = np.kron(rng.integers(1, 4, (5, 6, 4)), np.ones((2, 2, 2), int)).astype(np.uint8)
grays = np.array([0, 10, 20, 30], np.uint8)[volume]
pages = [Image.fromarray(page) for page in grays]
pages[0].save(os.path.join(TMP, "v.tif"), save_all=True, append_images=pages[1:])
grays.tofile(os.path.join(TMP, "v.raw"))


def vtkhdf(name, phase, n_phases, shape=None):
    shape = shape or phase.shape
    with h5py.File(os.path.join(TMP, name), "w") as f:
        data = f.create_dataset("VTKHDF/CellData/phase", shape, np.uint8)
        if phase is not None:
            data[...] = phase
        data.attrs["n_phases"] = n_phases
        extent = [0, shape[2], 0, shape[1], 0, shape[0]]
        f["VTKHDF"].attrs.update(Version=[1, 0], WholeExtent=extent, Origin=[0., 0, 0], Spacing=[.4, .4, .4])
        f["VTKHDF"].attrs.create("Type", b"ImageData", dtype="S9")
        f["VTKHDF"].attrs["Direction"] = np.eye(3).ravel()


vtkhdf("v.vtkhdf", volume, 3)
with h5py.File(os.path.join(TMP, "v.h5"), "w") as f:
    f["phase"] = grays

# all formats; all descriptors are the default
raw = ["v.raw", "-raw_size", "10,12,8"]
results = []
for name, arguments in (("vtkhdf", ["v.vtkhdf"]), ("raw", [*raw, "-voxel_size", "0.4"]), ("tif", ["v.tif", "-voxel_size", "0.4"]),
                        ("h5", ["v.h5", "-volume_dataset", "phase", "-voxel_size", "0.4"])):
    r = good("morph", 2 if name == "vtkhdf" else 1, *arguments, "-o", f"m_{name}.json")
    results.append(read_json(f"m_{name}.json"))
    check(f"{name} differs", all(results[-1][part] == results[0][part] for part in (
        "size", "voxel_size", "phases", "interface_area", "boundary_length", "distributions")))
j = results[0]
check(f"entries {set(j)}", set(j) == {"size", "voxel_size", "phases", "interface_area", "boundary_length", "distributions", "seconds",
                                      "peak_bytes", "ranks", "inputs", "command", "used_parameters", "versions"})
groups = {"fraction", "surface", "lines", "percolation", "tortuosity", "size", "intrusion", "chord", "contact"}
check(f"times {j['seconds']}", set(j["seconds"]) == groups | {"read", "total"} and all(j["seconds"][g] >= 0 for g in groups) and
      sum(j["seconds"][g] for g in groups) <= j["seconds"]["total"] + 1e-3)
check(f"table {r.stdout}", all(word in r.stdout for word in ("tortuosity", "constrictivity", "r_max um", "interface 23", "boundary")))
check(f"progress {r.stderr}", "morph: intrusion along z, " in r.stderr and "morph: contact" not in r.stderr)
for p in j["phases"]:
    check(f"phase {p}", all(0 <= p["r_min"][a] <= p["r_max"] and 0 <= p["constrictivity"][a] <= 1 for a in "xyz") and
          all(abs(p["percolating_fraction"][a] + p["dead_end_fraction"][a] + p["isolated_fraction"][a] - 1) < 1e-12 for a in "xyz"))
r = good("morph", 1, *raw, "-verbosity", "0", "-morph_descriptors", "contact,chord", "-morph_axis", "y,x", "-o", "some.json")
some = read_json("some.json")
check(f"some {some['phases'][0]}", set(some["phases"][0]) == {"phase", "chord_mean", "contact_mean"} and
      set(some["phases"][0]["chord_mean"]) == {"x", "y"} and "interface_area" not in some)
check("contact alone is contact with sizes", all(  # in units of the voxel
    abs(a["contact_mean"] * 0.4 - b["contact_mean"]) < 1e-12 for a, b in zip(some["phases"], j["phases"])))
check("silent", r.stderr == "")

# phases without cells, one phase, and what is masked
vtkhdf("four.vtkhdf", volume, 4)
good("morph", 1, "four.vtkhdf", "-verbosity", "0", "-o", "four.json")
four = read_json("four.json")
check("other phases", four["phases"][:3] == j["phases"])
check(f"no cell {four['phases'][3]}", four["phases"][3]["volume_fraction"] == 0 and all(
    value is None or set(value.values()) == {None} for name, value in four["phases"][3].items() if name not in (
        "phase", "volume_fraction")))
vtkhdf("one.vtkhdf", np.ones((6, 5, 4), np.uint8), 1)
good("morph", 1, "one.vtkhdf", "-verbosity", "0", "-o", "one.json")
one = read_json("one.json")["phases"][0]
check(f"one phase {one}", one["volume_fraction"] == 1 and one["r_max"] is None and one["specific_surface_area"] == 0 and
      one["geodesic_tortuosity"] == {"x": 1, "y": 1, "z": 1} and one["contact_mean"] is None)
wide = np.pad(volume, ((0, 0), (1, 2), (0, 3)))  # masked cells around it change nothing but for paths along faces
vtkhdf("wide.vtkhdf", wide, 3)
good("morph", 1, "wide.vtkhdf", "-verbosity", "0", "-morph_axis", "z", "-o", "wide.json")
wide = read_json("wide.json")
for a, b in zip(wide["phases"], j["phases"]):
    for name in ("volume_fraction", "r_max", "contact_mean", "specific_surface_area"):
        check(f"masked frame: {name} {a[name]}, {b[name]}", abs(a[name] - b[name]) <= 0.5 * b[name] if name.startswith("specific")
              else a[name] == b[name])
    for name in ("geodesic_tortuosity", "r_min", "percolating_fraction", "chord_mean"):
        check(f"masked frame: {name}", a[name]["z"] == b[name]["z"])

# sections: nothing across them
vtkhdf("plane.vtkhdf", volume[:1], 3)
r = good("morph", 1, "plane.vtkhdf", "-o", "plane.json")
check(r.stderr, "one voxel thick along z" in r.stderr and "section" in r.stderr)
for p in read_json("plane.json")["phases"]:
    check(f"section {p}", p["geodesic_tortuosity"]["z"] is None and p["r_min"]["z"] is None and p["percolating_fraction"]["z"] is None and
          p["chord_mean"]["z"] is None and p["r_max"] > 0 and p["percolating_fraction"]["x"] is not None)

np.array([1, 2, 1, 1, 2, 2, 1, 3], np.uint8).tofile(os.path.join(TMP, "line.raw"))  # few lags: no interval of 0
good("morph", 2, "line.raw", "-raw_size", "1,8,1", "-voxel_size", "3,0.2,1", "-verbosity", "0", "-o", "line.json")
for p in read_json("line.json")["phases"]:
    check(f"line {p}", p["volume_fraction_ci95"] is None and p["chord_mean"]["x"] is None and p["geodesic_tortuosity"]["y"] is None)

# plans, without reading the cells
vtkhdf("huge.vtkhdf", None, 2, (30000,) * 3)
r = good("morph", 3, "huge.vtkhdf", "-dry_run", "-morph_descriptors", "intrusion", "-morph_axis", "z", "-o", "dry.json")
check(r.stdout, "30000 x 30000 x 30000 voxels of 0.4 x 0.4 x 0.4 um" in r.stdout and "size, intrusion" in r.stdout and
      "axes        z\n" in r.stdout and "busiest of 3 ranks" in r.stdout and "too little" in r.stdout)
gigabytes = float(r.stdout.split("at most about ")[1].split()[0])
check(f"memory {gigabytes}", 12 * 9e3 < gigabytes < 60 * 9e3 and not os.path.exists(os.path.join(TMP, "dry.json")))
bad("morph", 1, "in 1 process", "huge.vtkhdf", "-o", "dry.json")

# mistakes
bad("morph", 1, "one volume is needed")
bad("morph", 1, "morph_descriptors", "v.tif", "-morph_descriptors", "tortuous")
bad("morph", 1, "names chord twice", "v.tif", "-morph_descriptors", "chord,contact,chord")
bad("morph", 1, "all stands alone", "v.tif", "-morph_descriptors", "chord,all")
bad("morph", 1, "-morph_axis names z twice", "v.tif", "-morph_axis", "z,z")
vtkhdf("none.vtkhdf", 0 * volume, 2)
bad("morph", 2, "none.vtkhdf holds masked cells only", "none.vtkhdf")
bad("morph", 1, "folder", "v.tif", "-o", "nowhere/m.json")
bad("morph", 1, "raw_size", "v.raw")
with open(os.path.join(TMP, "other.json"), "w") as f:
    f.write('{"command": "conduct"}')
bad("morph", 1, "results of exset conduct", "v.tif", "-o", "other.json")
end()
