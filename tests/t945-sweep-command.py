#!/usr/bin/env python3
# test: time=120
"""exset sweep: rows against exset generate and exset conduct by hand, any number of ranks and groups, designs, restarts."""
import csv
import math
import os
import shutil
import statistics
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np

from lib import TMP, bad, check, end, good, read_json

BOX = "size: [24, 20, 16]\nvoxel_size: 0.5\nseed: 7\nrealisations: 2\n"
MODEL = """
field1: {family: matern, length_xy: 1.0, length_z: 1.3, fraction: 0.35}
field2: {type: chi_square, dof: 2, length_xy: 0.8, fraction: 0.5}
"""
SOLVE = "conduct_sigma: 1,0,0/0,0,2/1,0.1,0/0,0,1\nconduct_axis: [x, z]\nconduct_rtol: 1e-6\n"
SWEEP = """
sweep:
  design: sobol
  samples: 4
  parameter1: {key: field1_fraction, range: [0.3, 0.5]}
  parameter2: {key: [field1_length_xy, field1_length_z], range: [0.8, 1.25], scale: log, relative: true}
"""


def write(name, text):
    with open(os.path.join(TMP, name), "w") as f:
        f.write(text)


def rows(name="sweep.csv"):
    with open(os.path.join(TMP, name), newline="") as f:
        return list(csv.DictReader(f))


def results(row):
    """All of a row but the time."""
    return {k: v for k, v in row.items() if k != "seconds"}


def lines(folder="sweep.units"):
    """(identity, status) of all units in the journals."""
    found = []
    for name in sorted(os.listdir(os.path.join(TMP, folder))):
        if name.endswith(".txt"):
            with open(os.path.join(TMP, folder, name)) as f:
                found += [tuple(np.array(line.split("\t"))[[0, 2]]) for line in f if line.count("\t") > 3]
    return found


