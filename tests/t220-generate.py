#!/usr/bin/env python3
# test: time=120
"""exset generate: files, figures and provenance; equal twins for all rank counts; mistakes are one line and exit code 2."""
import json
import os
import subprocess
import sys

import h5py
import numpy as np

exset, mpiexec, tmp = os.environ["EXSET"], os.environ["MPIEXEC"].split(), os.environ["TEST_TMP"]
MODEL = """
field1: {type: gaussian, family: matern, length_xy: 1.0, length_z: 0.8, nu: 1.5, fraction: 0.3}
field2: {type: chi_square, dof: 2, family: [gaussian, ring], length_xy: [0.8, 0.6], width: 0.3, fraction: 0.55, below: true}
"""
checks = 0
failed = 0


def check(ok, what):
    global checks, failed
    checks += 1
    if not ok:
        failed += 1
        print("failed:", what)


def run(ranks, *arguments):
    start = [*mpiexec, "-n", str(ranks)] if ranks > 1 else []
    return subprocess.run([*start, exset, "generate", *arguments], cwd=tmp, capture_output=True, text=True)


def good(ranks, *arguments):
    r = run(ranks, *arguments)
    check(r.returncode == 0, f"{arguments}: exit code {r.returncode}: {r.stderr}")
    return r


def read(name):
    with h5py.File(os.path.join(tmp, name)) as f:
        group = f["VTKHDF"]
        cells = {k: group["CellData"][k][()] for k in group["CellData"]}
        return cells, dict(group.attrs)


def read_json(name):
    with open(os.path.join(tmp, name)) as f:
        return json.load(f)


with open(os.path.join(tmp, "model.yaml"), "w") as f:
    f.write(MODEL)
size = ["-size", "40,48,54", "-voxel_size", "0.3,0.25,0.25", "-seed", "7"]

# one twin: figures, file, provenance
good(2, "model.yaml", *size, "-o", "twin.vtkhdf")
j = read_json("twin.json")
cells, attributes = read("twin.vtkhdf")
phase = cells["phase"]
check(phase.shape == (40, 48, 54) and phase.dtype == np.uint8, f"{phase.shape} {phase.dtype}")
fractions = [(phase == p).mean() for p in (1, 2, 3)]
check(np.allclose(j["volume_fractions"], fractions, atol=1e-12), f"{j['volume_fractions']} {fractions}")
check(np.allclose(j["model_fractions"], [0.3, 0.7 * 0.55, 0.7 * 0.45], atol=1e-12), j["model_fractions"])
check(set(j["seconds"]) == {"plan", "noise", "fft", "threshold", "write"}, j["seconds"])
check(min(j["seconds"].values()) >= 0 and j["seconds"]["fft"] > 0, j["seconds"])
check(len(j["checksum"]) == 16 and j["peak_bytes"] > 1e6, "checksum and peak_bytes")
text = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
for name, part in (("model", "chi_square"), ("seed", "7"), ("realisation", "1"), ("command", "generate")):
    check(part in str(text.get(name)), f"attribute {name}: {text.get(name)}")
check(json.loads(text["parameters"])["voxel_size"] == "0.3,0.25,0.25", "attribute parameters")
check({"exset", "mpi", "fftw"} <= set(json.loads(text["versions"])), "attribute versions")
check(np.allclose(attributes["Spacing"], [0.25, 0.25, 0.3]), attributes["Spacing"])

# the model in the file makes the same twin
with open(os.path.join(tmp, "again.yaml"), "w") as f:
    f.write(text["model"])
good(1, "again.yaml", *size, "-o", "again.vtkhdf")
check((read("again.vtkhdf")[0]["phase"] == phase).mean() > 1 - 1e-4, "the stored model makes another twin")

# any number of ranks: labels equal but for rounding (fewer than 1 in 1e6: here at most 1 cell)
for ranks in (1, 3, 5):
    good(ranks, "model.yaml", *size, "-o", f"r{ranks}.vtkhdf")
    differ = (read(f"r{ranks}.vtkhdf")[0]["phase"] != phase).sum()
    check(differ <= 1, f"{differ} cells differ between {ranks} and 2 ranks")
good(3, "model.yaml", "-size", "2,8,8", "-voxel_size", "1", "-o", "flat.vtkhdf")  # more ranks than planes

