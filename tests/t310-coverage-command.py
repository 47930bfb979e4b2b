#!/usr/bin/env python3
# test: time=120
"""exset coverage: figures against counting with numpy, equal for all rank counts; sections, stacks, volumes, masks;
mistakes are one line and exit code 2."""
import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np

exset, mpiexec, tmp = os.environ["EXSET"], os.environ["MPIEXEC"].split(), os.environ["TEST_TMP"]
checks = 0
failed = 0


def check(ok, what):
    global checks, failed
    checks += 1
    if not ok:
        failed += 1
        print("failed:", what)


def run(ranks, *arguments):
    command = [exset] if ranks == 1 else [*mpiexec, "-n", str(ranks), exset]
    return subprocess.run([*command, "coverage", *arguments], cwd=tmp, capture_output=True, text=True)


def good(ranks, *arguments):
    r = run(ranks, *arguments)
    check(r.returncode == 0, f"{arguments}: exit code {r.returncode}: {r.stderr}")
    return r


def bad(words, *arguments, ranks=1):
    r = run(ranks, *arguments)
    lines = [line for line in r.stderr.splitlines() if line.startswith("exset: ")]
    check(r.returncode == 2 and len(lines) == 1 and words in lines[0], f"{arguments}: {r.returncode} {r.stderr}")
    check(not [n for n in os.listdir(tmp) if n.endswith(".part")], f"{arguments}: a temporary file is left")


def read_json(name):
    with open(os.path.join(tmp, name)) as f:
        return json.load(f)


def write_png(name, gray):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, cols = gray.shape
    raw = b"".join(b"\0" + row.tobytes() for row in gray.astype(np.uint8))
    with open(os.path.join(tmp, name), "wb") as f:
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
    with open(os.path.join(tmp, name), "wb") as f:
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
r = good(1, *setup, "-o", "one.json")
check("phase" in r.stdout and "C_12" in r.stdout and len(r.stdout.splitlines()) < 30, r.stdout)
j = read_json("one.json")
check(len(j["lags"]) == 21 and j["lags"][0] == 0 and abs(j["lags"][20] - 4) < 0.1, str(j["lags"]))
check(sorted(j["coverage"]) == ["11", "12", "13", "22", "23", "33"], str(sorted(j["coverage"])))
ring = [(a, b) for a in range(0, 9) for b in range(-8, 9) if round(np.hypot(a, b)) == 7 and (a > 0 or b > 0)]
for name, group in (("all", images), ("xy", images[:2]), ("xz", images[2:3]), ("yz", images[3:])):
    block = j if name == "all" else j["orientations"][name]
    for key in ("11", "12", "33", "23"):
        got, want = block["coverage"][key][7], naive(group, ring, int(key[0]), int(key[1]))
        check(abs(got - want) < 1e-12, f"{name} C_{key}: {got}, counted {want}")
    fraction = np.concatenate([g[g > 0].ravel() for g in group])
    for i in range(3):
        check(abs(block["volume_fractions"][i] - np.mean(fraction == i + 1)) < 1e-12, f"{name} fraction {i + 1}")
        check(0 < block["volume_fractions_ci95"][i] < 0.4, f"{name} interval {block['volume_fractions_ci95'][i]}")
    check(block["pairs"][0] == fraction.size, f"{name}: {block['pairs'][0]} pixels")
parts = sum(np.array([j["coverage"][k][7] for k in j["coverage"]]) * [1, 2, 2, 1, 2, 1])
check(abs(parts - 1) < 1e-12, f"sum over phases {parts}")
check(j["used_parameters"]["max_lag"] == "4" and len(j["inputs"]) == 4, "record of the run")

# the same for any number of ranks, to the last bit
for ranks in (2, 3):
    good(ranks, *setup, "-o", "many.json")
    many = read_json("many.json")
    for key in ("coverage", "lags", "pairs", "volume_fractions", "volume_fractions_ci95"):
        check(many[key] == j[key], f"{key} differs on {ranks} ranks")

# lags along and across z; z along the columns turns the image
good(2, *setup, "-coverage_lags", "rz", "-o", "rz.json")
j = read_json("rz.json")
k = j["lags"].index([0.2 * 3, 0.2 * 5]) if [0.2 * 3, 0.2 * 5] in j["lags"] else next(
    n for n, h in enumerate(j["lags"]) if abs(h[0] - 0.6) + abs(h[1] - 1) < 1e-9)
