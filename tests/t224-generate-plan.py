#!/usr/bin/env python3
# test: time=120
"""exset generate -dry_run: peak memory within 10 % of what a run then takes; estimates for clusters; boxes that are no cubes."""
import os
import re

from lib import EXSET, TMP, bad, check, end, good, read_json

GAUSSIAN = "field1: {type: gaussian, family: matern, length_xy: 3.0, length_z: 2.0, nu: 1.5, fraction: 0.3}\n"
CHI_SQUARE = GAUSSIAN + "field2: {type: chi_square, dof: 2, family: gaussian, length_xy: 2.0, fraction: 0.5}\n"
for name, text in (("gaussian.yaml", GAUSSIAN), ("chi_square.yaml", CHI_SQUARE)):
    with open(os.path.join(TMP, name), "w") as f:
        f.write(text)
box = ["-size", "240,256,270", "-voxel_size", "0.25,0.2,0.3"]


def number(pattern, text):
    found = re.search(pattern, text)
    check(f"no \"{pattern}\" in {text}", found)
    return float(found[1]) if found else float("nan")


if "san" not in EXSET:  # sanitizers take memory of their own
    for model, ranks, more in (
        ("gaussian.yaml", 1, []),
        ("gaussian.yaml", 2, ["-output", "fields"]),
        ("chi_square.yaml", 1, ["-output", "fields"]),
        ("chi_square.yaml", 2, []),
        ("chi_square.yaml", 2, ["-fft_grid", "1,2", "-output", "none"]),
        ("gaussian.yaml", 2, ["-compression", "gzip"]),
        ("chi_square.yaml", 2, ["-realisations", "2"]),
    ):
        planned = number(r"peak +([\d.e+-]+) GB in", good("generate", ranks, model, *box, *more, "-dry_run").stdout)
        good("generate", ranks, model, *box, *more, "-o", "twin.vtkhdf")
        taken = read_json("twin.json")["peak_bytes_total"] * 1e-9
        check(f"{model} {ranks} {more}: {planned} GB planned, {taken} GB taken", abs(planned / taken - 1) < 0.1)

# a cluster: more nodes, less time and memory; a slower network, more time; the process grid is meant for it
plan = ["chi_square.yaml", "-size", "4096,2048,3000", "-voxel_size", "0.25,0.2,0.3", "-dry_run", "-output", "none"]
cluster = r"planned +{} nodes, {} ranks each, {} threads? each: process grid {}"
before = (float("inf"), float("inf"))
for nodes in (4, 16, 64):
    out = good("generate", 1, *plan, "-plan_nodes", str(nodes)).stdout
    check(out, re.search(cluster.format(nodes, 64, 1, r"\d+ x \d+"), out))
    part = out[out.find("planned"):]
    now = (number(r"about ([\d.e+-]+) s", part), number(r"([\d.e+-]+) GB on a node", part))
    check(f"{nodes} nodes: {now} after {before}", now[0] < before[0] and now[1] < before[1])
    before = now
out = good("generate", 1, *plan, "-plan_nodes", "64", "-plan_network", "20").stdout
check(out, number(r"about ([\d.e+-]+) s", out[out.find("planned"):]) > before[0])
out = good("generate", 2, *plan, "-plan_nodes", "8", "-plan_ranks", "4", "-plan_threads", "16", "-fft_grid", "16,2").stdout
check(out, re.search(cluster.format(8, 4, 16, "16 x 2"), out) and "time " in out)
bad("generate", 2, "product is the number of ranks, 32", *plan, "-plan_nodes", "8", "-plan_ranks", "4", "-fft_grid", "2,1")
for key, value in (("plan_ranks", "0"), ("plan_nodes", "-1"), ("plan_nodes", "1000001"), ("plan_threads", "0"), ("plan_network", "0"), ("plan_files", "-1")):
    bad("generate", 1, f'-{key} is "{value}": allowed is', *plan, f"-{key}", value)
bad("generate", 1, "-plan_nodes 4 plans for another machine: it needs -dry_run", *[word for word in plan if word != "-dry_run"], "-plan_nodes", "4")
r = good("generate", 1, "gaussian.yaml", "-size", "64", "-voxel_size", "1", "-dry_run", "-plan_nodes", "250000", "-plan_ranks", "4096")
check(r.stdout + r.stderr, "250000 nodes" in r.stdout and "some have nothing to do" in r.stderr)
bad("generate", 1, "ranks are not allowed: at most 2^30", *plan, "-plan_nodes", "1000000", "-plan_ranks", "4096")
check("ranks of no nodes", "without -plan_nodes" in good("generate", 2, *plan, "-plan_ranks", "4").stderr)
check("no estimate unasked", "planned" not in good("generate", 1, *plan).stdout)

# sizes with large prime factors, each once, in boxes of any shape; ranks without work
for size, named in (("127,64,127", ["127"]), ("64,127,131", ["127", "131"]), ("127", ["127"]), ("46,46,58", ["46", "58"]), ("64,66,65", [])):
    r = good("generate", 1, "gaussian.yaml", "-size", size, "-voxel_size", "1,1.5,0.9", "-dry_run")
    found = re.findall(r"size (\d+) has the prime factor", r.stderr)
    check(f"{size}: {r.stderr}", found == named)
check(r.stderr, "nothing to do" not in r.stderr)
r = good("generate", 1, "gaussian.yaml", "-size", "46,46,58", "-voxel_size", "1,1.5,0.9", "-dry_run")
check(r.stderr, "prime factor 23" in r.stderr and "45 and 48" in r.stderr and "56 and 60" in r.stderr)
r = good("generate", 5, "gaussian.yaml", "-size", "4,64,64", "-voxel_size", "9,1,1", "-fft_grid", "5,1", "-dry_run")
check(r.stderr, "5 ranks share 4 planes along z and 64 rows of each as 5 x 1" in r.stderr)
end()
