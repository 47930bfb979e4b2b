"""postprocess/paraview_surface.py in ParaView: the cut of a phase is where the phase is, and the scale bar is as long as it says."""
# test: time=240
import os

from pictures import draw, np, white

from lib import TMP, check, end

# a part of a ball of phase 2, with its cut in the face of smallest y; voxels of 0.5 um, 20 um along x
SHAPE, VOXEL = (32, 24, 40), 0.5
z, y, x = np.indices(SHAPE) + 0.5
volume = 1 + ((z - 12) ** 2 + (y + 3) ** 2 + (x - 25) ** 2 < 10 ** 2).astype(np.uint8)


def write(name):
    """A .vtkhdf file as exset writes it."""
    import h5py

    with h5py.File(os.path.join(TMP, name), "w") as file:
        group = file.create_group("VTKHDF")
        group.attrs["Version"], group.attrs["Type"] = (1, 0), np.bytes_("ImageData")
        group.attrs["WholeExtent"] = [n for k in SHAPE[::-1] for n in (0, k)]
        group.attrs["Origin"], group.attrs["Spacing"] = (0.0, 0.0, 0.0), (VOXEL,) * 3
        group.attrs["Direction"] = np.eye(3).ravel()
        group["CellData/phase"] = volume


def spans(on):
    """First and last index along a row of pixels, and how many lie between."""
    found = np.flatnonzero(on)
    return found[0], found[-1], found[-1] - found[0] + 1


write("ball.vtkhdf")
pixels = draw("surface", "ball.png", "ball.vtkhdf", "--view=0,-1,0", "--size", "400,360", "--smooth", "0.6")
check(f"size {pixels.shape}", pixels.shape == (360, 400, 3))
red, green, blue = np.moveaxis(pixels, -1, 0)
orange = (red > 1.15 * blue) & ~white(pixels)
gray = ~orange & ~white(pixels)  # edges of the box, scale bar
edge_rows = np.flatnonzero(gray.mean(axis=1) > 0.5)
bottom, top = edge_rows[-1], edge_rows[0]  # of the face in front, which is the nearer and so the larger one
left, right, wide = spans(gray[(top + bottom) // 2])
check(f"the face is {wide} x {bottom - top} pixels: as 40 to 32", abs(wide / (bottom - top) - 40 / 32) < 0.02)

# the cut: each voxel's middle
rows = bottom - (z[:, 0, :] / SHAPE[0] * (bottom - top)).astype(int)
columns = left + (x[:, 0, :] / SHAPE[2] * wide).astype(int)
inside = volume[:, 0, :] == 2
share = np.mean(orange[rows, columns] == inside)
check(f"{share:.4f} of the face's voxels are coloured as they should", share > 0.97)
check("nothing is orange outside", orange.sum() < 1.1 * inside.mean() * wide * (bottom - top))

# the bar: 5 um of 20
below = np.arange(len(pixels)) > bottom + 3
dark = below[:, None] & (pixels.max(axis=-1) < 0.3)
bar = np.flatnonzero(dark.sum(axis=1) > 0.8 * dark.sum(axis=1).max())
check(f"bar in rows {bar}", 1 <= len(bar) <= 4)
length = spans(dark[bar[0]])[2]
check(f"the bar is {length} pixels, 5 of 20 um of {wide}", abs(length / wide - 0.25) < 0.02)
check("its length is written below", (pixels.max(axis=-1) < 0.75)[bar[-1] + 4:].sum() > 20)
end()
