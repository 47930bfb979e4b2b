# test: time=60
"""Job scripts without SLURM: options before commands, what they say when program or input is missing, and the plans that their
headers show are those that exset prints."""
import glob
import os
import re
import subprocess

import h5py

from lib import EXSET, TMP, check, end

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?")
SWEEP = """
field1: {type: gaussian, family: gaussian, fraction: 0.4, length_xy: 1.0}
size: 256
voxel_size: 0.1
realisations: 4
sweep_design: sobol
sweep_samples: 100
sweep_parameter1: {key: field1_fraction, range: [0.2, 0.6]}
sweep_parameter2: {key: field1_length_xy, range: [0.5, 2]}
conduct_phases: all
"""
REQUEUE = ["--signal=B:USR1@", "--requeue", "--open-mode=append"]


def inputs():
    """What the headers' examples are run on: the demo's case, a model of two fields, a sweep, a twin of 512^3 voxels without data."""
    for path in glob.glob(f"{ROOT}/input/demo/section_*.png") + [f"{ROOT}/input/demo/case.yaml"]:
        os.symlink(os.path.abspath(path), f"{TMP}/{os.path.basename(path)}")
    os.symlink(os.path.abspath(f"{ROOT}/input"), f"{TMP}/input")
    with open(f"{TMP}/model.yaml", "w", encoding="utf-8") as out:
        out.writelines(f"field{i}: {{type: gaussian, family: matern, fraction: 0.4, length_xy: 1.0}}\n" for i in (1, 2))
    with open(f"{TMP}/sweep.yaml", "w", encoding="utf-8") as out:
        out.write(SWEEP)
    with h5py.File(f"{TMP}/twin.vtkhdf", "w") as file:
        top = file.create_group("VTKHDF")
        top.attrs["Version"] = [1, 0]
        top.attrs["Type"] = b"ImageData"
        top.attrs["WholeExtent"] = [0, 512, 0, 512, 0, 512]
        top.attrs["Origin"] = [0.0, 0.0, 0.0]
        top.attrs["Spacing"] = [0.05, 0.05, 0.05]
        top.attrs["Direction"] = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]
        top.create_dataset("CellData/phase", (512, 512, 512), "u1", chunks=(64, 64, 64)).attrs["n_phases"] = 3


def alike(shown, printed):
    """Equal words, and numbers that differ by a fifth at most (times and memory of libraries)."""
    a, b = (list(map(float, NUMBER.findall(line))) for line in (shown, printed))
    return NUMBER.sub("#", shown).split() == NUMBER.sub("#", printed).split() and \
        all(abs(x - y) <= 0.2 * abs(x) for x, y in zip(a, b))


def examples(name, header):
    """Each "$ exset ..." of a header, and the lines below it, which must be among those printed, in this order."""
    found = re.findall(r"^#   \$ exset (.*)\n((?:#   [^$\n].*\n)+)", header, re.M)
    check(f"{name}: no example of a plan", found)
    for command, text in found:
        shown = [line[4:] for line in text.splitlines()]
        r = subprocess.run([EXSET, *command.split()], cwd=TMP, capture_output=True, text=True, check=False)
        check(f"{name}: {command}: exit code {r.returncode}: {r.stderr}", r.returncode == 0)
        printed = iter(r.stdout.splitlines())
        for line in shown:
            check(f"{name}: not printed by {command}: {line}\n{r.stdout}", any(alike(line, other) for other in printed))


def refusals(name):
    """Without a program, without input: one line that tells what to do, exit code 2, before anything is started."""
    settings = {**os.environ, "LAUNCH": "false", "EXSET": EXSET}
    for change, words in (({"EXSET": "./nothing"}, "no program ./nothing"), ({}, "nothing.yaml in")):
        r = subprocess.run(["bash", f"{ROOT}/jobscripts/{name}", "nothing.yaml"], cwd=TMP, env={**settings, **change}, text=True,
                           capture_output=True, check=False)
        check(f"{name}: exit code {r.returncode}, {r.stderr}", r.returncode == 2 and r.stdout == "")
        check(f"{name}: {r.stderr}", r.stderr.count("\n") == 1 and r.stderr.startswith(f"{name}: ") and words in r.stderr)


inputs()
scripts = sorted(os.path.basename(path) for path in glob.glob(f"{ROOT}/jobscripts/*.slurm"))
check(scripts, {"calibrate.slurm", "conduct.slurm", "twin.slurm"} <= set(scripts))
for script in scripts:
    with open(f"{ROOT}/jobscripts/{script}", encoding="utf-8") as source:
        header, body = source.read().split("set -euo pipefail\n")
    check(f"{script}: a command before the options", all(line.startswith("#") for line in header.splitlines()))
    check(f"{script}: an option after a command, which sbatch does not see", "#SBATCH" not in body)
    for option in ("--job-name=exset-", "--time=", "--cpus-per-task=", "--mem", "--output="):
        check(f"{script}: no {option}", f"#SBATCH {option}" in header)
    if "scontrol requeue" in body:
        check(f"{script}: not all of {REQUEUE}", all(f"#SBATCH {option}" in header for option in REQUEUE))
    check(f"{script}: how to submit it", re.search(rf"^#   .*sbatch .*{script} ", header, re.M))
    examples(script, header)
    refusals(script)
end()
