#!/usr/bin/env python3
# test: time=120
"""exset conduct: results, fields and provenance; no path is no error; mistakes are one line and exit code 2."""
import json
import os
import subprocess

import h5py
import numpy as np

exset, mpiexec, tmp = os.environ["EXSET"], os.environ["MPIEXEC"].split(), os.environ["TEST_TMP"]
checks = failed = 0


def check(ok, what):
    global checks, failed
    checks += 1
    if not ok:
        failed += 1
        print("failed:", what)


def run(ranks, *arguments):
    launcher = [] if ranks == 1 else [*mpiexec, "-n", str(ranks)]
    return subprocess.run([*launcher, exset, "conduct", *arguments], cwd=tmp, capture_output=True, text=True)


def good(ranks, *arguments):
    r = run(ranks, *arguments)
    check(r.returncode == 0, f"{arguments}: exit code {r.returncode}: {r.stderr}")
    return r


def bad(words, *arguments, ranks=(1,), code=2):
    for n in ranks:
        r = run(n, *arguments)
        lines = [line for line in r.stderr.splitlines() if line.startswith("exset: ")]
        check(r.returncode == code, f"{arguments} ({n} ranks): exit code {r.returncode}")
        check(len(lines) == 1 and words in lines[0], f"{arguments} ({n} ranks): {r.stderr[:300]}")


def read_json(name):
    with open(os.path.join(tmp, name)) as f:
        return json.load(f)


# z layers of gray 10 and 20, a column of gray 30 through them
volume = np.empty((12, 10, 8), np.uint8)
volume[:] = np.where(np.arange(12) % 2, 10, 20)[:, None, None]
volume[:, 3:5, 2:6] = 30
volume.tofile(os.path.join(tmp, "v.raw"))
raw = ["v.raw", "-raw_size", "12,10,8", "-voxel_size", "0.5,1,1"]
column = 8 / 80
layers = 1 - column
series = 2 / (1 / 3 + 1 / 5)

# one set, all axes, fields
r = good(2, *raw, "-conduct_sigma", "3,5,0", "-conduct_fields", "true", "-o", "a.json")
check(all(word in r.stdout for word in ("sigma_eff", "Wiener", "0.450000")), r.stdout)
j = read_json("a.json")
z = next(run_ for run_ in j["runs"] if run_["axis"] == "z")
check([run_["axis"] for run_ in j["runs"]] == ["x", "y", "z"], "axes")
check(abs(z["sigma_eff"] - series * layers) < 1e-5, f"along z {z['sigma_eff']} instead of {series * layers}")
check(abs(z["m_factor"] - z["sigma_eff"] / 4) < 1e-6, "m_factor")
check(abs(z["tortuosity_factor"] - layers / z["m_factor"]) < 1e-6, "tortuosity_factor")
check(abs(z["percolating_fraction"] - layers) < 1e-12, "percolating_fraction")
check(abs(z["flux_in"] / z["flux_out"] - 1) < 1e-3, "fluxes")
check({"setup", "solve"} <= set(z["seconds"]) and z["iterations"] > 0 and z["residual"] < 1e-6, "figures of the run")
tensor = j["tensor"]
check(tensor[2][2] == z["sigma_eff"] and tensor[0][1] is None and tensor[0][0] == j["runs"][0]["sigma_eff"], "tensor")
check(abs(j["bounds"]["wiener_high"] - 4 * layers) < 1e-9 and j["bounds"]["wiener_low"] == 0, f"bounds {j['bounds']}")
check(all(run_["sigma_eff"] <= j["bounds"]["wiener_high"] for run_ in j["runs"]), "Wiener")
check(j["used_parameters"]["conduct_sigma"] == "3,5,0" and "versions" in j and j["volume_fractions"][2] == column, "record")
with h5py.File(os.path.join(tmp, "a.vtkhdf")) as f:
    cells = f["VTKHDF/CellData"]
    u, current = cells["potential_z"][()], cells["current_density_z"][()]
    check(cells["phase"].shape == (12, 10, 8) and set(cells) == {"phase"} | {
        f"{what}_{axis}" for what in ("potential", "current_density") for axis in "xyz"}, f"arrays {list(cells)}")
    check(np.isnan(u[volume == 30]).all() and not np.isnan(u[volume != 30]).any(), "potential is NaN in insulators alone")
    check(np.allclose(current[volume != 30], [0, 0, series], atol=1e-4) and (current[volume == 30] == 0).all(), "current")
    check(abs(current[..., 2].mean() - z["sigma_eff"]) < 1e-5, "mean current density")
    check(np.all(np.diff(u[:, 0, 0]) < 0) and abs(u[0, 0, 0] - 1 + 0.5 / 12 * series / 5) < 1e-4, "potential falls from z = 0")

