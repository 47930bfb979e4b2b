"""exset section: planes as gray and coloured PNG and as TIFF pages, boxes as volumes; from every format, compressed or not;
mistakes give one line."""
# test: time=120
import os
import subprocess
import sys

from lib import EXSET, TMP, bad, check, end, good, read_json

try:
    import h5py
    import numpy as np
    from PIL import Image, ImageSequence
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

SHAPE = (11, 20, 14)  # z, y, x
VOXEL, ORIGIN = (0.5, 0.25, 0.125), (3.0, -2.0, 1.0)
PHASE = np.random.default_rng(1).integers(1, 4, SHAPE).astype(np.uint8)
PHASE[2:4, 5:9, 3:8] = 3
GRAY = np.array([0, 85, 170, 255], np.uint8)


def path(name):
    return os.path.join(TMP, name)


def write_vtkhdf(name, phase, **kind):
    with h5py.File(path(name), "w") as file:
        group = file.create_group("VTKHDF")
        group.attrs["Spacing"] = VOXEL[::-1]
        group.attrs["Origin"] = ORIGIN[::-1]
        group.attrs["WholeExtent"] = [0, SHAPE[2], 0, SHAPE[1], 0, SHAPE[0]]
        data = group.create_dataset("CellData/phase", data=phase, **kind)
        data.attrs["n_phases"] = 3


def image(name):
    return np.array(Image.open(path(name)))


def plane(axis, index):
    return np.take(PHASE, index, axis="zyx".index(axis))


write_vtkhdf("v.vtkhdf", PHASE)
write_vtkhdf("packed.vtkhdf", PHASE, chunks=(4, 8, 8), compression="gzip", shuffle=True)
PHASE.tofile(path("v.raw"))
pages = [Image.fromarray(GRAY[page]) for page in PHASE]
pages[0].save(path("v.tif"), save_all=True, append_images=pages[1:])

# one plane: the very name
for source, more, table in (
    ("v.vtkhdf", (), GRAY),
    ("packed.vtkhdf", ("-section_grays", "0,127,254"), np.array([0, 0, 127, 254], np.uint8)),
    ("v.raw", ("-raw_size", "11,20,14", "-image_labels", "1,2,3"), np.arange(4, dtype=np.uint8)),
    ("v.tif", ("-image_labels", "85,170,255"), GRAY),
):
    for ranks, where in ((1, "z=10,y=19"), (3 if source == "packed.vtkhdf" else 1, "x=4")):
        good("section", ranks, source, "-section_plane", where, *more, "-o", "one.png")
        for axis, index in (word.split("=") for word in where.split(",")):
            name = f"one_{axis}{index}.png" if "," in where else "one.png"
            check(f"{source} {where} on {ranks} ranks", np.array_equal(image(name), table[plane(axis, int(index))]))
found = read_json("one.json")["sections"]
check(f"{found}", len(found) == 1 and found[0]["axis"] == "x" and found[0]["index"] == 4 and found[0]["position"] == 4.5)

# several: a file for each plane, or a page for each plane and a file for each axis
good("section", 2, "packed.vtkhdf", "-section_plane", "z=::4,y=3,x=10:14:3", "-o", "s.png")
names = sorted(name for name in os.listdir(TMP) if name.startswith("s_"))
check(f"{names}", names == ["s_x10.png", "s_x13.png", "s_y3.png", "s_z0.png", "s_z4.png", "s_z8.png"])
for name in names:
    check(name, np.array_equal(image(name), GRAY[plane(name[2], int(name[3:-4]))]))
entry = [item for item in read_json("s.json")["sections"] if item["file"] == "s_y3.png"][0]
check(f"{entry}", entry["size"] == [11, 14] and entry["pixel_size"] == [0.5, 0.125] and entry["position"] == -2 + 3.5 * 0.25)
good("section", 3, "v.vtkhdf", "-section_plane", "z=::4,y=3:6,x=10", "-o", "t.tif")
for axis, indices in (("z", (0, 4, 8)), ("y", (3, 4, 5)), ("x", (10,))):
    with Image.open(path(f"t_{axis}.tif")) as stack:
        found = [np.array(page) for page in ImageSequence.Iterator(stack)]
    check(f"pages across {axis}", np.array_equal(found, [GRAY[plane(axis, i)] for i in indices]))

# many planes are read at once: all of them, overlapping ranges, and more than memory is given for
for ranks, source in ((3, "packed.vtkhdf"), (5, "v.vtkhdf")):
    good("section", ranks, source, "-section_plane", "x=:,x=2:9:3,x=1,y=:,y=4,z=1:,z=0:9:4,z=:3", "-o", "all.tif")
    for axis, indices in (("z", (*range(1, 11), 0, 4, 8, 0, 1, 2)), ("y", (*range(20), 4)), ("x", (*range(14), 2, 5, 8, 1))):
        with Image.open(path(f"all_{axis}.tif")) as stack:
            found = [np.array(page) for page in ImageSequence.Iterator(stack)]
        check(f"all planes across {axis}", np.array_equal(found, [GRAY[plane(axis, i)] for i in indices]))
