# test: time=60
"""Job scripts of sweeps without SLURM: a warning ends the job early and queues it again, and another turn makes what is missing."""
import glob
import os
import re
import signal
import subprocess
import time

from lib import EXSET, MPIEXEC, TMP, check, end

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "jobscripts")
CASE = """
field1: {type: gaussian, family: gaussian, fraction: 0.4, length_xy: 1.0}
size: 32
voxel_size: 0.5
realisations: 2
sweep_samples: 24
sweep_parameter1: {key: field1_fraction, range: [0.3, 0.6]}
conduct_sigma: 1,0.1
conduct_axis: z
"""


def read(name):
    path = os.path.join(TMP, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def begin(script, ranks, **settings):
    """The script as SLURM runs it, with an scontrol that only takes notes."""
    environment = {"EXSET": EXSET, "LAUNCH": " ".join([*MPIEXEC, "-n", str(ranks)]), "PATH": TMP + ":" + os.environ["PATH"], **settings}
    return subprocess.Popen(["bash", f"{SCRIPTS}/{script}", "sweep.yaml"], cwd=TMP, env={**os.environ, **environment}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def units(folder):
    """Realisations in a sweep's journals."""
    return sum(line.count("\t") > 3 for path in glob.glob(f"{TMP}/{folder}/task*.txt") for line in read(path).splitlines())


def turns(script, ranks, journals, queue, **settings):
    """A turn that is warned after its first realisation, and one that is not."""
    job = begin(script, ranks, **settings)
    while job.poll() is None and units(journals) == 0:
        time.sleep(0.005)
    job.send_signal(signal.SIGUSR1)
    output = job.communicate()
    check(f"{script}, warned: exit code {job.returncode}: {output}", job.returncode == 0 and "queued again" in output[0])
    check(f"{script}: {read('queue')}", read("queue").splitlines()[-1:] == [queue])
    job = begin(script, ranks, **settings)
    output = job.communicate()
    check(f"{script}, second turn: exit code {job.returncode}: {output}", job.returncode == 0 and "queued again" not in output[0])


with open(f"{TMP}/sweep.yaml", "w", encoding="utf-8") as out:
    out.write(CASE)
with open(f"{TMP}/scontrol", "w", encoding="utf-8") as out:
    out.write(f'#!/bin/sh\necho "$*" >>"{TMP}/queue"\n')
os.chmod(f"{TMP}/scontrol", 0o755)

turns("sweep.slurm", 2, "out/one.units", "requeue 4711", OUT="out/one", SLURM_JOB_ID="4711")
table = [line.split(",")[1] for line in read("out/one.csv").splitlines()]
check(table, table == ["status"] + 24 * ["done"])

# task 1 of 2: half of the realisations
turns("sweep-array.slurm", 1, "out/two.units", "requeue 50_1", OUT="out/two", SLURM_JOB_ID="51", SLURM_ARRAY_JOB_ID="50",
      SLURM_ARRAY_TASK_ID="1", SLURM_ARRAY_TASK_MAX="1")
check(f"{units('out/two.units')} realisations of task 1", units("out/two.units") == 24)
journals = [os.path.basename(path) for path in glob.glob(f"{TMP}/out/two.units/task*.txt")]
check(journals, journals and all(int(re.match(r"task(\d+)", name)[1]) == 1 for name in journals))
check(f"{units('out/one.units')} realisations in all", units("out/one.units") == 48)

job = begin("sweep.slurm", 1, OUT="out/one", TURNS="1", SLURM_JOB_ID="4711")
job.communicate()
check(f"finished before: exit code {job.returncode}", job.returncode == 0)
end()
