#!/usr/bin/env python3
"""
Strong and weak scaling of generation from 1 to 2 cores, as ranks and as threads, in one run: a three-phase twin (one Gaussian
field, one chi-square field of two components), noise to labels, best of several realisations and turns. Ratios are cores times
seconds over those of one core: 1 is ideal. Argument: edge in voxels (384). Prints "ratio NAME VALUE BOUND".
"""
import json
import os
import subprocess
import sys
import tempfile

EXSET = os.path.abspath(os.environ.get("EXSET", "bin/exset"))
MPIEXEC = os.environ.get("MPIEXEC", "mpirun").split()
MODEL = """
field1: {type: gaussian, fraction: 0.4, family: matern, length_xy: 8, nu: 1.5}
field2: {type: chi_square, dof: 2, fraction: 0.5, family: matern, length_xy: 8, nu: 1.5}
"""
TURNS, REALISATIONS = 3, 4


def seconds(folder, size, ranks, threads):
    """Best time of a realisation, labels in memory."""
    start = [] if ranks == 1 else [*MPIEXEC, "-n", str(ranks)]  # mpirun would bind all threads of one rank to one core
    command = [*start, EXSET, "generate", "model.yaml", "-size", ",".join(map(str, size)), "-voxel_size", "1",
               "-output", "none", "-realisations", str(REALISATIONS), "-realisation_groups", "1", "-o", "t.vtkhdf"]
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    with open(os.path.join(folder, "t.json")) as file:
        parts = [r["seconds"] for r in json.load(file)["realisations"]]
    return min(p["noise"] + p["fft"] + p["threshold"] for p in parts)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 384
    whole, half = (n, n, n), (n // 2, n, n)
    runs = {"one core": (whole, 1, 1), "2 ranks": (whole, 2, 1), "2 threads": (whole, 1, 2), "one core, half": (half, 1, 1)}
    best = dict.fromkeys(runs, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "model.yaml"), "w") as file:
            file.write(MODEL)
        for _ in range(TURNS):
            for name, run in runs.items():
                best[name] = min(best[name], seconds(folder, *run))
    print(f"{n}^3, seconds: " + ", ".join(f"{name} {s:.3f}" for name, s in best.items()))
    print(f"ratio generate-strong-2-ranks {2 * best['2 ranks'] / best['one core']:.2f} 1.33")
    print(f"ratio generate-strong-2-threads {2 * best['2 threads'] / best['one core']:.2f} 1.33")
    print(f"ratio generate-weak-2-ranks {best['2 ranks'] / best['one core, half']:.2f} 1.33")


main()
