#!/usr/bin/env python3
# test: time=180
"""exset regress against numpy: log-linear fits, gradients of the nonlinear ones, figures, cross-validation by brute force, rows
left out, groups, own predictors; the same for all rank counts."""
import csv
import math
import os

import h5py
import numpy as np

from lib import TMP, check, end, good, read_json
from regress_table import write_table

AXES = "xyz"
EXPONENTS = {  # of k, eps, beta, tau: None is free
    "power": (None, None, None, None), "power1": (0, None, None, None), "stenzel_beta": (0, 1, None, None),
    "eps_tau": (0, None, 0, None), "eps": (0, None, 0, 0), "eps_beta": (0, None, None, 0), "tau": (0, 1, 0, None),
    "archie": (None, None, 0, 0)}
PUBLISHED = {"bruggeman": (1.5, 0, 0), "tau2": (1, 0, 2), "stenzel2016": (1, 0.36, 5.17), "stenzel2016_eps": (1.15, 0.37, 4.39)}


def near(text, a, b, relative=1e-9, absolute=1e-11):
    a, b = np.asarray(a, float), np.asarray(b, float)
    check(f"{text}: {a} instead of {b}", a.shape == b.shape and bool(np.all(np.abs(a - b) <= absolute + relative * np.abs(b))))


