#!/usr/bin/env python3
# test: time=120
"""exset conduct: results, fields and provenance; no path is no error; options for PETSc, output that would replace the input,
no convergence. (Mistakes: t830.)"""
import math
import os

import h5py
import numpy as np

from lib import TMP, bad, check, end, good, read_json

# z layers of gray 10 and 20, a column of gray 30 through them
volume = np.empty((12, 10, 8), np.uint8)
volume[:] = np.where(np.arange(12) % 2, 10, 20)[:, None, None]
volume[:, 3:5, 2:6] = 30
volume.tofile(os.path.join(TMP, "v.raw"))
raw = ["v.raw", "-raw_size", "12,10,8", "-voxel_size", "0.5,1,1"]
column = 8 / 80
layers = 1 - column
series = 2 / (1 / 3 + 1 / 5)
KEYS = {"axis", "sigma", "sigma_eff", "current", "m_factor", "tortuosity_factor", "bruggeman", "flux_in", "flux_out", "error",
        "mismatch", "conducting_fraction", "percolating_fraction", "percolating_share", "contact_low", "contact_high", "clusters",
        "clusters_removed", "unknowns", "iterations", "residual", "preconditioner", "seconds"}

# one set, all axes, fields
r = good("conduct", 2, *raw, "-conduct_sigma", "3,5,0", "-conduct_rtol", "1e-7", "-conduct_fields", "true", "-o", "a.json")
check(r.stdout, all(word in r.stdout for word in ("sigma_eff", "Bruggeman", "error", "mismatch", "Wiener", "0.450000")))
j = read_json("a.json")
z = next(run_ for run_ in j["runs"] if run_["axis"] == "z")
check("axes", [run_["axis"] for run_ in j["runs"]] == ["x", "y", "z"])
check(f"entries {set(z) ^ KEYS}", all(set(run_) == KEYS for run_ in j["runs"]))
check(f"along z {z['sigma_eff']} instead of {series * layers}", abs(z["sigma_eff"] - series * layers) < 1e-5)
check("m_factor", abs(z["m_factor"] - z["sigma_eff"] / 4) < 1e-6)
check("tortuosity_factor", abs(z["tortuosity_factor"] - layers / z["m_factor"]) < 1e-6)
check("bruggeman", abs(z["bruggeman"] - math.log(z["m_factor"]) / math.log(layers)) < 1e-6)
check("fractions", z["conducting_fraction"] == z["percolating_fraction"] and abs(z["percolating_fraction"] - layers) < 1e-12 and
      z["percolating_share"] == 1 and z["unknowns"] == round(layers * 960))
check("clusters", z["clusters"] == 1 and z["clusters_removed"] == 0)
check("fluxes", abs(z["flux_in"] / z["flux_out"] - 1) < 1e-3)
gaps = [abs(z[name] / z["sigma_eff"] - 1) for name in ("flux_in", "flux_out")]
check(f"mismatch {z['mismatch']}", abs(z["mismatch"] - max(gaps)) < 1e-12 and 0 <= z["error"] < 1e-3)
check(f"current {z['current']}", z["current"] == [None, None, z["sigma_eff"]])
check("figures of the run", {"setup", "solve"} <= set(z["seconds"]) and z["iterations"] > 0 and z["residual"] < 1e-3)
tensor = j["tensor"]
check("tensor", tensor[2][2] == z["sigma_eff"] and tensor[0][1] is None and tensor[0][0] == j["runs"][0]["sigma_eff"])
check(f"bounds {j['bounds']}", abs(j["bounds"]["wiener_high"] - 4 * layers) < 1e-9 and j["bounds"]["wiener_low"] == 0)
check("Wiener", all(run_["sigma_eff"] <= j["bounds"]["wiener_high"] for run_ in j["runs"]))
check("record", j["used_parameters"]["conduct_sigma"] == "3,5,0" and "versions" in j and j["volume_fractions"][2] == column)
check("boundary, no sets", j["boundary"] == "electrodes" and "sets" not in j)
with h5py.File(os.path.join(TMP, "a.vtkhdf")) as f:
    cells = f["VTKHDF/CellData"]
    u, current = cells["potential_z"][()], cells["current_density_z"][()]
    check(f"arrays {list(cells)}", cells["phase"].shape == (12, 10, 8) and set(cells) == {"phase"} | {
        f"{what}_{axis}" for what in ("potential", "current_density") for axis in "xyz"})
    check("potential is NaN in insulators alone", np.isnan(u[volume == 30]).all() and not np.isnan(u[volume != 30]).any())
    check("current", np.allclose(current[volume != 30], [0, 0, series], atol=1e-4) and (current[volume == 30] == 0).all())
    check("mean current density", abs(current[..., 2].mean() - z["sigma_eff"]) < 1e-5)
    check("potential falls from z = 0", np.all(np.diff(u[:, 0, 0]) < 0) and abs(u[0, 0, 0] - 1 + 0.5 / 12 * series / 5) < 1e-4)

# several sets and chosen axes: the column alone, then nothing that percolates along z
r = good("conduct", 3, *raw, "-conduct_sigma", "0,0,7,1,0,0", "-conduct_axis", "z", "-o", "b.json")
j = read_json("b.json")
check("sets", len(j["runs"]) == 2 and j["runs"][0]["sigma"] == [0, 0, 7] and j["runs"][1]["sigma"] == [1, 0, 0])
check("column", abs(j["runs"][0]["sigma_eff"] - 7 * column) < 1e-5 and abs(j["runs"][0]["m_factor"] - column) < 1e-6)
check("no path", j["runs"][1]["sigma_eff"] == 0 and j["runs"][1]["tortuosity_factor"] is None and
      j["runs"][1]["bruggeman"] is None and j["runs"][1]["percolating_fraction"] == 0 and j["runs"][1]["unknowns"] == 0)
check("tensor of one axis", j["tensor"] is None and len(j["sets"]) == 2)
check(r.stdout, "no path" in r.stdout and "set 2 of 2" in r.stdout)

# the command's options for PETSc, more ranks than planes
good("conduct", 13, *raw, "-conduct_sigma", "3,5,0", "-conduct_axis", "z", "-conduct_pc_type", "hypre",
     "-conduct_rtol", "1e-8", "-o", "c.json")
run_ = read_json("c.json")["runs"][0]
check(f"{run_}", run_["preconditioner"] == "hypre" and abs(run_["sigma_eff"] - series * layers) < 1e-6)

# mistakes
bad("conduct", 1, "nosuch", *raw, "-conduct_sigma", "1,0,0", "-conduct_pc_type", "nosuch")
bad("conduct", 1, "replace the input", "a.vtkhdf", "-conduct_sigma", "3,5,0", "-conduct_fields", "true", "-o", "a.json")
bad("conduct", 3, "no convergence", *raw, "-conduct_sigma", "1,2,3", "-conduct_ksp_max_it", "1",
    "-conduct_pc_type", "none", code=1)
end()