# several sets and chosen axes: the column alone, then nothing that percolates along z
r = good(3, *raw, "-conduct_sigma", "0,0,7,1,0,0", "-conduct_axis", "z", "-o", "b.json")
j = read_json("b.json")
check(len(j["runs"]) == 2 and j["runs"][0]["sigma"] == [0, 0, 7] and j["runs"][1]["sigma"] == [1, 0, 0], "sets")
check(abs(j["runs"][0]["sigma_eff"] - 7 * column) < 1e-5 and abs(j["runs"][0]["m_factor"] - column) < 1e-6, "column")
check(j["runs"][1]["sigma_eff"] == 0 and j["runs"][1]["tortuosity_factor"] is None, "no path")
check(j["tensor"] is None and len(j["sets"]) == 2, "tensor of one axis")
check("no path" in r.stdout, r.stdout)

# the command's options for PETSc, more ranks than planes
good(15, *raw, "-conduct_sigma", "3,5,0", "-conduct_axis", "z", "-conduct_pc_type", "hypre", "-conduct_ksp_rtol", "1e-9", "-o", "c.json")
run_ = read_json("c.json")["runs"][0]
check(run_["preconditioner"] == "hypre" and run_["residual"] < 1.1e-9 and abs(run_["sigma_eff"] - series * layers) < 1e-6, f"{run_}")
r = good(1, *raw, "-conduct_sigma", "3,5,0", "-dry_run", "-o", "d.json")
check("GB" in r.stdout and not os.path.exists(os.path.join(tmp, "d.json")), "dry run")

# mistakes
bad("-conduct_sigma is needed", *raw)
bad("has 2 values; the volume has 3 phases", *raw, "-conduct_sigma", "1,0")
bad("all conductivities are 0", *raw, "-conduct_sigma", "0,0,0", ranks=(3,))
bad("-conduct_sigma", *raw, "-conduct_sigma", "1,-2,0")
bad("-conduct_sigma", *raw, "-conduct_sigma", "1,nan,0")
bad("factor 10^15", *raw, "-conduct_sigma", "1,1e-40,0")
bad("-conduct_axis", *raw, "-conduct_sigma", "1,0,0", "-conduct_axis", "w")
bad("twice", *raw, "-conduct_sigma", "1,0,0", "-conduct_axis", "z,z")
bad("-conduct_boundary", *raw, "-conduct_sigma", "1,0,0", "-conduct_boundary", "periodic")
bad("nosuch", *raw, "-conduct_sigma", "1,0,0", "-conduct_pc_type", "nosuch")
bad("missing.vtkhdf", "missing.vtkhdf", "-conduct_sigma", "1,0,0", ranks=(3,))
bad("one volume is needed", "-conduct_sigma", "1,0,0")
bad("nofolder", *raw, "-conduct_sigma", "1,0,0", "-o", "nofolder/x.json")
bad("replace the input", "a.vtkhdf", "-conduct_sigma", "3,5,0", "-conduct_fields", "true", "-o", "a.json")
bad("no convergence", *raw, "-conduct_sigma", "1,2,3", "-conduct_ksp_max_it", "1", "-conduct_pc_type", "none", code=1, ranks=(3,))
check(not [name for name in os.listdir(tmp) if name.endswith(".part")], "temporary files are left")

print("checks", checks)
raise SystemExit(failed > 0)
