#!/usr/bin/env python3
# test: time=120
"""exset sweep, SIGKILL at random moments, signals, a full disk, and started again: nothing is lost but the unit at hand, nothing made
twice, the same table."""
import collections
import csv
import os
import random
import resource
import signal
import subprocess
import time

from lib import EXSET, MPIEXEC, TMP, check, end, good, read_json

CASE = """
size: 24
voxel_size: 0.5
realisations: 3
field1: {length_xy: 1.0, fraction: 0.35}
conduct_phases: all
conduct_axis: z
sweep: {design: sobol, samples: %d, parameter1: {key: field1_fraction, range: [0.3, 0.6]}}
"""
SAMPLES = 9
with open(os.path.join(TMP, "case.yaml"), "w") as f:
    f.write(CASE % SAMPLES)


def rows(name):
    with open(os.path.join(TMP, name), newline="") as f:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(f)]


def journalled(folder):
    """How often each unit was written whole: identity -> number of lines that end."""
    found = collections.Counter()
    path = os.path.join(TMP, folder)
    for name in os.listdir(path) if os.path.isdir(path) else []:
        if name.endswith(".txt"):
            with open(os.path.join(path, name)) as f:
                found.update(line.split("\t")[0] for line in f.read().split("\n")[:-1] if line.count("\t") > 5)
    return found


def family(pid):
    """The process and all that it has started: mpirun gives ranks process groups of their own."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as f:
                parents[int(name)] = int(f.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            pass  # it has just ended
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} | found
        if more == found:
            return found
        found = more


def killed(ranks, name, delay, seconds):
    """Start; some time after the first new line of a journal, SIGKILL to all processes; True if it was still at work."""
    command = ([*MPIEXEC, "-n", str(ranks)] if ranks > 1 else []) + [EXSET, "sweep", "case.yaml", "-o", name + ".csv", "-sweep_interval", "0"]
    before = sum(journalled(name + ".units").values())
    process = subprocess.Popen(command, cwd=TMP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.time() + seconds
    while process.poll() is None and time.time() < limit and sum(journalled(name + ".units").values()) == before:
        time.sleep(0.005)
    time.sleep(delay)
    alive = process.poll() is None
    members = family(process.pid) if alive else ()
    for pid in members:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    while any(os.path.exists(f"/proc/{pid}/fd/0") for pid in members):
        time.sleep(0.005)
    return alive


good("sweep", 1, "case.yaml", "-o", "whole.csv")
whole = rows("whole.csv")
each = read_json("whole.json")["seconds"]["unit"]
check("the undisturbed sweep", len(whole) == SAMPLES and len(journalled("whole.units")) == 3 * SAMPLES)

rng = random.Random(946)
for ranks, name, times in ((1, "one", 5), (2, "two", 2)):
    interrupted, before, tables = 0, 0, 0
    for i in range(times):
        interrupted += killed(ranks, name, rng.uniform(0, 3 * each), 30)
        found = journalled(name + ".units")
        check(f"{name}, run {i}: nothing that was on disk is lost: {len(found)} after {before}", len(found) >= before)
        before = len(found)
        if os.path.exists(os.path.join(TMP, name + ".csv")):  # renewed while at work
            tables += 1
            check(f"{name}, run {i}: a table of whole rows", all(row in whole for row in rows(name + ".csv")))
    check(f"{name}: {interrupted} of {times} runs were killed at work, {before} units done", interrupted >= times // 2)
    check(f"{name}: tables were written before the end", tables > 0)
    good("sweep", ranks, "case.yaml", "-o", name + ".csv")
    found, j = journalled(name + ".units"), read_json(name + ".json")
    check(f"{name}: no unit was made again after it was journalled: {found.most_common(3)}", set(found.values()) == {1})
    check(f"{name}: all units: {j}", len(found) == 3 * SAMPLES and j["units_now"] == 3 * SAMPLES - before)
    check(f"{name}: what the summary says", j["units_repeated"] == 0 and j["missing"] == 0 and j["units_done"] == 3 * SAMPLES)
    check(f"{name}: the table is that of the undisturbed sweep", rows(name + ".csv") == whole)
    check(f"{name}: no temporary files", not [f for f in os.listdir(TMP) if f.endswith(".part")])

# signals that ask for an end: one line, exit code 1, a table of what there is; then the rest
for number, ranks in ((signal.SIGTERM, 1), (signal.SIGUSR1, 2)):
    name = f"signal{ranks}"
    command = ([*MPIEXEC, "-n", str(ranks)] if ranks > 1 else []) + [EXSET, "sweep", "case.yaml", "-o", name + ".csv"]
    process = subprocess.Popen(command, cwd=TMP, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not journalled(name + ".units"):
        time.sleep(0.005)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    lines = [line for line in err.splitlines() if line.startswith("exset: ")]
    done = len(journalled(name + ".units"))
    check(f"{name}: exit code {process.returncode}, {done} units", process.returncode == 1 and 0 < done < 3 * SAMPLES)
    check(f"{name}: one line: {err}", len(lines) == 1 and f"stopped by signal {int(number)}" in lines[0] and "again to go on" in lines[0])
    check(f"{name}: a table of whole rows", rows(name + ".csv") == whole[:0] + [
        row for row in whole if row["sample"] in {r["sample"] for r in rows(name + ".csv")}])
    good("sweep", 1, "case.yaml", "-o", name + ".csv")
    check(f"{name}: the rest", read_json(name + ".json")["units_now"] == 3 * SAMPLES - done and rows(name + ".csv") == whole)

# no more room for the journal, most likely in the middle of a line
name = os.path.join(TMP, "full.units", "task0000-group0000.txt")
process = subprocess.Popen([EXSET, "sweep", "case.yaml", "-o", "full.csv"], cwd=TMP, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                           text=True, preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
while process.poll() is None and not journalled("full.units"):
    time.sleep(0.001)
room = os.path.getsize(name) + 1000
resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, room))
err = process.communicate(timeout=60)[1]
with open(name, "rb") as f:
    torn = f.read()[-1:] != b"\n"
done = len(journalled("full.units"))
check(f"full: {process.returncode} {err}", process.returncode == 1 and
      "exset: cannot write the journal full.units/task0000-group0000.txt: File too large" in err)
check(f"full: {done} units", 0 < done < 3 * SAMPLES)
good("sweep", 1, "case.yaml", "-o", "full.csv")
j = read_json("full.json")
check(f"full, then the rest: {j}", j["units_now"] == 3 * SAMPLES - done and j["lines_damaged"] == torn and rows("full.csv") == whole)

# a table that cannot be written: told while at work, and the work goes on
blocked = os.path.join(TMP, "blocked.csv.part")
process = subprocess.Popen([EXSET, "sweep", "case.yaml", "-o", "blocked.csv", "-sweep_interval", "0.01"], cwd=TMP, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True)
while process.poll() is None and not os.path.isdir(blocked):
    if journalled("blocked.units"):
        try:
            os.mkdir(blocked)
        except FileExistsError:
            pass  # just being written
    time.sleep(0.001)
err = process.communicate(timeout=60)[1]
check(f"blocked: {process.returncode} {err}", process.returncode == 1 and err.count("; the sweep goes on") == 1)
check(f"blocked: all units {len(journalled('blocked.units'))}", len(journalled("blocked.units")) == 3 * SAMPLES)
os.rmdir(blocked)
good("sweep", 1, "case.yaml", "-o", "blocked.csv")
check("blocked: the table", read_json("blocked.json")["units_now"] == 0 and rows("blocked.csv") == whole)
end()