# several realisations: numbered files, the first equal to the single one, means at the top
good(2, "model.yaml", *size, "-realisations", "3", "-o", "many.vtkhdf")
j3 = read_json("many.json")
twins = [read(f"many-{r:04d}.vtkhdf")[0]["phase"] for r in (1, 2, 3)]
check((twins[0] == phase).all(), "realisation 1 is not the single one")
check((twins[0] != twins[1]).mean() > 0.3 and (twins[1] != twins[2]).mean() > 0.3, "realisations are alike")
check(not os.path.exists(os.path.join(tmp, "many.vtkhdf")), "a file without a number")
check([r["realisation"] for r in j3["realisations"]] == [1, 2, 3], "list of realisations")
check(j3["realisations"][0]["checksum"] == j["checksum"], "checksum of realisation 1")
check(np.allclose(j3["volume_fractions"], np.mean([r["volume_fractions"] for r in j3["realisations"]], 0)), "means")
good(1, "model.yaml", *size, "-seed", "8", "-o", "seed.vtkhdf")
check((read("seed.vtkhdf")[0]["phase"] != phase).mean() > 0.3, "another seed, the same twin")

# fields beside the labels; nothing but figures; other formats; wisdom
good(3, "model.yaml", *size, "-output", "fields", "-o", "fields.vtkhdf")
cells, _ = read("fields.vtkhdf")
level = 2 * np.log(1 / 0.45)  # chi-square, 2 degrees of freedom: P(X <= level) = 0.55
expected = np.where(cells["field1"] >= 0.5244005127080407, 1, np.where(cells["field2"] <= level, 2, 3))
check((cells["phase"] != expected).sum() <= 1 and cells["field1"].dtype == np.float32, "labels are not those of the fields")
r = good(1, "model.yaml", *size, "-output", "none", "-o", "none.vtkhdf")
check(not os.path.exists(os.path.join(tmp, "none.vtkhdf")) and read_json("none.json")["checksum"] == j["checksum"], "-output none")
good(2, "model.yaml", *size, "-o", "twin.tif")
good(2, "model.yaml", *size, "-fft_plan", "measure", "-fft_wisdom", "wisdom", "-o", "measured.vtkhdf")
good(2, "model.yaml", *size, "-fft_wisdom", "wisdom", "-o", "measured.vtkhdf")
check((read("measured.vtkhdf")[0]["phase"] != phase).sum() <= 1, "a measured plan makes another twin")
check("fftw" in open(os.path.join(tmp, "wisdom")).read(), "wisdom file")

# plans and warnings
r = good(2, "model.yaml", "-size", "64,127,64", "-voxel_size", "0.7", "-dry_run", "-o", "dry.vtkhdf")
check("64 x 127 x 64" in r.stdout and "GB" in r.stdout, r.stdout)
check("prime factor 127" in r.stderr and "126 and 128" in r.stderr, r.stderr)
check("% of the spectrum" in r.stderr and r.stderr.count("field 1") == 1, r.stderr)
check(not [n for n in os.listdir(tmp) if n.startswith("dry")], "-dry_run leaves files")
r = good(2, "model.yaml", "-size", "64", "-voxel_size", "0.1", "-dry_run")
check("6.4 um along z" in r.stderr and "10 correlation lengths" in r.stderr, r.stderr)
r = good(2, "model.yaml", "-size", "64", "-voxel_size", "0.2", "-dry_run")
check(r.stderr == "", f"warnings without need: {r.stderr}")

# mistakes
for arguments, part in (
    (["model.yaml"], "-size"),
    (["model.yaml", "-size", "64,64"], "-size has 2 values"),
    (["model.yaml", "-size", "64", "-voxel_size", "0.1,0.1"], "-voxel_size has 2 values"),
    (["model.yaml", "-size", "64", "-o", "twin.png"], ".vtkhdf"),
    (["model.yaml", "-size", "64", "-o", "nowhere/twin.vtkhdf"], "nowhere"),
    (["model.yaml", "-size", "64", "-output", "fields", "-o", "twin.tif"], "cell arrays"),
    (["model.yaml", "-size", "64", "-field2_coupling", "1"], "coupl"),
    (["model.yaml", "-size", "64", "-fft_wisdom", "model.yaml"], "wisdom"),
    (["model.yaml", "-size", "9223372036854775807"], "2^62"),
    (["-size", "64"], "field1"),
):
    r = run(2 if "nowhere/twin.vtkhdf" in arguments else 1, *arguments)
    lines = [line for line in r.stderr.splitlines() if line.startswith("exset: ")]
    check(r.returncode == 2 and len(lines) == 1 and part in lines[0], f"{arguments}: {r.returncode} {r.stderr}")

print(f"checks {checks}, failed {failed}")
sys.exit(failed > 0)
