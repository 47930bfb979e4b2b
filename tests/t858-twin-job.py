#!/usr/bin/env python3
# test: time=60
"""The job scripts of a large twin and of its conductivity, without SLURM: plan, twin, further keys, mistakes."""
import os
import subprocess

from lib import EXSET, MPIEXEC, TMP, check, end, read_json

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "jobscripts")
with open(f"{TMP}/model.yaml", "w") as out:
    out.write("field1: {type: gaussian, family: gaussian, fraction: 0.4, length_xy: 1.0}\n")


def job(script, *arguments, **settings):
    """The script as SLURM runs it, on two ranks."""
    launch = {"EXSET": EXSET, "LAUNCH": " ".join([*MPIEXEC, "-n", "2"])}
    return subprocess.run(["bash", os.path.join(SCRIPTS, script), *arguments], cwd=TMP, text=True, capture_output=True,
                          env={**os.environ, **launch, **settings})


r = job("twin.slurm", "model.yaml", "-compression", "gzip", SIZE="24,30,36", VOXEL="0.5", SEED="3", SLURM_CPUS_PER_TASK="2")
check(f"exit code {r.returncode}: {r.stderr}", r.returncode == 0)
check(r.stdout, r.stdout.count("peak  ") == 1 and "2 threads each" in r.stdout)
twin = read_json("twin.json")
check(twin, twin["size"] == [24, 30, 36] and twin["ranks"] == 2 and twin["threads"] == 2)
used = twin["used_parameters"]
check(used, used["seed"] == "3" and used["compression"] == "gzip" and used["voxel_size"] == "0.5")

r = job("conduct.slurm", "twin.vtkhdf", "-conduct_axis", "z", SIGMA="1,0.1")
check(f"exit code {r.returncode}: {r.stderr}", r.returncode == 0)
runs = read_json("twin_conduct.json")["runs"]
check(runs, len(runs) == 1 and 0.1 < runs[0]["sigma_eff"] < 1)

r = job("twin.slurm", "model.yaml", SIZE="1")
check(f"a mistake: exit code {r.returncode}: {r.stderr}", r.returncode == 2 and r.stdout == "")
end()
