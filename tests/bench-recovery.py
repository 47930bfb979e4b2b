#!/usr/bin/python3
"""Recovery of known models from 16 sections of 512 x 512 pixels by training, from starts 40 % off: errors and
seconds of processor time.

Low-parametric, isotropic (3 seeds of sections and training) and cylindrical, and 32 spline coefficients for each field, whose
covariance functions are compared. One rank. Prints "ratio NAME VALUE BOUND" with the largest error and its target; arguments
select cases by the beginning of their names."""
import json
import math
import os
import resource
import subprocess
import sys
import tempfile

import h5py
import numpy as np
from PIL import Image

from covariance import covariance, density, read_field

EXSET = os.path.abspath(os.environ.get("EXSET", "bin/exset"))
GRAY = np.array([255, 0, 85, 170], np.uint8)
SECOND = {"type": "chi_square", "dof": 2, "family": "matern", "nu": 1.5, "length_xy": 5.0, "fraction": 0.30}
ISOTROPIC = [{"type": "gaussian", "family": "gaussian", "length_xy": 8.0, "fraction": 0.40}, SECOND]
CYLINDRICAL = [{**ISOTROPIC[0], "length_z": 4.8}, {**SECOND, "length_z": 3.0}]
RING = [{"type": "gaussian", "family": "ring", "width": 0.2, "length_xy": 3.0, "fraction": 0.40}, SECOND]
STARTS = [{"length_xy": 1.4, "length_z": 0.6, "fraction": 1.4}, {"length_xy": 0.6, "length_z": 1.4, "fraction": 1.4}]
KNOTS, KNOTS_MAX = 32, math.pi / 2
LAGS = [np.arange(31.0), np.arange(16.0)]  # of the comparison: 1.5 periods of the ring, 3 lengths of the other field
RANGES = {"length": ("%+.1f %%", 100), "fraction": ("%+.4f", 1), "nu": ("%+.1f %%", 100), "covariance": ("%.4f", 1)}


# ---- sections ------------------------------------------------------------------------------------
def exset(command, *arguments):
    subprocess.run([EXSET, command, *arguments, "-verbosity", "0"], check=True, stdout=subprocess.DEVNULL)


def flat(fields):
    return [text for i, field in enumerate(fields) for key, value in field.items() for text in (f"-field{i + 1}_{key}", str(value))]