def both(call, items):
    """Calls for all items, two at a time: most of their time is the start of MPI. Returns what they return."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(call, items))


def close(a, b, tolerance):
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= tolerance * max(abs(a), abs(b))


write("case.yaml", BOX + MODEL + SOLVE + SWEEP)
r = good("sweep", 1, "case.yaml", "-dry_run")
check(f"plan: {r.stdout}", "0 of 8 done" in r.stdout and "field1_length_z" in r.stdout and "24 x 20 x 16" in r.stdout)
check("a plan writes nothing", os.listdir(TMP) == ["case.yaml"])
good("sweep", 1, "case.yaml")
table = rows()
names = list(table[0])
check(f"columns {names}", names[:8] == ["sample", "status", "realisations", "field1_fraction", "field1_length_xy",
                                        "field1_length_z", "phase1_volume_fraction", "phase1_volume_fraction_sd"] and
      names[-3:] == ["seconds", "seed", "message"])
check("samples", [row["sample"] for row in table] == ["1", "2", "3", "4"] and {row["status"] for row in table} == {"done"})
check("values", [float(row["field1_fraction"]) for row in table] == [0.4, 0.45, 0.35, 0.375])
for row in table:
    xy, z = float(row["field1_length_xy"]), float(row["field1_length_z"])
    check(f"keys that move together: {xy}, {z}", close(z, 1.3 * xy, 1e-15) and 0.8 <= xy < 1.25)
check("one seed for each sample", len({row["seed"] for row in table}) == 4)

# ---- by hand ----
NAMES = ["phase1", "phase3", "set3", "set4"]  # of the sets: the only phase, or the number
row = table[1]
good("generate", 1, "case.yaml", "-o", "twin.vtkhdf", "-seed", row["seed"],
     *[x for key in names[3:6] for x in ("-" + key, row[key])])
hand = {}
twins = ("twin-0001", "twin-0002")
both(lambda twin: good("conduct", 1, twin + ".vtkhdf", "-conduct_sigma", "1,0,0/0,0,2/1,0.1,0/0,0,1", "-conduct_axis", "x,z",
                       "-conduct_rtol", "1e-6", "-o", twin + "-conduct.json"), twins)
for twin in twins:
    j = read_json(twin + "-conduct.json")
    for p, fraction in enumerate(j["volume_fractions"]):
        hand.setdefault(f"phase{p + 1}_volume_fraction", []).append(fraction)
    for i, one in enumerate(j["runs"]):
        for figure in ("sigma_eff", "m_factor", "tortuosity_factor"):
            hand.setdefault(f"{NAMES[i // 2]}_{figure}_{one['axis']}", []).append(one[figure])
check(f"figures {names[6:-3:2]}", names[6:-3:2] == list(hand))
for name, pair in hand.items():
    mean, sd = float(row[name]), float(row[name + "_sd"])
    check(f"mean of {name}: {mean}, {pair}", close(mean, statistics.mean(pair), 1e-9))
    check(f"sd of {name}: {sd}, {pair}", close(sd, statistics.stdev(pair), 1e-6))

# ---- descriptors, as exset morph gives them ----
groups = ["-morph_descriptors", "percolation,tortuosity,contact", "-morph_axis", "z,x"]
good("sweep", 2, "case.yaml", "-o", "morph.csv", "-sweep_samples", "2", *groups)
described = rows("morph.csv")[1]
hand = {}
both(lambda twin: good("morph", 1, twin + ".vtkhdf", *groups, "-o", twin + "-morph.json"), twins)
for twin in twins:
    for p in read_json(twin + "-morph.json")["phases"]:
        hand.setdefault(f"phase{p['phase']}_contact_mean", []).append(p["contact_mean"])
        for figure in ("percolating_fraction", "dead_end_fraction", "isolated_fraction", "geodesic_tortuosity", "geodesic_reach"):
            for axis in "xz":
                hand.setdefault(f"phase{p['phase']}_{figure}_{axis}", []).append(p[figure][axis])
check("no axis that is not asked for", not [name for name in described if name.endswith("_y")])
for name, pair in hand.items():
    mean, expected = float(described[name]), statistics.mean(pair) if None not in pair else math.nan
    check(f"mean of {name}: {mean}, {pair}", None in pair or close(mean, expected, 1e-9))
check(f"all figures are there: {len(hand)}", len(hand) == 3 * 11)
check("the rest is as before", all(described[k] == row[k] for k in names if k != "seconds"))

# ---- HDF5 and JSON ----
with h5py.File(os.path.join(TMP, "sweep.h5")) as f:
    for name in names:
        if name not in ("status", "message"):
            column = [float(row[name]) for row in table]
            check(f"column {name}", np.allclose(f["table"][name][()], column, rtol=1e-5 if name == "seconds" else 0, atol=0,
                                                equal_nan=True))
    check("status", f["table/status"][()].tolist() == [1, 1, 1, 1] and f["table/message"][()] == b"\n" * 4)
    check("provenance", "sweep_design" in f["parameters"][()].decode() and "exset" in f["versions"][()].decode())
j = read_json("sweep.json")
check(f"summary {j}", j["command"] == "sweep" and [j[k] for k in ("samples", "done", "failed", "missing", "units_now")] ==
      [4, 4, 0, 0, 8] and j["figures"] == names[6:-3:2] and j["parameters"][1]["key"] == "field1_length_xy")

# ---- any number of ranks and groups ----
for ranks, more in ((3, []), (5, ["-sweep_ranks", "2"])):
    name = f"r{ranks}{len(more)}.csv"
    good("sweep", ranks, "case.yaml", "-o", name, *more)
    other = rows(name)
    for a, b in zip(table, other):
        same = all(close(float(a[k]), float(b[k]), 1e-4 if more and "_" in k[6:] else 0) for k in names
                   if k not in ("status", "message", "seconds"))
        check(f"{ranks} ranks {more}: {a} {b}", same and a["status"] == b["status"])
    check("the same columns and rows", list(other[0]) == names and len(other) == 4)
    check("groups", read_json(name.replace("csv", "json"))["groups"] == (ranks // 2 if more else ranks))

# ---- restart, longer, changed ----
done = lines()
check("units", len(done) == 8 and len(set(done)) == 8)
good("sweep", 1, "case.yaml")
check("nothing is repeated", lines() == done and read_json("sweep.json")["units_now"] == 0)
check("the same table", rows() == table)
good("sweep", 2, "case.yaml", "-sweep_samples", "6")
check("more samples: the new ones alone", len(lines()) == 12 and len(set(lines())) == 12 and rows()[:4] == table)
good("sweep", 1, "case.yaml", "-realisations", "1")
check("fewer realisations: none is made", len(lines()) == 12 and [row["realisations"] for row in rows()] == ["1"] * 4)
check("one has no scatter", rows()[0]["phase1_volume_fraction_sd"] == "nan")
check(f"the others are left aside: {read_json('sweep.json')}", read_json("sweep.json")["units_stale"] == 8)
good("sweep", 1, "case.yaml", "-sweep_samples", "1", "-field2_fraction", "0.6")
j = read_json("sweep.json")
check(f"another model: nothing is mixed: {j}", j["units_now"] == 2 and j["units_stale"] == 12 and len(rows()) == 1)
others = (["-conduct_rtol", "1e-5"], ["-morph_descriptors", "chord"], ["-seed", "8"], ["-voxel_size", "0.4"])
plans = both(lambda key: good("sweep", 1, "case.yaml", "-sweep_samples", "1", "-realisations", "1", *key, "-dry_run"), others)
for key, r in zip(others, plans):
    check(f"{key}: another case: {r.stdout}", "0 of 1 done" in r.stdout)
r = good("sweep", 1, "case.yaml", "-dry_run")
check(f"the same case: {r.stdout}", "8 of 8 done" in r.stdout and "time " in r.stdout)
good("sweep", 1, "case.yaml", "-merge")
check("back again: the first table", rows() == table)

# ---- common noise: only the fraction moves, so the set grows ----
write("common.yaml", BOX + MODEL + "sweep: {design: factorial, noise: common, parameter1: {key: field1_fraction, values: [0.3, 0.31, 0.5]},"
      " parameter2: {key: size, values: [16, 24]}}\n")
good("sweep", 2, "common.yaml", "-o", "common")
table = rows("common.csv")
check("factorial", [(row["field1_fraction"], row["size"]) for row in table] == [
    (p, n) for p in ("0.3", "0.31", "0.5") for n in ("16", "24")])
check("common noise", {row["seed"] for row in table} == {"7"})
grown = [float(row["phase1_volume_fraction"]) for row in table if row["size"] == "24"]
check(f"the set grows a little, {grown}", 0.003 < grown[1] - grown[0] < 0.017 and grown[2] > grown[1])

# ---- a table of samples, in another order, rows that fail ----
write("samples.csv", "field1_fraction,field2_dof\n0.4,2\n1.4,2\n0.3,2.2\n0.4,2\n0.3,1000\n")
write("table.yaml", BOX + MODEL + "sweep: {design: table, table: samples.csv}\n")
r = good("sweep", 2, "table.yaml", "-o", "table.csv")
table = rows("table.csv")
check("status", [row["status"] for row in table] == ["done", "failed", "done", "done", "failed"])
check(f"messages {table[1]}", "-field1_fraction is \"1.4\": allowed is a finite number in (0,1)" in table[1]["message"] and
      "-field2_dof is \"1000\"" in table[4]["message"] and table[0]["message"] == "")
check("integers are rounded", table[2]["field2_dof"] == "2")
check("equal rows are made once", results(table[0]) == {**results(table[3]), "sample": "1"} and len(lines("table.units")) == 4)
check(f"the failures are told: {r.stdout} {r.stderr}", "2 of 5 samples failed" in r.stderr and "sample 2: -field1_fraction" in r.stdout)
write("samples.csv", "field2_dof,field1_fraction\n2,0.3\n2,0.35\n2,0.4\n")
good("sweep", 1, "table.yaml", "-o", "table.csv")
check("order of rows and columns does not matter", read_json("table.json")["units_now"] == 2)
shutil.rmtree(os.path.join(TMP, "table.units"))
wide = "field1_nu,field1_fraction,field1_length_xy,field1_length_z,field2_fraction,field2_length_xy,field2_dof"
write("samples.csv", f"{wide}\n1.5,0.4,1,1.2,0.5,0.8,2\n2.5,0.3,1.1,1,0.4,0.7,3\n")
good("sweep", 1, "table.yaml", "-o", "wide.csv", "-realisations", "1")
check("more columns than room for parameters", [list(row.values())[3:10] for row in rows("wide.csv")] == [
    ["1.5", "0.4", "1", "1.2", "0.5", "0.8", "2"], ["2.5", "0.3", "1.1", "1", "0.4", "0.7", "3"]])

# ---- usage ----
dry = ["case.yaml", "-dry_run", "-o", "bad.csv"]
wrong = (
    ("cannot be varied: allowed are", ["-sweep_parameter1_key", "seed"]),
    ("unknown key -field1_fractio; the nearest known key is -field1_fraction", ["-sweep_parameter1_key", "field1_fractio"]),
    ("not a number", ["-sweep_parameter1_key", "field1_family"]),
    ("varied twice", ["-sweep_parameter2_key", "field1_fraction"]),
    ("both must be positive", ["-sweep_parameter1_range", "0,1", "-sweep_parameter1_scale", "log"]),
    ("neither a range nor values", ["-sweep_parameter3_key", "field2_fraction"]),
    ("which does not give it", ["-sweep_parameter2_key", "field2_length_z"]),
    ("-sweep_samples is not for factorial designs", ["-sweep_design", "factorial"]),
    ("the volume has 3 phases", ["-conduct_sigma", "1,0"]),
    ("no other sample can be made", ["-field2_length_xy", "0.8,0.9,1"]))
both(lambda case: bad("sweep", 1, case[0], *dry, *case[1]), wrong)
bad("sweep", 1, "-sweep_ranks is 3: there are 1", *dry, "-sweep_ranks", "3")
bad("sweep", 1, "cannot merge: there is no folder bad.units", *dry, "-merge")
write("none.yaml", BOX + MODEL)
bad("sweep", 1, "the sweep has 0 parameters", "none.yaml", "-sweep_samples", "2", "-o", "bad.csv")
bad("sweep", 1, "would replace the table of samples", "table.yaml", "-o", "samples.csv")
bad("sweep", 1, "the folder must exist", "case.yaml", "-o", "nowhere/bad.csv")
check("nothing is left of bad calls", not [name for name in os.listdir(TMP) if name.startswith("bad")])
end()
