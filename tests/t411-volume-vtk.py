"""VTK's own reader (ParaView's) sees every voxel, spacing, origin and extents of a volume written on 3 ranks."""
# test: time=60
import os
import subprocess
import sys

from lib import TMP, check, end

try:
    import h5py
    import numpy as np
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkVersion
    from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as pipeline
    from vtkmodules.vtkIOHDF import vtkHDFReader
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

SHAPE = (9, 7, 5)  # of t410-volume-roundtrip: z, y, x
VOXEL, ORIGIN = (0.5, 0.25, 0.125), (3.0, -2.0, 1.0)


def write(ranks):
    path = os.path.join(TMP, f"vtk{ranks}.vtkhdf")
    program = os.path.join(os.environ.get("BUILD", "build"), "tests", "t410-volume-roundtrip")
    command = [os.environ.get("MPIEXEC", "mpirun"), "-n", str(ranks), program, "write", path]
    done = subprocess.run(command, capture_output=True, text=True)
    return path if check(f"{command}: {done.stdout} {done.stderr}", done.returncode == 0) else None


def expected():
    """Phases and numbers by the formulas of the test program."""
    i = np.arange(np.prod(SHAPE), dtype=np.uint64)
    phase = 1 + ((i * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) % np.uint64(3)
    current = np.stack([i * 3 + c for c in range(3)], axis=-1).astype(np.float32)
    return phase.astype(np.uint8).reshape(SHAPE), -current[:, 0].reshape(SHAPE), current.reshape(SHAPE + (3,))


def open_image(path):
    """The image and whether its cells are whole.

    Up to VTK 9.2 (ParaView 5.11) the reader asks for one cell too many along each axis and fails on every ImageData with
    cell data; asking for one point less there makes it read exactly the cells.
    """
    reader = vtkHDFReader()
    reader.SetFileName(path)
    check("VTK knows the file", reader.CanReadFile(path))
    reader.UpdateInformation()
    extent = reader.GetOutputInformation(0).Get(pipeline.WHOLE_EXTENT())
    check(f"extent {extent}", tuple(extent) == (0, 5, 0, 7, 0, 9))
    mended = (vtkVersion.GetVTKMajorVersion(), vtkVersion.GetVTKMinorVersion()) >= (9, 3)
    if mended:
        reader.Update()
    else:
        reader.UpdateExtent((0, 4, 0, 6, 0, 8))
    return reader.GetOutput(), mended


def check_vtk(path):
    phase, potential, current = expected()
    image, mended = open_image(path)
    check(f"spacing {image.GetSpacing()}", image.GetSpacing() == VOXEL[::-1])
    check(f"origin {image.GetOrigin()}", image.GetOrigin() == ORIGIN[::-1])
    if mended:
        check(f"cells {image.GetNumberOfCells()}", image.GetNumberOfCells() == phase.size)
    cells = image.GetCellData()
    names = sorted(cells.GetArrayName(i) for i in range(cells.GetNumberOfArrays()))
    check(f"arrays {names}", names == ["current", "phase", "potential"])
    if names != ["current", "phase", "potential"]:
        return
    array = vtk_to_numpy(cells.GetArray("phase"))
    check(f"phase is {array.dtype}", array.dtype == np.uint8)
    check("every phase", np.array_equal(array.reshape(SHAPE), phase))
    check("every potential", np.array_equal(vtk_to_numpy(cells.GetArray("potential")).reshape(SHAPE), potential))
    check("every current", np.array_equal(vtk_to_numpy(cells.GetArray("current")).reshape(current.shape), current))


def check_attributes(path):
    with h5py.File(path, "r") as file:
        group = file["VTKHDF"]
        check("Type", group.attrs["Type"] == b"ImageData")
        check("Version", list(group.attrs["Version"]) == [1, 0])
        check("Direction", list(group.attrs["Direction"]) == [1, 0, 0, 0, 1, 0, 0, 0, 1])
        check("model", group.attrs["model"] == "a: 1\nb: µm")
        check("rank 0's attributes", group.attrs["who"] == "rank 0")
        cells = group["CellData"]
        check("phase by h5py", np.array_equal(cells["phase"][()], expected()[0]))
        check("unit of phase", cells["phase"].attrs["unit"] == "1")
        check("n_phases", cells["phase"].attrs["n_phases"] == 3)
        check("unit", cells["potential"].attrs["unit"] == "V" and cells["current"].attrs["unit"] == "A/m2")
        check("description", cells["current"].attrs["description"] == "current density")


for ranks in (1, 3):
    name = write(ranks)
    if name:
        check_vtk(name)
        check_attributes(name)
end()
