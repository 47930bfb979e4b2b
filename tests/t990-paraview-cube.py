"""postprocess/paraview_cube.py in ParaView: pictures have the colours of the phases, and each voxel of a face at its place."""
# test: time=240
import os

from pictures import draw, np, paraview, phases
import h5py

from lib import TMP, check, end, good


def check_face(labels):
    """Seen along z, the face of largest z outside of the open corner fills the picture: x to the right, y upwards."""
    found = phases(draw("cube", "face.png", "twin.vtkhdf", "--no-scale-bar", "--view", "0,0,1", "--size", "325,300", "--voxels", "30"))
    rows, columns = np.nonzero(found)
    top, left, high, wide = rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1
    check(f"{wide} x {high} pixels: square, 0.97 of the height", abs(wide - high) <= 2 and abs(high - 0.97 * 300) <= 3)
    face = labels[23, :30, :30]
    middle = (np.arange(30) + 0.5) / 30
    seen = found[np.ix_((top + high * middle[::-1]).astype(int), (left + wide * middle).astype(int))]
    outside = np.ones(face.shape, bool)
    outside[:15, :15] = False  # x and y of the direction of view are not above 0
    share = np.mean(seen[outside] == face[outside])
    check(f"{share:.4f} of the face's voxels have their phase's colour", share > 0.98)
    turned = max(np.mean(seen[outside] == other[outside]) for other in (face.T, face[::-1], face[:, ::-1]))
    check(f"the comparison tells a face from one that is turned: {turned:.3f}", turned < 0.9)


def check_sections(volume):
    found = phases(draw("cube", "sections.png", "twin.vtkhdf", "--show", "sections", "--size", "250,200"))
    check(f"sections: {found.shape}", found.shape == (200, 250))
    check("the picture's corners are white", not found[[0, 0, -1, -1], [0, -1, 0, -1]].any())
    check(f"sections are {np.mean(found > 0):.3f} of the picture", 0.15 < np.mean(found > 0) < 0.7)
    shares = np.bincount(found[found > 0], minlength=4)[1:] / np.count_nonzero(found)
    check(f"shares of the picture {shares}, of the volume {volume}", np.abs(shares - volume).max() < 0.2 and shares.min() > 0.05)


with open(os.path.join(TMP, "model.yaml"), "w") as out:
    out.write("field1: {fraction: 0.25, length_xy: 0.6}\nfield2: {fraction: 0.5, length_xy: 0.8}\n")
good("generate", 1, "model.yaml", "-size", "24,32,40", "-voxel_size", "0.1", "-compression", "gzip", "-o", "twin.vtkhdf")
with h5py.File(os.path.join(TMP, "twin.vtkhdf"), "r") as file:
    twin = file["VTKHDF/CellData/phase"][()]
check_face(twin)
check_sections(np.bincount(twin.ravel(), minlength=4)[1:] / twin.size)
failed = paraview("cube", "twin.vtkhdf", "--phases", "2,4")
check(f"a phase too many: {failed.returncode} {failed.stderr}", failed.returncode == 2 and "has no phase 4" in failed.stderr)
failed = paraview("cube", "twin.vtkhdf", "-o", "none/twin.png")
check(f"no folder: {failed.returncode} {failed.stderr}", failed.returncode == 2 and
      failed.stderr == "paraview_cube.py: none/twin.png cannot be written: No such file or directory\n")
end()