def make_sections(name, fields, seed, yz):
    """16 sections of a twin as images; with yz half of them contain z. Returns the options that name them."""
    size = "512" if yz else "256,512,512"
    exset("generate", "-size", size, "-voxel_size", "1", "-seed", str(seed), "-o", f"{name}.vtkhdf", *flat(fields))
    with h5py.File(f"{name}.vtkhdf") as file:
        phase = file["VTKHDF/CellData/phase"]
        nz, _, nx = phase.shape
        xy = [phase[z] for z in range(0, nz, nz // (8 if yz else 16))]
        cut = [phase[:, :, x] for x in range(0, nx, nx // 8)] if yz else []
    os.remove(f"{name}.vtkhdf")
    options = ["-image_labels", "0,85,170", "-voxel_size", "1"]
    for plane, sections in (("xy", xy), ("yz", cut)):
        files = [f"{name}_{plane}_{i:02d}.png" for i in range(len(sections))]
        for file, section in zip(files, sections):
            Image.fromarray(GRAY[section]).save(file)
        options += [f"-sections_{plane}", ",".join(files)] if files else []
    return options


# ---- training ------------------------------------------------------------------------------------
def off(fields):
    """The start: every length and fraction 40 % from the truth, some up, some down."""
    return [{key: value * factors.get(key, 1) if isinstance(value, float) else value for key, value in field.items()}
            for field, factors in zip(fields, STARTS)]


def splines(field):
    """A spectrum that is not of the truth's family: splines through a Matern spectrum."""
    centres = np.arange(KNOTS) * KNOTS_MAX / (KNOTS - 1)
    like = {"family": "matern", "nu": 1.5, "length_xy": field["length_xy"]}
    given = {key: field[key] for key in ("type", "dof", "fraction") if key in field}
    knots = ",".join(f"{c:.6g}" for c in density(like, centres) / density(like, np.zeros(1)))
    return {**given, "family": "knots", "knots_shape": KNOTS, "knots_max": KNOTS_MAX, "knots": knots}


def seconds_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def calibrate(name, method, seed, sections, fields, *more):
    """Result, seconds of processor time."""
    begin = seconds_of_children()
    exset("calibrate", "-method", method, "-seed", str(seed), "-train_start", "given", "-o", f"{name}.yaml", *sections,
          *flat(fields), *more)
    with open(f"{name}.json") as file:
        return json.load(file), seconds_of_children() - begin


# ---- errors --------------------------------------------------------------------------------------
def parameter_errors(result, fields):
    """Lengths and nu relative, fractions absolute."""
    errors = {}
    for name, value in result["parameters"].items():
        number, key = name[len("field"):].split("_", 1)
        known = fields[int(number) - 1].get(key)
        if known and name not in result["parameters_fixed"]:
            errors[name] = value - known if key == "fraction" else value / known - 1
    return errors


def covariance_errors(name, fields):
    """Root mean squares over the lags."""
    found = [covariance(read_field(f"{name}.yaml", i + 1), LAGS[i], math.pi) for i in range(2)]
    known = [covariance(field, LAGS[i], math.pi) for i, field in enumerate(fields)]
    return {f"field{i + 1}_covariance": math.sqrt(np.mean((found[i] - known[i])**2)) for i in range(2)}


def kind_of(name):
    return next(kind for kind in RANGES if kind in name.split("_"))


def show(label, errors, result, seconds):
    texts = [f"{name} " + RANGES[kind_of(name)][0] % (RANGES[kind_of(name)][1] * error) for name, error in errors.items()]
    accuracy = result.get("discriminator_accuracy")
    texts += [f"accuracy {accuracy:.2f}"] if accuracy is not None else []
    print(f"  {label:24s} {seconds:5.1f} s  {', '.join(texts)}", flush=True)


def compare(label, errors, targets):
    """The largest error of each kind that has a target, over all runs."""
    for kind, target in targets.items():
        worst = max(abs(error) for run in errors for name, error in run.items() if kind_of(name) == kind)
        print(f"ratio recovery/{label}-{kind} {worst:.4f} {target}")


# ---- cases ---------------------------------------------------------------------------------------
METHODS = {"adversarial": (["-calibrate_fix", "field2_nu"], {"length": 0.10, "fraction": 0.03}),
           "combined": ([], {"length": 0.03, "fraction": 0.01})}


def low_parametric(label, fields, seeds, yz):
    sections = {seed: make_sections(f"{label}{seed}", fields, seed, yz) for seed in seeds}
    for method, (more, targets) in METHODS.items():
        errors = []
        for seed in seeds:
            result, seconds = calibrate(f"{label}_{method}", method, seed, sections[seed], off(fields), *more)
            errors.append(parameter_errors(result, fields))
            show(f"{label} {method} {seed}", errors[-1], result, seconds)
        compare(f"{label}-{method}", errors, targets)


def high_parametric():
    sections = make_sections("splines", RING, 1, False)
    open_start = [{key: value for key, value in splines(field).items() if key not in ("knots", "fraction")} for field in RING]
    runs = (("coverage", open_start, []), ("combined", open_start, ["-train_start", "coverage"]),
            ("adversarial", [splines(field) for field in off(RING)], []))
    for method, fields, more in runs:
        name = f"splines_{method}"
        result, seconds = calibrate(name, method, 1, sections, fields, *more)
        errors = {**parameter_errors(result, RING), **covariance_errors(name, RING)}
        show(f"splines {method}", errors, result, seconds)
        compare(f"splines-{method}", [errors], {"covariance": 0.02})


CASES = {"isotropic": lambda: low_parametric("isotropic", ISOTROPIC, (1, 2, 3), False),
         "cylindrical": lambda: low_parametric("cylindrical", CYLINDRICAL, (1,), True),
         "splines": high_parametric}


def main():
    wanted = [name for name in CASES if len(sys.argv) < 2 or any(name.startswith(begin) for begin in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in wanted:
            CASES[name]()


main()
