#!/usr/bin/env python3
# test: time=120
"""exset coverage: figures against counting with numpy, equal for all rank counts; sections, stacks, volumes, masks;
mistakes are one line and exit code 2."""
import os
import re
import struct
import subprocess
import sys
import zlib

import numpy as np

from lib import EXSET, TMP, bad, check, end, good, read_json


def write_png(name, gray):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, cols = gray.shape
    raw = b"".join(b"\0" + row.tobytes() for row in gray.astype(np.uint8))
    with open(os.path.join(TMP, name), "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, 0, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def write_tiff(name, pages):
    """Multi-page 8-bit TIFF, one strip a page."""
    rows, cols = pages[0].shape
    out, offsets = bytearray(b"II*\0\0\0\0\0"), []
    for page in pages:
        offsets.append(len(out))
        out += page.astype(np.uint8).tobytes() + b"\0" * (page.size % 2)
    link = 4
    for offset in offsets:
        out[link:link + 4] = struct.pack("<I", len(out))
        tags = [(256, 4, cols), (257, 4, rows), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, offset), (277, 3, 1),
                (278, 4, rows), (279, 4, rows * cols)]
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in tags)
        link = len(out)
        out += b"\0\0\0\0"
    with open(os.path.join(TMP, name), "wb") as f:
        f.write(out)


def count(phase, h, i, j):
    """Pairs (x in i, x + h in j) and pairs of unmasked cells, any dimension."""
    a = phase[tuple(slice(max(0, -d), phase.shape[k] - max(0, d)) for k, d in enumerate(h))]
    b = phase[tuple(slice(max(0, d), phase.shape[k] + min(0, d)) for k, d in enumerate(h))]
    return int(((a == i) & (b == j)).sum()), int(((a > 0) & (b > 0)).sum())


def naive(images, lags, i, j):
    """Pooled and symmetrised over the lags."""
    hits = pairs = 0
    for phase in images:
        for h in lags:
            for sign in (1, -1):
                n, m = count(phase, [sign * d for d in h], i, j)
                hits += n
                pairs += m
    return hits / pairs


def smooth(rng, shape, width):
    x = rng.normal(size=shape)
    for axis in range(len(shape)):
        x = sum(np.roll(x, s, axis) for s in range(width))
    return x


rng = np.random.default_rng(5)
gray = np.array([40, 0, 200])  # phases 1, 2, 3
images = []
for k in range(4):
    x = smooth(rng, (90, 110), 5)
    images.append(np.digitize(x, np.quantile(x, [0.3, 0.8])) + 1)
    if k == 1:
        images[k][20:30, 40:80] = 0  # a crack
    picture = np.where(images[k] > 0, gray[images[k] - 1], 255)
    write_png(f"s{k}.png", picture)
files, common = [f"s{k}.png" for k in range(4)], ["-image_labels", "40,0,200", "-image_mask", "255"]

# radial: pooled over all, and each orientation
setup = [*files, *common, "-orientation", "xy,xy,xz,yz", "-voxel_size", "0.2", "-max_lag", "4"]
r = good("coverage", 1, *setup, "-o", "one.json")
check(r.stdout, "phase" in r.stdout and "C_12" in r.stdout and len(r.stdout.splitlines()) < 30)
j = read_json("one.json")
check(str(j["lags"]), len(j["lags"]) == 21 and j["lags"][0] == 0 and abs(j["lags"][20] - 4) < 0.1)
check(str(sorted(j["coverage"])), sorted(j["coverage"]) == ["11", "12", "13", "22", "23", "33"])
ring = [(a, b) for a in range(0, 9) for b in range(-8, 9) if round(np.hypot(a, b)) == 7 and (a > 0 or b > 0)]
for name, group in (("all", images), ("xy", images[:2]), ("xz", images[2:3]), ("yz", images[3:])):
    block = j if name == "all" else j["orientations"][name]
    for key in ("11", "12", "33", "23"):
        got, want = block["coverage"][key][7], naive(group, ring, int(key[0]), int(key[1]))
        check(f"{name} C_{key}: {got}, counted {want}", abs(got - want) < 1e-12)
    fraction = np.concatenate([g[g > 0].ravel() for g in group])
    for i in range(3):
        check(f"{name} fraction {i + 1}", abs(block["volume_fractions"][i] - np.mean(fraction == i + 1)) < 1e-12)
        check(f"{name} interval {block['volume_fractions_ci95'][i]}", 0 < block["volume_fractions_ci95"][i] < 0.4)
    check(f"{name}: {block['pairs'][0]} pixels", block["pairs"][0] == fraction.size)
