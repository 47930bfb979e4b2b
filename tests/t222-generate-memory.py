#!/usr/bin/env python3
# test: time=60
"""exset generate: what does not fit the memory is refused before it is allocated; -dry_run prints its plan all the same."""
import os
import re
import subprocess

from lib import EXSET, MPIEXEC, TMP, bad, check, end, good

with open(os.path.join(TMP, "model.yaml"), "w") as f:
    f.write("field1: {type: gaussian, family: matern, length_xy: 1.0, fraction: 0.3}\n")


def limited(kilobytes, ranks, *arguments):
    """generate under a limit of the address space of each process."""
    start = "" if ranks == 1 else " ".join([*MPIEXEC, "-n", str(ranks)]) + " "
    inner = f"ulimit -v {kilobytes}; exec {EXSET} generate model.yaml " + " ".join(arguments)
    command = f"{start}bash -c '{inner}'"
    return subprocess.run(["bash", "-c", command], cwd=TMP, capture_output=True, text=True)


def figures(line):
    """Bytes needed and available."""
    found = re.search(r"needs ([\d.e+]+) (\w+) in \d+ process(?:es)?, and ([\d.e+]+) (\w+) ", line)
    unit = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15, "EB": 1e18}
    return (float(found[1]) * unit[found[2]], float(found[3]) * unit[found[4]]) if found else (0, 0)


# far too large
for ranks in (1, 3):
    bad("generate", ranks, "size 100000,100000,100000 needs ", "model.yaml", "-size", "100000", "-voxel_size", "0.2")
    r = good("generate", ranks, "model.yaml", "-size", "100000", "-voxel_size", "0.2", "-dry_run")
    warnings = [line for line in r.stderr.splitlines() if "needs" in line]
    check(r.stderr, len(warnings) == 1 and warnings[0].startswith("warning: ") and "cannot be made here" in warnings[0])
    needed, available = figures(r.stderr)
    check(f"{needed} of {available}", 4e15 < needed < 2e16 and 1e8 < available < 1e15)
    check(r.stdout, "100000 x 100000 x 100000" in r.stdout and "memory" in r.stdout)

# the limit of the address space, in kB: found out, then just below and above what is needed
def base(ranks):
    """Address space of a process before it takes memory for a twin; 0: no such limit here."""
    warning = limited(4000000, ranks, "-size", "100000", "-voxel_size", "0.2", "-dry_run").stderr
    return 4000000 - figures(warning)[1] / 1024 if "ulimit -v" in warning else 0  # sanitizers reserve more


if base(1) > 0:
    r = limited(4000000, 1, "-size", "2560", "-voxel_size", "0.2", "-dry_run")
    needed = figures(r.stderr)[0] * 0.001 / 1024  # of 256^3
    size = ["-size", "256", "-voxel_size", "0.2", "-output", "none"]
    for ranks in (1, 2):
        share = needed / ranks
        r = limited(int(base(ranks) + 0.6 * share), ranks, *size)
        lines = [line for line in r.stderr.splitlines() if line.startswith("exset: ")]
        check(f"{ranks} ranks: exit code {r.returncode}: {r.stderr}", r.returncode == 2 and len(lines) == 1)
        check(lines, lines and "limit of a process (ulimit -v)" in lines[0] and "in 1 process," in lines[0])
        r = limited(int(base(ranks) + 2 * share + 250000), ranks, *size)
        check(f"{ranks} ranks: exit code {r.returncode}: {r.stderr}", r.returncode == 0)
    # realisations side by side where a twin fits a rank, else one after the other
    two = [*size, "-realisations", "2", "-dry_run"]
    r = limited(int(base(2) + 1.3 * needed), 2, *two)
    check(f"{r.stdout} {r.stderr}", r.returncode == 0 and "2 of 1 rank" in r.stdout)
    r = limited(int(base(2) + 0.85 * needed), 2, *two)
    check(f"{r.stdout} {r.stderr}", r.returncode == 0 and "1 of 2 ranks" in r.stdout and "needs" not in r.stderr)
end()