def read_csv(name):
    with open(os.path.join(TMP, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def design(form, x):
    """Matrix of the free parameters, offset of the given ones, of log M."""
    full = np.column_stack([np.ones(len(x)), np.log(x[:, 0]), np.log(x[:, 1]), -np.log(x[:, 2])])
    given = EXPONENTS[form]
    free = [i for i in range(4) if given[i] is None]
    return full[:, free], full @ np.array([0 if g is None else g for g in given], float)


def log_fit(form, x, m):
    a, offset = design(form, x)
    return np.linalg.lstsq(a, np.log(m) - offset, rcond=None)[0]


def absolute_fit(form, x, m):
    """Gauss and Newton's method with halved steps."""
    a, offset = design(form, x)
    theta = log_fit(form, x, m)
    for _ in range(100):
        y = np.exp(a @ theta + offset)
        step = np.linalg.lstsq(a * y[:, None], m - y, rcond=None)[0]
        while np.sum((np.exp(a @ (theta + step) + offset) - m) ** 2) > np.sum((y - m) ** 2) * (1 + 1e-12):
            step /= 2
        theta = theta + step
        if np.max(np.abs(step)) < 1e-11:
            break
    return theta


def predict(form, x, theta):
    a, offset = design(form, x)
    return np.exp(a @ theta + offset)


def figures(m, y):
    return [1 - np.sum((y - m) ** 2) / np.sum((m - m.mean()) ** 2),
            1 - np.sum(np.log(y / m) ** 2) / np.sum((np.log(m) - np.log(m).mean()) ** 2),
            np.mean(np.abs(y - m) / m), math.sqrt(np.mean((y - m) ** 2))]


def figures_of(entry):
    return [entry[key] for key in ("r2", "r2_log", "mape", "rmse")]


def theta_of(entry):
    values = dict(entry["parameters"])
    if "k" in values:
        values["k"] = math.log(values["k"])
    return np.array(list(values.values()))


def spoil(row, number):
    """Rows that must not be used."""
    if number == 0:
        row["phase1_m_factor_x"] = 0.0
    if number == 1:
        row["phase1_m_factor_y"] = "nan"
    if number == 4:
        row["phase2_percolating_fraction_z"] = 0.5
    if number == 5:
        row["phase2_constrictivity_x"] = row["phase2_constrictivity_z"] = 0.0
    if number == 6:
        row["phase1_geodesic_tortuosity_z"] = ""


rows = write_table("sweep.csv", change=spoil)
forms = ",".join(EXPONENTS)
r = good("regress", 1, "sweep.csv", "-regress_form", forms, "-o", "fit.json")
result, table = read_json("fit.json"), read_csv("fit.csv")

# rows
check(f"rows {result['rows']}, samples {result['samples']}", result["rows"] == 34 * 6 - 6 and result["samples"] == 36)
check(f"left out {result['left_out']}", result["left_out"] == {
    "failed": 12, "target_missing": 1, "no_path": 1, "barely_percolating": 1, "volume_fraction": 0, "constrictivity": 2,
    "geodesic_tortuosity": 1})
check(f"no reasons printed: {r.stdout[:500]}", all(words in r.stdout for words in (
    '12 rows: status is not "done"', "1 row: m_factor is missing", "1 row: m_factor is not positive", "1 row: barely percolating",
    "2 rows: constrictivity", "1 row: geodesic_tortuosity")))
want = []
for row in rows:
    for phase in (1, 2):
        for axis in AXES:
            head = f"phase{phase}_"
            entry = [row[head + "volume_fraction"], row[f"{head}constrictivity_{axis}"],
                     row[f"{head}geodesic_tortuosity_{axis}"], row[f"{head}m_factor_{axis}"]]
            if row["status"] == "done" and all(v not in ("", "nan") and v > 0 for v in entry) and \
                    row[f"{head}percolating_fraction_{axis}"] >= 0.9:
                want.append([row["sample"], phase, axis, *entry])
check("rows of the CSV are not those of the table", len(want) == len(table) and all(
    w[:3] == [int(t["sample"]), int(t["phase"]), t["axis"]] and
    w[3:] == [float(t[key]) for key in ("volume_fraction", "constrictivity", "geodesic_tortuosity", "m_factor")]
    for w, t in zip(want, table)))
x, m = np.array([w[3:6] for w in want]), np.array([w[6] for w in want])
sample = np.array([w[0] for w in want])
fold = np.array([int(t["fold"]) for t in table])
check("a sample in two folds", all(len(set(fold[sample == s])) == 1 for s in set(sample)))
check(f"folds {sorted(set(fold))}", sorted(set(fold)) == list(range(1, 11)))

# fits
fits = {(f["form"], f["fit"]): f for f in result["groups"][0]["fits"]}
check(f"fits {list(fits)}", len(fits) == 2 * len(EXPONENTS) + len(PUBLISHED))
for form in EXPONENTS:
    for kind, fit in (("log", log_fit), ("absolute", absolute_fit)):
        entry, what = fits[form, kind], f"{form} {kind}"
        theta = fit(form, x, m)
        near(f"{what}, parameters", theta_of(entry), theta, 1e-7 if kind == "absolute" else 1e-10, 1e-9)
        y = predict(form, x, theta_of(entry))
        near(f"{what}, predictions", [float(t[f"{form}_{kind}"]) for t in table], y)
        near(f"{what}, figures", figures_of(entry), figures(m, y))
        if kind == "absolute":
            a = design(form, x)[0] * y[:, None]
            check(f"{what}, gradient", np.max(np.abs(a.T @ (y - m)) / np.linalg.norm(a, axis=0)) < 1e-7 * np.linalg.norm(y - m))
        left = np.full(len(m), np.nan)  # cross-validation by brute force
        for f in range(1, 11):
            out = fold == f
            left[out] = predict(form, x[out], fit(form, x[~out], m[~out]))
        near(f"{what}, cross-validation", figures_of(entry["cross_validation"]), figures(m, left), 1e-6)
        a = design(form, x)[0]
        if form != "eps":
            near(f"{what}, condition number", entry["condition_number"],
                 np.linalg.cond(a / np.linalg.norm(a, axis=0)), 1e-7)
for name, (a, b, c) in PUBLISHED.items():
    y = x[:, 0] ** a * x[:, 1] ** b / x[:, 2] ** c
    near(name, [float(t[name]) for t in table], y)
    near(f"{name}, figures", figures_of(fits[name, "published"]), figures(m, y))
    check(f"{name} has parameters", fits[name, "published"]["parameters"] == {})
truth = {"k": 1, "a": 1.15, "b": 0.37, "c": 4.39}
for key, (low, high) in fits["power", "log"]["parameters_ci95"].items():
    width = high - low
    check(f"{key} {low}..{high} is far from {truth[key]}", low - width < truth[key] < high + width and width < 1.5)
check(r.stdout, "eps^a beta^b / tau^c" in r.stdout and "cross-validated by sample, 10 folds" in r.stdout)

# intervals by rows: the textbook's, t quantile of 194 degrees of freedom
good("regress", 1, "sweep.csv", "-regress_form", "power", "-regress_intervals", "rows", "-o", "rows.json", "-regress_folds", "0")
entry = read_json("rows.json")["groups"][0]["fits"][0]
a, offset = design("power", x)
residual = np.log(m) - offset - a @ log_fit("power", x, m)
sd = np.sqrt(np.diag(np.linalg.inv(a.T @ a)) * np.sum(residual ** 2) / (len(m) - 4))
near("sd by rows", [entry["parameters_sd"][key] for key in "abc"], sd[1:], 1e-8)
near("interval by rows", entry["parameters_ci95"]["a"][1], entry["parameters"]["a"] + 1.9722674 * sd[1], 1e-7)
check("cross-validation without folds", entry["cross_validation"]["r2"] is None)

# HDF5: the same columns as data sets
with h5py.File(os.path.join(TMP, "sweep.h5"), "w") as file:
    for key in rows[0]:
        column = [r[key] for r in rows]
        if key == "message":
            file["table/message"] = np.bytes_("\n".join(column))
        elif key == "status":
            file["table/status"] = np.array([value == "done" for value in column], float)
        else:
            file[f"table/{key}"] = np.array([np.nan if value == "" else value for value in column], float)
for ranks in (1, 3):
    good("regress", ranks, "sweep.h5", "-regress_form", forms, "-o", "hdf5.json")
    again = read_json("hdf5.json")
    check(f"HDF5, {ranks} ranks", again["groups"] == result["groups"] and again["left_out"] == result["left_out"])

# other residuals, groups, all rank counts
results = []
for ranks in (1, 3):
    good("regress", ranks, "sweep.csv", "-regress_form", "power1", "-regress_residuals", "relative", "-regress_groups",
         "pooled,phase,axis", "-regress_axis", "x,z", "-o", "groups.json")
    results.append(read_json("groups.json")["groups"])
    table = read_csv("groups.csv")
check("other results at 3 ranks", results[0] == results[1])
groups = {g["group"]: g for g in results[0]}
check(f"groups {list(groups)}", list(groups) == ["pooled", "phase 1", "phase 2", "axis x", "axis z"])
for name, g in groups.items():
    part = [w for w in want if w[2] in "xz" and (name == "pooled" or (name == f"phase {w[1]}") or name == f"axis {w[2]}")]
    gx, gm = np.array([w[3:6] for w in part]), np.array([w[6] for w in part])
    check(f"{name}: {g['rows']} rows", g["rows"] == len(part) == sum(t["group"] == name for t in table))
    near(f"{name}, log fit", theta_of(g["fits"][0]), log_fit("power1", gx, gm), 1e-9)
    a, offset = design("power1", gx)
    y = np.exp(a @ theta_of(g["fits"][1]) + offset) / gm
    a = a * y[:, None]
    check(f"{name}: relative fit", g["fits"][1]["fit"] == "relative" and
          np.max(np.abs(a.T @ (y - 1)) / np.linalg.norm(a, axis=0)) < 1e-7 * np.linalg.norm(y - 1))

# own predictors, columns of a sample among them; another target; phases
good("regress", 1, "sweep.csv", "-regress_predictors", "volume_fraction,field1_length_xy", "-regress_target",
     "geodesic_tortuosity", "-regress_phase", "2", "-o", "own.json", "-regress_percolation", "0")
own = read_json("own.json")
entry = own["groups"][0]["fits"][0]
part = [(r["phase2_volume_fraction"], r["field1_length_xy"], r[f"phase2_geodesic_tortuosity_{axis}"])
        for r in rows if r["status"] == "done" for axis in AXES]
part = np.array([p for p in part if "" not in p], float)
theta = np.linalg.lstsq(np.column_stack([np.ones(len(part)), np.log(part[:, :2])]), np.log(part[:, 2]), rcond=None)[0]
check(f"own predictors {entry['form']}, {entry['parameters']}, {own['rows']} rows",
      entry["form"] == "predictors" and list(entry["parameters"]) == ["k", "volume_fraction", "field1_length_xy"] and
      own["rows"] == len(part))
near("own predictors, parameters", theta_of(entry), theta)
check("published laws of another target", all(f["fit"] != "published" for f in own["groups"][0]["fits"]))

# collinear predictors are told, not fitted blindly
def collinear(row, number):
    for phase in (1, 2):
        for axis in AXES:
            if row["status"] == "done":
                row[f"phase{phase}_geodesic_tortuosity_{axis}"] = row[f"phase{phase}_volume_fraction"] ** -0.4

write_table("collinear.csv", change=collinear)
r = good("regress", 1, "collinear.csv", "-o", "line.json")
fits = {(f["form"], f["fit"]): f for f in read_json("line.json")["groups"][0]["fits"]}
entry = fits["power", "log"]
check(f"collinear: {entry}", entry["status"] == "collinear" and entry["parameters"]["a"] is None and entry["r2"] is None)
check(f"collinear: {entry['remark']}", "do not tell a and c apart" in entry["remark"] and "do not tell a and c apart" in r.stdout)
check("eps is fitted all the same", fits["eps", "log"]["status"] == "done")
end()