want = naive(images[2:], [(5, 3), (5, -3)], 1, 2)
check(abs(j["coverage"]["12"][k] - want) < 1e-12, f"rz C_12: {j['coverage']['12'][k]}, counted {want}")
check(all(h[1] == 0 for h in j["orientations"]["xy"]["lags"]), "xy sections have h_z = 0")
good(1, "s2.png", *common[:2], "-orientation", "xz", "-voxel_size", "0.2", "-max_lag", "2", "-z_axis", "columns",
     "-coverage_lags", "rz", "-o", "turned.json")
j = read_json("turned.json")
k = next(n for n, h in enumerate(j["lags"]) if abs(h[0] - 0.6) + abs(h[1] - 1) < 1e-9)
want = naive(images[2:3], [(3, 5), (3, -5)], 1, 2)
check(abs(j["coverage"]["12"][k] - want) < 1e-12, f"turned C_12: {j['coverage']['12'][k]}, counted {want}")

# a stack: sections by default, one volume on request; the same volume raw
x = smooth(rng, (12, 14, 16), 3)
stack = np.digitize(x, np.quantile(x, [0.4])) + 1
write_tiff("stack.tif", stack)
stack.astype(np.uint8).tofile(os.path.join(tmp, "stack.raw"))
good(2, "stack.tif", "-image_labels", "1,2", "-voxel_size", "1", "-max_lag", "3", "-o", "pages.json")
j = read_json("pages.json")
check(j["source"] == "sections" and j["orientations"]["xy"]["sections"] == 12, "pages are sections")
ring = [(a, b) for a in range(0, 4) for b in range(-3, 4) if round(np.hypot(a, b)) == 2 and (a > 0 or b > 0)]
want = naive(list(stack), ring, 1, 1)
check(abs(j["coverage"]["11"][2] - want) < 1e-12, f"pages C_11: {j['coverage']['11'][2]}, counted {want}")
ball = [(a, b, c) for a in range(-3, 4) for b in range(-3, 4) for c in range(-3, 4)
        if round(np.sqrt(a * a + b * b + c * c)) == 2]
for name, arguments in (("stack.tif", ["-coverage_volume", "true"]), ("stack.raw", ["-raw_size", "12,14,16"])):
    for ranks in (1, 3):
        good(ranks, name, *arguments, "-voxel_size", "1", "-image_labels", "1,2", "-max_lag", "3", "-o", "volume.json")
        j = read_json("volume.json")
        want = naive([stack], ball, 1, 2)
        check(j["source"] == "volume" and abs(j["coverage"]["12"][2] - want) < 1e-6,
              f"{name}: C_12 {j['coverage']['12'][2]}, counted {want}")
good(2, "stack.raw", "-raw_size", "12,14,16", "-periodic", "-voxel_size", "1", "-max_lag", "3", "-o", "volume.json")
j = read_json("volume.json")
want = np.mean([(stack == 1) & (np.roll(stack, h, (0, 1, 2)) == 2) for h in ball])
check(abs(j["coverage"]["12"][2] - want) < 1e-6, f"periodic: C_12 {j['coverage']['12'][2]}, counted {want}")

# the plot script
plot = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "postprocess", "plot_coverage.py")
r = subprocess.run([sys.executable, "-B", plot, "one.json", "rz.json", "--orientations", "-o", "figure"], cwd=tmp,
                   capture_output=True, text=True)
sizes = [os.path.getsize(os.path.join(tmp, f"figure.{e}")) if r.returncode == 0 else 0 for e in ("png", "pdf")]
check(min(sizes) > 10000, f"plot_coverage.py: {r.returncode} {sizes} {r.stderr}")

# plans only
for arguments in (setup, ["stack.raw", "-raw_size", "12,14,16"]):
    r = good(2, *arguments, "-dry_run", "-o", "dry.json")
    check("memory" in r.stdout and not os.path.exists(os.path.join(tmp, "dry.json")), r.stdout)

# mistakes
bad("allow up to", "s0.png", "-voxel_size", "0.2", "-max_lag", "50", ranks=2)
bad("periodic", "s0.png", "-periodic")
bad("a volume among them", "s0.png", "stack.raw", "-raw_size", "12,14,16", ranks=2)
bad("no image", "-voxel_size", "1")
bad("orientation", *files, "-orientation", "xy,xz", *common)
bad("nowhere", "s0.png", *common, "-o", "nowhere/c.json", ranks=2)
bad("200", "s0.png", "-image_labels", "40,0", ranks=2)
bad("missing.png", "missing.png", ranks=2)

print(f"checks {checks}")
sys.exit(1 if failed else 0)