parts = sum(np.array([j["coverage"][k][7] for k in j["coverage"]]) * [1, 2, 2, 1, 2, 1])
check(f"sum over phases {parts}", abs(parts - 1) < 1e-12)
check("record of the run", j["used_parameters"]["max_lag"] == "4" and len(j["inputs"]) == 4)

# the same for any number of ranks, to the last bit
for ranks in (2, 3):
    good("coverage", ranks, *setup, "-o", "many.json")
    many = read_json("many.json")
    for key in ("coverage", "lags", "pairs", "volume_fractions", "volume_fractions_ci95"):
        check(f"{key} differs on {ranks} ranks", many[key] == j[key])

# lags along and across z; z along the columns turns the image
good("coverage", 2, *setup, "-coverage_lags", "rz", "-o", "rz.json")
j = read_json("rz.json")
k = j["lags"].index([0.2 * 3, 0.2 * 5]) if [0.2 * 3, 0.2 * 5] in j["lags"] else next(
    n for n, h in enumerate(j["lags"]) if abs(h[0] - 0.6) + abs(h[1] - 1) < 1e-9)
want = naive(images[2:], [(5, 3), (5, -3)], 1, 2)
check(f"rz C_12: {j['coverage']['12'][k]}, counted {want}", abs(j["coverage"]["12"][k] - want) < 1e-12)
check("xy sections have h_z = 0", all(h[1] == 0 for h in j["orientations"]["xy"]["lags"]))
good("coverage", 1, "s2.png", *common[:2], "-orientation", "xz", "-voxel_size", "0.2", "-max_lag", "2", "-z_axis", "columns",
     "-coverage_lags", "rz", "-o", "turned.json")
j = read_json("turned.json")
k = next(n for n, h in enumerate(j["lags"]) if abs(h[0] - 0.6) + abs(h[1] - 1) < 1e-9)
want = naive(images[2:3], [(3, 5), (3, -5)], 1, 2)
check(f"turned C_12: {j['coverage']['12'][k]}, counted {want}", abs(j["coverage"]["12"][k] - want) < 1e-12)

# a stack: sections by default, one volume on request; the same volume raw
x = smooth(rng, (12, 14, 16), 3)
stack = np.digitize(x, np.quantile(x, [0.4])) + 1
write_tiff("stack.tif", stack)
stack.astype(np.uint8).tofile(os.path.join(TMP, "stack.raw"))
good("coverage", 2, "stack.tif", "-image_labels", "1,2", "-voxel_size", "1", "-max_lag", "3", "-o", "pages.json")
j = read_json("pages.json")
check("pages are sections", j["source"] == "sections" and j["orientations"]["xy"]["sections"] == 12)
ring = [(a, b) for a in range(0, 4) for b in range(-3, 4) if round(np.hypot(a, b)) == 2 and (a > 0 or b > 0)]
want = naive(list(stack), ring, 1, 1)
check(f"pages C_11: {j['coverage']['11'][2]}, counted {want}", abs(j["coverage"]["11"][2] - want) < 1e-12)
ball = [(a, b, c) for a in range(-3, 4) for b in range(-3, 4) for c in range(-3, 4)
        if round(np.sqrt(a * a + b * b + c * c)) == 2]
