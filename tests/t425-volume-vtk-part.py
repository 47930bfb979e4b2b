"""Parts of volumes in VTK's own reader, compressed or not: by the extent asked for, and as a box cut out by exset section. What the
user guide shows for Python is what is tried here."""
# test: time=60
import os
import sys

from lib import TMP, check, end, good

try:
    import h5py
    import numpy as np
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkVersion
    from vtkmodules.vtkIOHDF import vtkHDFReader
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

MENDED = (vtkVersion.GetVTKMajorVersion(), vtkVersion.GetVTKMinorVersion()) >= (9, 3)
SHAPE = (40, 33, 28)  # z, y, x


def read_box(path, box):
    """Phases of the voxels box[axis][0] to box[axis][1] - 1, axes z, y, x. Up to VTK 9.2 the reader reads one cell too many
    along each axis, and fails at the end of the volume: ask for one point less there."""
    less = 0 if MENDED else 1
    reader = vtkHDFReader()
    reader.SetFileName(path)
    reader.UpdateInformation()
    reader.UpdateExtent([n for first, end in reversed(box) for n in (first, end - less)])
    cells = reader.GetOutput().GetCellData().GetArray("phase")
    return vtk_to_numpy(cells).reshape([end - first for first, end in box]), reader.GetOutput()


with open(os.path.join(TMP, "model.yaml"), "w") as out:
    out.write("field1: {fraction: 0.3, length_xy: 0.6}\nfield2: {fraction: 0.6, length_xy: 0.8}\n")
for ranks, compression in ((1, "none"), (3, "gzip")):
    name = f"{compression}.vtkhdf"
    good("generate", ranks, "model.yaml", "-size", ",".join(map(str, SHAPE)), "-voxel_size", "0.1", "-verbosity", "0",
         "-compression", compression, "-o", name)
    path = os.path.join(TMP, name)
    with h5py.File(path, "r") as file:
        phase = file["VTKHDF/CellData/phase"][()]
    for box in (((0, 40), (0, 33), (0, 28)), ((5, 17), (3, 30), (8, 11)), ((39, 40), (20, 33), (0, 27)), ((20, 40), (0, 2), (26, 28))):
        part = phase[tuple(slice(*b) for b in box)]
        if all(end - first > 1 for first, end in box) or MENDED:  # one cell is an extent without cells for the older reader
            found, image = read_box(path, box)
            check(f"{name}: box {box} by VTK", np.array_equal(found, part))
        crop = ",".join(f"{first}:{end}" for first, end in box)
        good("section", 1, name, "-section_crop", crop, "-compression", compression, "-o", "box.vtkhdf")
        found, image = read_box(os.path.join(TMP, "box.vtkhdf"), [(0, end - first) for first, end in box])
        check(f"{name}: box {box} cut out", np.array_equal(found, part))
        check(f"origin {image.GetOrigin()}", np.allclose(image.GetOrigin(), [0.1 * first for first, _ in reversed(box)]))
end()