z, y, x = np.ogrid[:64, :1024, :1300]
wide = (1 + (z // 3 + y // 5 + x * x // 1000) % 3).astype(np.uint8)
wide.tofile(path("wide.raw"))
good("section", 1, "wide.raw", "-raw_size", "64,1024,1300", "-image_labels", "1,2,3", "-section_plane", "x=::600", "-o", "w.png")
for i in (0, 600, 1200):
    check(f"x={i} of a large volume", np.array_equal(image(f"w_x{i}.png"), wide[:, :, i]))
del wide

# colours: a palette whose indices are the phases; both kinds go into coverage
good("section", 1, "v.vtkhdf", "-section_plane", "z=2", "-section_colours", "true", "-o", "c.png")
with Image.open(path("c.png")) as picture:
    check("colours", picture.mode == "P" and np.array_equal(np.array(picture), PHASE[2]))
    check("distinct", len(set(map(tuple, np.array(picture.convert("RGB")).reshape(-1, 3)))) == 3)
good("section", 1, "v.vtkhdf", "-section_plane", "z=2", "-o", "g.png")
for name, labels in (("c.png", "1,2,3"), ("g.png", ",".join(map(str, read_json("g.json")["gray"])))):
    good("coverage", 1, name, "-image_labels", labels, "-voxel_size", "0.25", "-o", "coverage.json")
    expected = [np.mean(PHASE[2] == p) for p in (1, 2, 3)]
    check(f"{name} in coverage", np.allclose(read_json("coverage.json")["volume_fractions"], expected, atol=1e-12))

# boxes
for ranks, source, name, more in (
    (1, "v.vtkhdf", "box.vtkhdf", ()),
    (3, "packed.vtkhdf", "box.h5", ("-compression", "gzip")),
    (5, "v.tif", "box.vtkhdf", ("-image_labels", "85,170,255", "-voxel_size", "0.5,0.25,0.125")),
):
    good("section", ranks, source, "-section_crop", "2:4,5:19,:8", *more, "-o", name)
    with h5py.File(path(name), "r") as file:
        group = file["VTKHDF"]
        check(f"{name} from {source}", np.array_equal(group["CellData/phase"][()], PHASE[2:4, 5:19, :8]))
        start = ORIGIN if "vtkhdf" in source else (0, 0, 0)
        check("origin", np.allclose(group.attrs["Origin"], [start[2], start[1] + 5 * 0.25, start[0] + 2 * 0.5]))
        check("spacing", np.allclose(group.attrs["Spacing"], VOXEL[::-1]))
        check("extent", list(group.attrs["WholeExtent"]) == [0, 8, 0, 14, 0, 2])
        check("provenance", group.attrs["source"] == source and group.attrs["source_box"] == "2:4,5:19,0:8")
        check("command", group.attrs["command"] == "section" and "section_crop" in group.attrs["parameters"])
good("section", 1, "v.vtkhdf", "-section_crop", "3:,:,:", "-o", "box.tif")
with Image.open(path("box.tif")) as stack:
    check("box as pages", np.array_equal([np.array(page) for page in ImageSequence.Iterator(stack)], PHASE[3:]))

# a whole file of gray values needs no labels
good("section", 2, "v.tif", "-section_crop", ":,:,:", "-o", "whole.vtkhdf")
with h5py.File(path("whole.vtkhdf"), "r") as file:
    check("whole stack", np.array_equal(file["VTKHDF/CellData/phase"][()], PHASE))

# a box of a box of a twin tells of the model and the seed
with open(path("model.yaml"), "w") as out:
    out.write("field1: {fraction: 0.4, length_xy: 0.5}\n")
good("generate", 2, "model.yaml", "-size", "12", "-voxel_size", "0.1", "-seed", "77", "-verbosity", "0", "-o", "twin.vtkhdf")
good("section", 3, "twin.vtkhdf", "-section_crop", "2:9,:,4:", "-o", "first.vtkhdf")
good("section", 1, "first.vtkhdf", "-section_crop", ":5,1:4,:", "-o", "second.vtkhdf")
with h5py.File(path("twin.vtkhdf"), "r") as twin, h5py.File(path("second.vtkhdf"), "r") as file:
    said, own = twin["VTKHDF"].attrs, file["VTKHDF"].attrs
    check(f"{dict(own)}", [own[key] for key in ("model", "seed", "realisation")] == [said["model"], "77", "1"])
    check(f"{dict(own)}", own["source"] == "first.vtkhdf" and own["source_box"] == "0:5,1:4,0:8" and own["command"] == "section")
    check("box of a box", np.array_equal(file["VTKHDF/CellData/phase"][()], twin["VTKHDF/CellData/phase"][2:7, 1:4, 4:]))

# colours take labels of any size
(1000 * PHASE.astype("<u2")).tofile(path("wide.raw"))
wide = ("wide.raw", "-raw_size", "11,20,14", "-image_labels", "1000,2000,3000", "-section_plane", "y=7")
good("section", 1, *wide, "-section_colours", "true", "-o", "wide.png")
check("labels of 16 bit in colours", np.array_equal(image("wide.png"), PHASE[:, 7]))
bad("section", 1, "does not fit 8 bit", *wide, "-o", "e.png")

# more than the memory is refused
with open(path("huge.raw"), "wb") as out:
    out.truncate(2000 * 1000 * 1000)
huge = f"{EXSET} section huge.raw -raw_size 2000,1000,1000 -image_labels 0 -section_crop :,:,: -o e.vtkhdf"
if "san" not in EXSET:  # sanitizers reserve more
    r = subprocess.run(["bash", "-c", f"ulimit -v 5000000; exec {huge}"], cwd=TMP, capture_output=True, text=True)
    check(r.stderr, r.returncode == 2 and len(r.stderr.splitlines()) == 1 and "needs 6 GB in 1 process" in r.stderr)
os.remove(path("huge.raw"))

# masked cells
masked = PHASE.copy()
masked[5, 0, 0] = 0
write_vtkhdf("masked.vtkhdf", masked)
good("section", 1, "masked.vtkhdf", "-section_plane", "z=5", "-o", "m.png")
check("masked cells are black", image("m.png")[0, 0] == 0 and np.array_equal(image("m.png"), GRAY[masked[5]]))
bad("section", 2, "masked cells", "masked.vtkhdf", "-section_plane", "z=5", "-section_grays", "0,1,2", "-o", "n.png")
good("section", 1, "masked.vtkhdf", "-section_plane", "z=6", "-section_grays", "0,1,2", "-o", "n.png")

for ranks, words, arguments in (
    (1, "is needed", ("v.vtkhdf",)),
    (1, "both given", ("v.vtkhdf", "-section_plane", "z=1", "-section_crop", ":,:,:")),
    (1, "0 inputs", ("-section_plane", "z=1")),
    (3, "outside the volume: v.vtkhdf has the planes z=0 to z=10", ("v.vtkhdf", "-section_plane", "z=11")),
    (1, "empty", ("v.vtkhdf", "-section_plane", "y=5:5")),
    (1, "is no plane", ("v.vtkhdf", "-section_plane", "w=1")),
    (1, "is no plane", ("v.vtkhdf", "-section_plane", "z=::0")),
    (1, "is no plane", ("v.vtkhdf", "-section_plane", "z=99999999999999999999")),
    (1, "is no plane", ("v.vtkhdf", "-section_plane", "z=9223372036854775807")),
    (1, "is no plane", ("v.vtkhdf", "-section_plane", "z=1::9223372036854775807")),
    (1, "outside", ("v.vtkhdf", "-section_plane", "z=1000000000000000")),
    (1, "is no plane", ("v.vtkhdf", "-section_plane", "z=-1")),
    (1, "is no box", ("v.vtkhdf", "-section_crop", "-1:4,:,:", "-o", "e.vtkhdf")),
    (1, "outside the volume along x", ("v.vtkhdf", "-section_crop", "0:1,0:1,0:15", "-o", "e.vtkhdf")),
    (1, "empty along y", ("v.vtkhdf", "-section_crop", "0:1,4:4,:", "-o", "e.vtkhdf")),
    (1, "is no box", ("v.vtkhdf", "-section_crop", "0:1,4:5", "-o", "e.vtkhdf")),
    (3, "-image_labels is needed", ("v.tif", "-section_plane", "z=1")),
    (1, "-image_labels is needed", ("v.tif", "-section_crop", "0:1,:,:", "-o", "e.vtkhdf")),
    (1, "-image_labels is needed", ("v.tif", "-section_crop", "0:1,:,:", "-o", "e.vtkhdf", "-dry_run")),
    (1, "-image_labels is needed", ("v.vtkhdf", "-section_plane", "z=1", "-image_mask", "3", "-dry_run")),
    (1, "gray or in colours", ("v.vtkhdf", "-section_plane", "z=1", "-section_grays", "1,2,3", "-section_colours", "true")),
    (1, "allowed endings: .png, .tif", ("v.vtkhdf", "-section_plane", "z=1", "-o", "e.jpg")),
    (1, "needs PNG", ("v.vtkhdf", "-section_plane", "z=1", "-section_colours", "true", "-o", "e.tif")),
    (1, "3 are needed", ("v.vtkhdf", "-section_plane", "z=1", "-section_grays", "1,2")),
    (1, "stands for two things", ("v.vtkhdf", "-section_plane", "z=1", "-section_grays", "1,2,2")),
    (1, "replace the input", ("v.vtkhdf", "-section_crop", ":,:,:", "-o", "v.vtkhdf")),
):
    if "-o" not in arguments:
        arguments += ("-o", "e.png")
    bad("section", ranks, words, *arguments)
check("no output of a failed run", not [name for name in os.listdir(TMP) if name.startswith("e.")])
end()
