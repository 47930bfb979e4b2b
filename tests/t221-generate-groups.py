#!/usr/bin/env python3
# test: time=120
"""exset generate -realisations N on groups of ranks: the same twins, files and results for any grouping; errors in one group."""
import os
import re
import shutil

import h5py

from lib import TMP, bad, check, end, good, read_json

MODEL = """
field1: {type: gaussian, family: matern, length_xy: 1.0, length_z: 0.8, nu: 1.5, fraction: 0.3}
field2: {type: chi_square, dof: 2, family: gaussian, length_xy: 0.8, fraction: 0.55, below: true}
"""
with open(os.path.join(TMP, "model.yaml"), "w") as f:
    f.write(MODEL)
size = ["model.yaml", "-size", "20,24,18", "-voxel_size", "0.7,0.6,0.8", "-seed", "3"]  # neither cube nor cubic voxels


def twins(ranks, n, *more):
    """Run; returns the process, the JSON and (checksum, number, labels) of each file."""
    folder = os.path.join(TMP, "out")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    r = good("generate", ranks, *size, "-realisations", str(n), "-o", "out/twin.vtkhdf", *more)
    results = read_json("out/twin.json")
    files = sorted(name for name in os.listdir(folder) if name.endswith(".vtkhdf"))
    found = []
    for item, name in zip(results["realisations"], files):
        check(f"{item['file']} {name}", item["file"] == "out/" + name)
        with h5py.File(os.path.join(folder, name)) as h5:
            number = int(h5["VTKHDF"].attrs["realisation"])
            found.append((item["checksum"], number, h5["VTKHDF/CellData/phase"][()].tobytes()))
    check(f"{len(files)} files of {n}", len(files) == len(found) == n)
    return r, results, found


def table(r):
    """What is printed, without the times."""
    return [line for line in r.stdout.splitlines() if not line.startswith("seconds")]


def compare(name, run, reference):
    check(f"{name}: files", run[2] == reference[2])
    check(f"{name}: table: {run[0].stdout}", table(run[0]) == table(reference[0]))
    for key in ("volume_fractions", "checksum", "model_fractions"):
        check(f"{name}: {key}", run[1][key] == reference[1][key])
    for a, b in zip(run[1]["realisations"], reference[1]["realisations"]):
        check(f"{name}: {a} {b}", all(a[k] == b[k] for k in ("realisation", "file", "volume_fractions", "checksum")))
        check(f"{name}: {a['seconds']}", a["seconds"]["fft"] > 0 and a["seconds"]["write"] > 0)


for n in (5, 2):
    reference = twins(1, n)
    check("numbers of the files", [number for _, number, _ in reference[2]] == list(range(1, n + 1)))
    check("all twins are different", len({labels for _, _, labels in reference[2]}) == n)
    check("one rank, one group", reference[1]["groups"] == 1)
    for ranks, groups in ((2, 0), (2, 1), (3, 0), (5, 0)) if n == 5 else ((2, 2), (3, 3), (5, 0)):
        run = twins(ranks, n, "-realisation_groups", str(groups))
        compare(f"{n} on {ranks} ranks, {groups} groups", run, reference)
        chosen = {(5, 2): 2, (5, 3): 3, (5, 5): 5, (2, 2): 2, (2, 3): 1, (2, 5): 1}[n, ranks]
        check(f"{n} on {ranks} ranks: {run[1]['groups']} groups", run[1]["groups"] == (groups or chosen))
        idle = "have no realisation" in run[0].stderr
        check(f"{n} on {ranks} ranks: {run[0].stderr}", idle == (groups > n))
        lines = [line for line in re.sub(r"\[.*?\]", "", run[0].stderr).splitlines() if "warning" not in line]
        check(f"lines twice: {lines}", len(lines) == len(set(lines)))
        mine = len(range(0, n, run[1]["groups"]))  # of the first group
        check(f"progress: {lines}", sum("done" in line for line in lines) == sum("writing" in line for line in lines) == mine)
run = good("generate", 3, *size, "-realisations", "3", "-verbosity", "0", "-output", "none", "-o", "quiet.vtkhdf")
check(f"not quiet: {run.stderr}", not [line for line in run.stderr.splitlines() if not line.startswith("warning")])
check("groups of 3", read_json("quiet.json")["groups"] == 3 and "file" not in read_json("quiet.json")["realisations"][0])

# a twin that cannot be written: one line, exit code 2, whichever group it is, and the other groups end soon
for ranks, groups, number, n in ((1, 1, 2, 3), (2, 2, 2, 40), (2, 1, 3, 40), (3, 3, 1, 40), (5, 5, 9, 9)):
    name = f"bad{ranks}{groups}{number}"
    os.mkdir(os.path.join(TMP, f"{name}-{number:04d}.vtkhdf"))
    bad("generate", ranks, f"{name}-{number:04d}.vtkhdf: it is a folder", *size, "-realisations", str(n),
        "-realisation_groups", str(groups), "-o", f"{name}.vtkhdf")
    left = [f for f in os.listdir(TMP) if f.startswith(name) and not f.endswith(f"{number:04d}.vtkhdf")]
    check(f"{name}: results of a failed run", f"{name}.json" not in left)
    check(f"{name}: {len(left)} twins after the error", len(left) <= number + 2 * groups)

bad("generate", 3, "-realisation_groups 2 does not divide the number of ranks, 3", *size, "-realisations", "2", "-realisation_groups", "2")
bad("generate", 1, "-realisation_groups", *size, "-realisation_groups", "-1")
bad("generate", 3, "-fft_grid 3,1 is not allowed: P Q ranks, but a group has 1 of 3", *size, "-realisations", "3", "-realisation_groups", "3", "-fft_grid", "3,1")
end()
