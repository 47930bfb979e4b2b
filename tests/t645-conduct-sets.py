#!/usr/bin/env python3
# test: time=120
"""exset conduct: sets of conductivities and phases one by one, in the user's order, agree with runs of their own; the plan names
sets, solves and memory without reading the cells."""
import os

import h5py
import numpy as np

from lib import TMP, bad, check, end, good, read_json

rng = np.random.default_rng(7)
volume = rng.integers(1, 3, (9, 8, 7)).astype(np.uint8)
volume[:, 2:4, 3:6] = 3  # columns along z
with h5py.File(os.path.join(TMP, "v.vtkhdf"), "w") as f:
    f["VTKHDF/CellData/phase"] = volume
    f["VTKHDF/CellData/phase"].attrs["n_phases"] = 3
    f["VTKHDF"].attrs.update(Version=[1, 0], WholeExtent=[0, 7, 0, 8, 0, 9], Origin=[0., 0, 0], Spacing=[1., 1, 1])
    f["VTKHDF"].attrs.create("Type", b"ImageData", dtype="S9")
    f["VTKHDF"].attrs["Direction"] = np.eye(3).ravel()
exact = ["-conduct_axis", "x,z", "-conduct_rtol", "1e-7", "-verbosity", "0"]

# the first and the third share their conducting phases, and are solved one after the other
sets = [[1, 0.1, 0], [0, 0, 2], [0.3, 2, 0]]
text = ["1,0.1,0", "0,0,2", "0.3,2,0"]
r = good("conduct", 2, "v.vtkhdf", "-conduct_sigma", "/".join(text), "-conduct_fields", "true", *exact, "-o", "all.json")
j = read_json("all.json")
check("order of the runs", [(run_["axis"], run_["sigma"]) for run_ in j["runs"]] == [(a, s) for s in sets for a in "xz"])
check("sets", [s["sigma"] for s in j["sets"]] == sets and j["sigma"] == sets[0] and j["bounds"] == j["sets"][0]["bounds"])
check(f"table {r.stdout}", [line for line in r.stdout.splitlines() if line.startswith("set ")] == [
    f"set {i} of 3" for i in (1, 2, 3)])
check("clusters left out", j["runs"][2]["clusters"] == j["runs"][2]["clusters_removed"] == 1 and
      "along x: 1 of 1 clusters, 100 % of the conducting cells, carry no current and are left out" in r.stdout)
for i, sigma in enumerate(text):
    good("conduct", 1, "v.vtkhdf", "-conduct_sigma", sigma, *exact, "-o", f"own{i}.json")
    own = read_json(f"own{i}.json")
    check(f"bounds of set {i + 1}", own["bounds"] == j["sets"][i]["bounds"])
    for one, of_all in zip(own["runs"], j["runs"][2 * i:2 * i + 2]):
        gap = abs(one["sigma_eff"] - of_all["sigma_eff"])
        check(f"set {i + 1} along {one['axis']}: {of_all['sigma_eff']}, {one['sigma_eff']} alone", gap <= 1e-6 * one["sigma_eff"])
        check("what is labelled", all(one[name] == of_all[name] for name in (
            "unknowns", "clusters", "conducting_fraction", "percolating_fraction", "percolating_share")))
check("column along z alone", abs(j["runs"][3]["m_factor"] - 6 / 56) < 1e-6 and j["runs"][2]["sigma_eff"] == 0)
with h5py.File(os.path.join(TMP, "all.vtkhdf")) as f:
    for i, run_ in enumerate(j["runs"]):
        current = f[f"VTKHDF/CellData/current_density_set{i // 2 + 1}_{run_['axis']}"][()]
        mean = current[..., "xyz".index(run_["axis"])].mean()
        check(f"mean current density of run {i + 1}: {mean}", abs(mean - run_["sigma_eff"]) < 1e-5)

