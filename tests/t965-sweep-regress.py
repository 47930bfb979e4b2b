#!/usr/bin/env python3
# test: time=180
"""The table of a real sweep is what exset regress reads: CSV and HDF5 give the same fits, and the law of a family of twins
tells its M-factors from fractions and tortuosities."""
import os

from lib import TMP, check, end, good, read_json

with open(os.path.join(TMP, "case.yaml"), "w", encoding="utf-8") as file:
    file.write("""size: 32
voxel_size: 0.25
seed: 3
field1: {type: gaussian, family: matern, nu: 2.5, fraction: 0.5, length_xy: 0.6}
conduct_phases: all
conduct_axis: x,z
conduct_rtol: 1e-3
morph_descriptors: [percolation, tortuosity]
sweep:
  samples: 16
  parameter1: {key: field1_fraction, range: [0.25, 0.75]}
""")
good("sweep", 2, "case.yaml", "-o", "sweep.csv", "-verbosity", "0")
r = good("regress", 1, "sweep.csv", "-o", "csv_fit.json", "-regress_groups", "pooled,phase,axis")
good("regress", 1, "sweep.h5", "-o", "h5_fit.json", "-regress_groups", "pooled,phase,axis")
fit, again = read_json("csv_fit.json"), read_json("h5_fit.json")


def close(a, b):
    """Equal but for the digits that the CSV does not have."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a if key != "iterations")
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    return a == b if not isinstance(a, float) else abs(a - b) <= 1e-6 * abs(b) + 1e-9


check("CSV and HDF5 give other fits", close(fit["groups"], again["groups"]) and fit["left_out"] == again["left_out"])
check(f"groups {[g['group'] for g in fit['groups']]}",
      [g["group"] for g in fit["groups"]] == ["pooled", "phase 1", "phase 2", "axis x", "axis z"])
check(f"{fit['samples']} samples, {fit['rows']} rows, {fit['left_out']}",
      fit["samples"] == 16 and fit["rows"] + sum(fit["left_out"].values()) == 16 * 2 * 2 and 40 <= fit["rows"])
laws = {(f["form"], f["fit"]): f for f in fit["groups"][0]["fits"]}
check(f"laws {list(laws)}", list(laws) == [("eps_tau", "log"), ("eps_tau", "absolute"), ("eps", "log"), ("eps", "absolute"),
                                          ("bruggeman", "published"), ("tau2", "published")])
check("forms that need constrictivity are not named", "no columns for form power" in r.stderr)
both, alone = laws["eps_tau", "log"], laws["eps", "log"]
check(f"eps and tau: {both}", both["r2"] > 0.95 and both["r2_log"] > alone["r2_log"] > 0.8 and 0.8 < both["parameters"]["a"] < 2.2)
check(f"eps alone: {alone}", 1.7 < alone["parameters"]["a"] < 2.7 and alone["cross_validation"]["mape"] > both["cross_validation"]["mape"])
check("Bruggeman's law, of spheres, is better", laws["bruggeman", "published"]["mape"] > 3 * both["mape"])
end()
