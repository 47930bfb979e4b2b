#!/usr/bin/env python3
# test: time=120
"""exset generate: files, figures and provenance; equal twins for all rank counts; mistakes are one line and exit code 2."""
import json
import os

import h5py
import numpy as np

from lib import TMP, bad, check, end, good, read_json

MODEL = """
field1: {type: gaussian, family: matern, length_xy: 1.0, length_z: 0.8, nu: 1.5, fraction: 0.3}
field2: {type: chi_square, dof: 2, family: [gaussian, ring], length_xy: [0.8, 0.6], width: 0.3, fraction: 0.55, below: true}
"""


def read(name):
    with h5py.File(os.path.join(TMP, name)) as f:
        group = f["VTKHDF"]
        cells = {k: group["CellData"][k][()] for k in group["CellData"]}
        return cells, dict(group.attrs)


with open(os.path.join(TMP, "model.yaml"), "w") as f:
    f.write(MODEL)
size = ["-size", "40,48,54", "-voxel_size", "0.3,0.25,0.25", "-seed", "7"]

# one twin: figures, file, provenance
good("generate", 2, "model.yaml", *size, "-o", "twin.vtkhdf")
j = read_json("twin.json")
cells, attributes = read("twin.vtkhdf")
phase = cells["phase"]
check(f"{phase.shape} {phase.dtype}", phase.shape == (40, 48, 54) and phase.dtype == np.uint8)
fractions = [(phase == p).mean() for p in (1, 2, 3)]
check(f"{j['volume_fractions']} {fractions}", np.allclose(j["volume_fractions"], fractions, atol=1e-12))
check(j["model_fractions"], np.allclose(j["model_fractions"], [0.3, 0.7 * 0.55, 0.7 * 0.45], atol=1e-12))
check(j["seconds"], set(j["seconds"]) == {"plan", "noise", "fft", "threshold", "figures", "write"})
check(j["seconds"], min(j["seconds"].values()) >= 0 and j["seconds"]["fft"] > 0)
check("checksum and peak_bytes", len(j["checksum"]) == 16 and j["peak_bytes_total"] >= j["peak_bytes"] > 1e6)
check(f"how it ran: {j}", (j["ranks"], j["threads"], j["groups"], j["process_grid"]) == (2, 1, 1, [2, 1]))
check("record", j["command"] == "generate" and j["inputs"] == ["model.yaml"] and "fftw" in j["versions"])
text = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
for name, part in (("model", "chi_square"), ("seed", "7"), ("realisation", "1"), ("command", "generate")):
    check(f"attribute {name}: {text.get(name)}", part in str(text.get(name)))
check("attribute parameters", json.loads(text["parameters"])["voxel_size"] == "0.3,0.25,0.25")
check("attribute versions", {"exset", "mpi", "fftw"} <= set(json.loads(text["versions"])))
check(attributes["Spacing"], np.allclose(attributes["Spacing"], [0.25, 0.25, 0.3]))

# the model in the file makes the same twin
with open(os.path.join(TMP, "again.yaml"), "w") as f:
    f.write(text["model"])
good("generate", 1, "again.yaml", *size, "-o", "again.vtkhdf")
check("the stored model makes another twin", (read("again.vtkhdf")[0]["phase"] == phase).mean() > 1 - 1e-4)

# any number of ranks: labels equal but for rounding (fewer than 1 in 1e6: here at most 1 cell)
for ranks in (1, 3, 5):
    good("generate", ranks, "model.yaml", *size, "-o", f"r{ranks}.vtkhdf")
    differ = (read(f"r{ranks}.vtkhdf")[0]["phase"] != phase).sum()
    check(f"{differ} cells differ between {ranks} and 2 ranks", differ <= 1)
good("generate", 3, "model.yaml", "-size", "2,8,8", "-voxel_size", "1", "-o", "flat.vtkhdf")  # more ranks than planes

# several realisations: numbered files, the first equal to the single one, means at the top
good("generate", 2, "model.yaml", *size, "-realisations", "3", "-o", "many.vtkhdf")
j3 = read_json("many.json")
twins = [read(f"many-{r:04d}.vtkhdf")[0]["phase"] for r in (1, 2, 3)]
check("realisation 1 is not the single one", (twins[0] == phase).all())
check("realisations are alike", (twins[0] != twins[1]).mean() > 0.3 and (twins[1] != twins[2]).mean() > 0.3)
check("a file without a number", not os.path.exists(os.path.join(TMP, "many.vtkhdf")))
check("list of realisations", [r["realisation"] for r in j3["realisations"]] == [1, 2, 3])
check("checksum of realisation 1", j3["realisations"][0]["checksum"] == j["checksum"])
check("means", np.allclose(j3["volume_fractions"], np.mean([r["volume_fractions"] for r in j3["realisations"]], 0)))
good("generate", 1, "model.yaml", *size, "-seed", "8", "-o", "seed.vtkhdf")
check("another seed, the same twin", (read("seed.vtkhdf")[0]["phase"] != phase).mean() > 0.3)

# fields beside the labels; nothing but figures; other formats; wisdom
good("generate", 3, "model.yaml", *size, "-output", "fields", "-o", "fields.vtkhdf")
cells, _ = read("fields.vtkhdf")
level = 2 * np.log(1 / 0.45)  # chi-square, 2 degrees of freedom: P(X <= level) = 0.55
expected = np.where(cells["field1"] >= 0.5244005127080407, 1, np.where(cells["field2"] <= level, 2, 3))
check("labels are not those of the fields", (cells["phase"] != expected).sum() <= 1 and cells["field1"].dtype == np.float32)
r = good("generate", 1, "model.yaml", *size, "-output", "none", "-o", "none.vtkhdf")
check("-output none", not os.path.exists(os.path.join(TMP, "none.vtkhdf")) and read_json("none.json")["checksum"] == j["checksum"])
good("generate", 2, "model.yaml", *size, "-o", "twin.tif")
good("generate", 2, "model.yaml", *size, "-fft_plan", "measure", "-fft_wisdom", "wisdom", "-o", "measured.vtkhdf")
good("generate", 2, "model.yaml", *size, "-fft_wisdom", "wisdom", "-o", "measured.vtkhdf")
check("a measured plan makes another twin", (read("measured.vtkhdf")[0]["phase"] != phase).sum() <= 1)
check("wisdom file", "fftw" in open(os.path.join(TMP, "wisdom")).read())

# plans and warnings
r = good("generate", 2, "model.yaml", "-size", "64,127,64", "-voxel_size", "0.7", "-dry_run", "-o", "dry.vtkhdf")
check(r.stdout, "64 x 127 x 64" in r.stdout and "GB" in r.stdout)
check(r.stderr, "prime factor 127" in r.stderr and "126 and 128" in r.stderr)
check(r.stderr, "% of the spectrum" in r.stderr and r.stderr.count("field 1") == 1)
check("-dry_run leaves files", not [n for n in os.listdir(TMP) if n.startswith("dry")])
r = good("generate", 2, "model.yaml", "-size", "64", "-voxel_size", "0.1", "-dry_run")
check(r.stderr, "6.4 um along z" in r.stderr and "10 correlation lengths" in r.stderr)
r = good("generate", 2, "model.yaml", "-size", "64", "-voxel_size", "0.2", "-dry_run")
check(f"warnings without need: {r.stderr}", r.stderr == "")

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
    bad("generate", 2 if "nowhere/twin.vtkhdf" in arguments else 1, part, *arguments)
end()
