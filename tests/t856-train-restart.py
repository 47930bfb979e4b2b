# test: time=180
"""A training that is stopped by SIGTERM or SIGUSR1, or killed at any moment, goes on from its checkpoint to the same result."""
import os
import random
import shutil
import signal
import subprocess
import time

from lib import EXSET, MPIEXEC, TMP, bad, check, end, good, read_json
from train_case import OPTIONS, exists, write_case

STEPS = "150"


COMBINED = ["-method", "combined", "-train_steps", STEPS]
SAMPLED = ["-evaluator", "sampled", "-field2_coupling", "-0.3", "-train_steps", "400"]


def command(ranks, output, *arguments):
    start = [] if ranks == 1 else [*MPIEXEC, "-n", str(ranks)]
    method = SAMPLED if "sampled" in output else COMBINED
    return [*start, EXSET, "calibrate", "case.yaml", *OPTIONS, *method, "-train_checkpoint", "10", "-o", output + ".yaml",
            *arguments]


def begin(ranks, output, *arguments):
    return subprocess.Popen(command(ranks, output, *arguments), cwd=TMP, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def age(output):
    """Time of the last checkpoint, 0 without one."""
    path = os.path.join(TMP, output + "_checkpoint.h5")
    return os.stat(path).st_mtime_ns if os.path.exists(path) else 0


def until_checkpoint(process, output):
    """Wait for a checkpoint younger than the one there is, or for the end."""
    before = age(output)
    while process.poll() is None and age(output) == before:
        time.sleep(0.002)


def finish(ranks, output):
    r = subprocess.run(command(ranks, output, "-train_restart"), cwd=TMP, capture_output=True, text=True)
    check(f"{output}: restart ended with {r.returncode}: {r.stderr}", r.returncode == 0)
    return read_json(output + ".json")


def same(text, whole, parts):
    for name, value in whole["parameters"].items():
        check(f"{text}: {name} is {parts['parameters'][name]} instead of {value}",
              abs(parts["parameters"][name] / value - 1) < 1e-12)
    for name, trace in whole["trace"]["parameters"].items():
        gap = max(abs(a / b - 1) for a, b in zip(parts["trace"]["parameters"][name], trace))
        check(f"{text}: the trace of {name} differs by {gap}", gap < 1e-12)
    for name in ("loss_network", "loss_coverage"):
        pairs = [(a, b) for a, b in zip(parts["trace"][name], whole["trace"][name]) if b is not None]
        check(f"{text}: {name} differs", all(abs(a / b - 1) < 1e-9 for a, b in pairs))


def stopped(ranks, whole, number, name):
    """The signal: one line, exit code 1, a checkpoint; then the same result as without it."""
    process = begin(ranks, name)
    until_checkpoint(process, name)
    process.send_signal(number)
    error = process.communicate()[1]
    lines = [line for line in error.splitlines() if line.startswith("exset: ")]
    check(f"{name}: exit code {process.returncode}", process.returncode == 1)
    check(f"{name}: {error}", len(lines) == 1 and "-train_restart" in lines[0])
    check(f"{name}: results of a run that did not end", not exists(name + ".yaml") and not exists(name + ".json"))
    check(f"{name}: no checkpoint", exists(name + "_checkpoint.h5"))
    same(name, whole, finish(ranks, name))


def killed(whole, rng):
    """SIGKILL again and again, at any moment after a new checkpoint; without -train_restart nothing begins anew meanwhile."""
    kills = 0
    for attempt in range(5):
        process = begin(1, "kill", "-train_restart")
        until_checkpoint(process, "kill")
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if attempt == 0:
            bad("calibrate", 3, "unfinished run", *command(1, "kill")[2:])
    check(f"{kills} of 5 runs were killed", kills >= 3)
    same("after kills", whole, finish(1, "kill"))


write_case()
whole = {}
for ranks, name in ((1, "whole_1"), (2, "whole_2"), (1, "sampled")):
    r = subprocess.run(command(ranks, name), cwd=TMP, capture_output=True, text=True)
    check(f"{name}: {r.stderr}", r.returncode == 0)
    whole[name] = read_json(f"{name}.json")
stopped(1, whole["whole_1"], signal.SIGTERM, "term")
stopped(1, whole["whole_1"], signal.SIGUSR1, "usr1")
stopped(2, whole["whole_2"], signal.SIGUSR1, "usr1_2")
stopped(1, whole["sampled"], signal.SIGUSR1, "usr1_sampled")
killed(whole["whole_1"], random.Random(7))

# more steps than before: the first ones stay; fewer: refused; another case: refused, with what differs
longer = command(1, "whole_1", "-train_restart")
longer[longer.index(STEPS)] = "160"
r = subprocess.run(longer, cwd=TMP, capture_output=True, text=True)
check(f"ten more steps: {r.stderr}", r.returncode == 0 and read_json("whole_1.json")["steps"] == 160)
case = ["case.yaml", *OPTIONS, "-method", "combined", "-o", "whole_1.yaml", "-train_restart"]
for ranks in (1, 3):
    bad("calibrate", ranks, "ask for more steps", *case, "-train_steps", "20")
    bad("calibrate", ranks, "another case", *case, "-train_steps", "160", "-train_width", "8")
    bad("calibrate", ranks, "another case", *case, "-train_steps", "160", "-seed", "2")
given = ["calibrate", 1, "case.yaml", "whole_2.yaml", *OPTIONS, "-method", "adversarial", "-train_start", "given", "-train_steps", "3",
         "-o", "given.yaml", "-train_restart"]
good(*given)
bad(*given[:2], "starts at theta", *given[2:], "-field1_fraction", "0.3")
# a checkpoint of another case among an ensemble's is found before any member is trained
shutil.copy(f"{TMP}/whole_1_checkpoint.h5", f"{TMP}/many_checkpoint_3.h5")
bad("calibrate", 2, "another case", *case[:-3], "-o", "many.yaml", "-train_restart", "-train_steps", "160", "-ensemble", "3")
check("nothing was trained", not exists("many_checkpoint_1.h5") and not exists("many_checkpoint_2.h5"))
with open(f"{TMP}/whole_1_checkpoint.h5", "r+b") as file:
    file.truncate(3000)
for ranks in (1, 3):
    bad("calibrate", ranks, "whole_1_checkpoint.h5", *case, "-train_steps", "160")
bad("calibrate", 1, "unfinished run", *case[:-1], "-train_steps", "3")
os.utime(f"{TMP}/whole_1.json")  # results younger than the checkpoint: begins anew
good("calibrate", 1, *case[:-1], "-train_steps", "3")
check("a new run of three steps", read_json("whole_1.json")["steps"] == 3)
end()