for name, arguments in (("stack.tif", ["-coverage_volume", "true"]), ("stack.raw", ["-raw_size", "12,14,16"])):
    for ranks in (1, 3):
        good("coverage", ranks, name, *arguments, "-voxel_size", "1", "-image_labels", "1,2", "-max_lag", "3", "-o", "volume.json")
        j = read_json("volume.json")
        want = naive([stack], ball, 1, 2)
        check(f"{name}: C_12 {j['coverage']['12'][2]}, counted {want}",
              j["source"] == "volume" and abs(j["coverage"]["12"][2] - want) < 1e-6)
good("coverage", 2, "stack.raw", "-raw_size", "12,14,16", "-periodic", "-voxel_size", "1", "-max_lag", "3", "-o", "volume.json")
j = read_json("volume.json")
want = np.mean([(stack == 1) & (np.roll(stack, h, (0, 1, 2)) == 2) for h in ball])
check(f"periodic: C_12 {j['coverage']['12'][2]}, counted {want}", abs(j["coverage"]["12"][2] - want) < 1e-6)

# the plot script
plot = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "postprocess", "plot_coverage.py")
r = subprocess.run([sys.executable, "-B", plot, "one.json", "rz.json", "--orientations", "-o", "figure"], cwd=TMP,
                   capture_output=True, text=True)
sizes = [os.path.getsize(os.path.join(TMP, f"figure.{e}")) if r.returncode == 0 else 0 for e in ("png", "pdf")]
check(f"plot_coverage.py: {r.returncode} {sizes} {r.stderr}", min(sizes) > 10000)

# plans only
for arguments in (setup, ["stack.raw", "-raw_size", "12,14,16"]):
    r = good("coverage", 2, *arguments, "-dry_run", "-o", "dry.json")
    check(r.stdout, "memory" in r.stdout and not os.path.exists(os.path.join(TMP, "dry.json")))

    if "stack.raw" in arguments:
        text = re.search(r"memory +(\S+) GB on the busiest of 2 ranks .* with it (\S+) bytes for each voxel", r.stdout)
        check(r.stdout, text and float(text[1]) > 0 and 1e9 * float(text[1]) > (float(text[2]) - 1) * stack.size / 2.1)

# what does not fit the memory is refused, and its plan shown all the same
np.ones((4, 4, 20000), np.uint8).tofile(os.path.join(TMP, "long.raw"))
long = f"{EXSET} coverage long.raw -raw_size 4,4,20000 -voxel_size 1 -max_lag 20000 -coverage_lags rz -o long.json"
r = subprocess.run(["bash", "-c", f"ulimit -v 6000000; exec {long}"], cwd=TMP, capture_output=True, text=True)
if "ulimit -v" in r.stderr:  # sanitizers reserve more
    check(r.stderr, r.returncode == 2 and len(r.stderr.splitlines()) == 1 and "-max_lag 20000" in r.stderr)
r = subprocess.run(["bash", "-c", f"ulimit -v 6000000; exec {long} -dry_run"], cwd=TMP, capture_output=True, text=True)
check(r.stdout + r.stderr, r.returncode == 0 and "memory" in r.stdout and not os.path.exists(os.path.join(TMP, "long.json")))

# mistakes
bad("coverage", 2, "allow up to", "s0.png", "-voxel_size", "0.2", "-max_lag", "50")
bad("coverage", 1, "periodic", "s0.png", "-periodic")
bad("coverage", 2, "a volume among them", "s0.png", "stack.raw", "-raw_size", "12,14,16")
bad("coverage", 1, "no image", "-voxel_size", "1")
bad("coverage", 1, "orientation", *files, "-orientation", "xy,xz", *common)
bad("coverage", 2, "nowhere", "s0.png", *common, "-o", "nowhere/c.json")
bad("coverage", 2, "200", "s0.png", "-image_labels", "40,0")
bad("coverage", 2, "missing.png", "missing.png")
end()
