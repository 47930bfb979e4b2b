"""postprocess/paraview_film.py in ParaView: the cube grows from frame to frame, its top has the section's phases, and a film is there."""
# test: time=240
import os

from pictures import load, np, paraview, phases
import h5py

from lib import TMP, check, end, good

with open(os.path.join(TMP, "model.yaml"), "w") as out:
    out.write("field1: {fraction: 0.25, length_xy: 0.6}\nfield2: {fraction: 0.5, length_xy: 0.8}\n")
good("generate", 1, "model.yaml", "-size", "20,24,24", "-voxel_size", "0.1", "-o", "twin.vtkhdf")
with h5py.File(os.path.join(TMP, "twin.vtkhdf"), "r") as file:
    twin = file["VTKHDF/CellData/phase"][()]

look = ("--frames", "4", "--size", "200,220", "--view=0,-1,1")
ended = paraview("film", "twin.vtkhdf", "-o", "f.avi", *look)
films = "writes no films" not in ended.stderr
if not films:
    check(f"no film: {ended.returncode}", ended.returncode == 2)
    ended = paraview("film", "twin.vtkhdf", "-o", "f", *look)
frames = sorted(name for name in os.listdir(TMP) if name.startswith("f_"))
check(f"frames {frames} {ended.stderr[-300:]}", frames == [f"f_{k:04d}.png" for k in range(1, 5)])
pictures = [phases(load(name)) for name in frames]
shares = [np.mean(found[:, 40:160] > 0) for found in pictures]
check(f"the cube grows: {shares}", all(a < b for a, b in zip(shares, shares[1:])) and shares[0] > 0.1)
for found, plane in zip(pictures, (0, 6, 13, 19)):  # planes on top in the four frames
    there = np.flatnonzero((found > 0).mean(axis=1) > 0.5)
    rows = found[there[0]:there[0] + 95]  # of the top, whose far edge comes first
    shares = np.bincount(rows[rows > 0], minlength=4)[1:] / np.count_nonzero(rows)
    true = np.bincount(twin[plane].ravel(), minlength=4)[1:] / twin[plane].size
    check(f"shares {shares} on top of plane {plane}, which has {true}", np.abs(shares - true).max() < 0.15)

if films:
    with open(os.path.join(TMP, "f.avi"), "rb") as file:
        start = file.read(12)
    check(f"a film: {start}", start[:4] == b"RIFF" and start[8:11] == b"AVI")
check(f"exit code {ended.returncode}: {ended.stderr[-300:]}", ended.returncode == 0)
end()