# phases one by one: sigma_eff = m_factor
good("conduct", 1, "v.vtkhdf", "-conduct_phases", "3,2", *exact, "-o", "two.json")
two = read_json("two.json")["runs"]
check("phases 3, 2", [run_["sigma"] for run_ in two] == [[0, 0, 1]] * 2 + [[0, 1, 0]] * 2)
check("M-factors", all(run_["sigma_eff"] == run_["m_factor"] or abs(run_["sigma_eff"] / run_["m_factor"] - 1) < 1e-12 or
                       run_["sigma_eff"] == 0 for run_ in two) and abs(two[1]["m_factor"] - 6 / 56) < 1e-6)

# plans; a volume that no machine could read
with h5py.File(os.path.join(TMP, "huge.vtkhdf"), "w") as f:
    phase = f.create_dataset("VTKHDF/CellData/phase", (30000,) * 3, np.uint8)
    phase.attrs["n_phases"] = 2
    f["VTKHDF"].attrs.update(Version=[1, 0], WholeExtent=[0, 30000] * 3, Origin=[0., 0, 0], Spacing=[.1, .2, .3])
    f["VTKHDF"].attrs.create("Type", b"ImageData", dtype="S9")
    f["VTKHDF"].attrs["Direction"] = np.eye(3).ravel()
with open(os.path.join(TMP, "s.raw"), "w") as f:
    f.truncate(2 << 30)  # a hole
dry = ["-dry_run", "-o", "dry.json"]
r = good("conduct", 3, "huge.vtkhdf", "-conduct_sigma", "1,0,0.5,1", "-conduct_fields", "true", *dry)
words = r.stdout.split()
check(f"plan {r.stdout}", "30000 x 30000 x 30000 voxels of 0.3 x 0.2 x 0.1 um" in r.stdout and
      "6: 2 sets along x, y, z" in r.stdout and "1,0" in words and "0.5,1" in words)
cells, busiest = 30000 ** 3, 10000 * 30000 ** 2
check(f"unknowns {r.stdout}", f"at most {cells}" in r.stdout and f"{busiest} on the busiest of 3 ranks" in r.stdout)
fields = 6 * 16 * cells / 1e9
check(f"fields {fields}", f"{fields:.3g}" in words and "dry.vtkhdf" in r.stdout and "too little" in r.stdout)
memory = float(r.stdout.split("at most about ")[1].split()[0])
check(f"memory {memory}", (6 * 16 + 20) * busiest / 1e9 < memory < (6 * 16 + 200) * busiest / 1e9)
bad("conduct", 3, "-conduct_sigma has 3 values; the volume has 2 phases", "huge.vtkhdf", "-conduct_sigma", "1,0,1", *dry)
bad("conduct", 1, "less than 2^30 in a plane", "s.raw", "-raw_size", "2,32768,32768", "-conduct_sigma", "1", *dry)
bad("conduct", 1, "in 1 process", "huge.vtkhdf", "-conduct_sigma", "1,0", "-o", "dry.json")
volume.tofile(os.path.join(TMP, "v.raw"))  # a file of gray values
raw = ["v.raw", "-raw_size", "9,8,7"]
r = good("conduct", 1, *raw, "-conduct_sigma", "1,0,0", *dry)
check(f"sets not known {r.stdout}", "-image_labels" in r.stdout and "for each set along x, y, z" in r.stdout)
r = good("conduct", 1, *raw, "-conduct_phases", "all", "-image_labels", "1,2,3", *dry)
check(f"phases from labels {r.stdout}", "9: 3 sets" in r.stdout and "0,0,1" in r.stdout)
r = good("conduct", 1, *raw, "-conduct_phases", "1", "-image_labels", "1,2,3", "-conduct_boundary", "periodic", *dry)
check(f"odd periodic box {r.stdout}", "doubled" in r.stdout and f"at most {9 * 8 * 7}" in r.stdout)
check("a plan writes nothing", not [name for name in os.listdir(TMP) if name.startswith("dry")])
end()
