#!/usr/bin/env python3
# test: time=120
"""exset sweep as a job array: tasks and merge against one run, two at once, locks; units that fail, and are tried again."""
import csv
import fcntl
import os
import subprocess

from lib import EXSET, TMP, bad, check, end, good, read_json, run

CASE = """
size: 16
voxel_size: 0.5
realisations: 2
field1: {length_xy: 1.0, fraction: 0.35}
conduct_phases: 1
conduct_axis: z
sweep: {design: factorial, parameter1: {key: field1_fraction, values: [0.02, 0.4, 0.5, 0.6, 0.7]}}
"""
with open(os.path.join(TMP, "case.yaml"), "w") as f:
    f.write(CASE)


def rows(name):
    with open(os.path.join(TMP, name), newline="") as f:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(f)]


def journals(name):
    return sorted(f for f in os.listdir(os.path.join(TMP, name + ".units")) if f.endswith(".txt"))


def array(task, tasks, first=0, step=1, **more):
    """What SLURM says to task k of an array."""
    count = {"SLURM_ARRAY_TASK_ID": first + step * task, "SLURM_ARRAY_TASK_COUNT": tasks, "SLURM_ARRAY_TASK_MIN": first,
             "SLURM_ARRAY_TASK_MAX": first + step * (tasks - 1), "SLURM_ARRAY_TASK_STEP": step, **more}
    return {**os.environ, **{k: str(v) for k, v in count.items()}}


good("sweep", 1, "case.yaml", "-o", "one.csv")
one = rows("one.csv")
check(f"one run {one[0]}", [row["status"] for row in one] == ["done"] * 5)
check("no path: M is 0, its tortuosity factor has no value", float(one[0]["phase1_m_factor_z"]) == 0 and
      one[0]["phase1_tortuosity_factor_z"] == one[0]["phase1_tortuosity_factor_z_sd"] == "nan")

# ---- three tasks ----
r = good("sweep", 1, "case.yaml", "-o", "three", "-sweep_task", "2", "-sweep_tasks", "3")
j = read_json("three.json")
check(f"a third of the units: {j}", j["units_now"] == 3 and j["task"] == 2 and j["tasks"] == 3 and j["units_missing"] == 7)
check(f"what is missing: {r.stdout}", "7 realisations" in r.stdout and "other tasks" in r.stdout and j["missing"] == 5 - len(rows("three.csv")))
both = [subprocess.Popen([EXSET, "sweep", "case.yaml", "-o", "three"], cwd=TMP, env=array(task, 3, first=1, step=5), text=True,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for task in (0, 1)]
for process in both:
    message = process.communicate()[1]
    check(f"two at once: {message}", process.returncode == 0)
check("the last one makes the whole table", rows("three.csv") == one)
check(f"journals {journals('three')}", journals("three") == [f"task{k:04d}-group0000.txt" for k in range(3)])
os.remove(os.path.join(TMP, "three.csv"))
r = good("sweep", 2, "case.yaml", "-o", "three", "-merge")
bad("sweep", 1, "needs", "case.yaml", "-o", "large", "-size", "20000")
os.mkdir(os.path.join(TMP, "large.units"))
r = good("sweep", 1, "case.yaml", "-o", "large", "-size", "20000", "-merge")
check(f"a merge needs no memory for twins: {r.stdout}", "10 realisations: run" in r.stdout)
check("merged", rows("three.csv") == one and read_json("three.json")["units_now"] == 0)
r = subprocess.run([EXSET, "sweep", "case.yaml", "-o", "three", "-sweep_tasks", "1"], cwd=TMP, env=array(7, 8), capture_output=True, text=True)
check(f"what is typed goes before the environment: {r.stderr}", r.returncode == 0 and read_json("three.json")["task"] == 0)
r = subprocess.run([EXSET, "sweep", "case.yaml", "-o", "three"], cwd=TMP, env=array(7, 8, SLURM_ARRAY_TASK_COUNT=3), capture_output=True, text=True)
check(f"an array with gaps: {r.stderr}", r.returncode == 2 and "task 7 of 3: allowed are 0 to 2" in r.stderr)

# ---- locks ----
with open(os.path.join(TMP, "three.units", "task0001-group0000.txt"), "a") as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    bad("sweep", 1, "another run is writing three.units/task0001-group0000.txt", "case.yaml", "-o", "three", "-sweep_task", "1",
        "-sweep_tasks", "3")
    good("sweep", 1, "case.yaml", "-o", "three")

# ---- units that fail ----
r = good("sweep", 2, "case.yaml", "-o", "fail", "-conduct_ksp_max_it", "1")
table, j = rows("fail.csv"), read_json("fail.json")
check(f"status: {table}", [row["status"] for row in table] == ["done"] + ["failed"] * 4)
check(f"message: {table[1]['message']}", "converge" in table[1]["message"] and table[1]["realisations"] == "0")
check("the others are as ever", table[0] == one[0])
check(f"counted: {r.stderr}", "warning: 4 of 5 samples failed" in r.stderr and j["failed"] == 4 and j["units_failed"] == 8 and
      [f["sample"] for f in j["failures"]] == [2, 3, 4, 5])
good("sweep", 1, "case.yaml", "-o", "fail")
check("failed units are not repeated", read_json("fail.json")["units_now"] == 0 and rows("fail.csv") == table)
good("sweep", 1, "case.yaml", "-o", "fail", "-sweep_retry")
check("but when they are to be", read_json("fail.json")["units_now"] == 8 and rows("fail.csv") == one)

# ---- damaged journals, other files in the folder ----
name = os.path.join(TMP, "one.units", "task0000-group0000.txt")
with open(name, "rb") as f:
    whole = f.read()
with open(name, "wb") as f:
    f.write(whole[:-40])  # torn
with open(os.path.join(TMP, "one.units", "notes.txt"), "w") as f:
    f.write("not a journal\n")
r = good("sweep", 1, "case.yaml", "-o", "one.csv")
j = read_json("one.json")
check(f"the torn unit is made again: {j}", j["units_now"] == 1 and j["lines_damaged"] == 1 and rows("one.csv") == one)
check(f"it is told: {r.stdout}", "torn         1 line" in r.stdout)
os.mkdir(os.path.join(TMP, "other.csv"))
bad("sweep", 1, "it is a folder", "case.yaml", "-o", "other.csv")
with open(os.path.join(TMP, "file.units"), "w"):
    pass
bad("sweep", 2, "cannot read journals in file.units: Not a directory", "case.yaml", "-o", "file.csv")
r = run("sweep", 1, "case.yaml", "-o", "dry", "-dry_run", "-sweep_task", "0", "-sweep_tasks", "4")
check(f"plan of a task: {r.stdout}", r.returncode == 0 and "task 0 of 4" in r.stdout and "0 of 10 done" in r.stdout)
end()
