# test: time=120
"""The job script of a calibration: SLURM's warning leaves a checkpoint and a job queued again, which goes on to the end."""
import os
import signal
import subprocess
import time

from lib import EXSET, MPIEXEC, TMP, check, end, read_json
from train_case import exists, write_case

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "jobscripts", "calibrate.slurm")
QUICK = """
verbosity: 0
max_lag: 2
calibrate_starts: 1
calibrate_uncertainty: false
train_steps: 100
train_checkpoint: 20
"""


def begin():
    """The script as SLURM runs it, with an scontrol that only takes notes, on two ranks."""
    settings = {"EXSET": EXSET, "LAUNCH": " ".join([*MPIEXEC, "-n", "2"]), "ENSEMBLE": "1", "MODEL": "job.yaml",
                "SLURM_JOB_ID": "4711", "PATH": TMP + ":" + os.environ["PATH"]}
    return subprocess.Popen(["bash", SCRIPT, "case.yaml"], cwd=TMP, env={**os.environ, **settings}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def requeued():
    if not exists("queue"):
        return ""
    with open(f"{TMP}/queue") as file:
        return file.read()


write_case(more=QUICK)
with open(f"{TMP}/scontrol", "w") as out:
    out.write(f'#!/bin/sh\necho "$*" >>"{TMP}/queue"\n')
os.chmod(f"{TMP}/scontrol", 0o755)

job = begin()
while job.poll() is None and not exists("job_checkpoint.h5"):
    time.sleep(0.01)
job.send_signal(signal.SIGUSR1)
output = job.communicate()
check(f"warned: exit code {job.returncode}: {output}", job.returncode == 0)
check(f"queued again: {requeued()}", requeued() == "requeue 4711\n")
check("no results yet", not exists("job.yaml"))

job = begin()
output = job.communicate()
check(f"second turn: exit code {job.returncode}: {output}", job.returncode == 0)
check("not queued again", requeued() == "requeue 4711\n")
check("results", exists("job.yaml") and read_json("job.json")["steps"] == 100)

with open(f"{TMP}/case.yaml", "a") as out:
    out.write("train_patch: 128\n")
job = begin()
output = job.communicate()
check(f"a mistake: exit code {job.returncode}: {output}", job.returncode == 2)
check("a mistake is not queued again", requeued() == "requeue 4711\n")
end()
