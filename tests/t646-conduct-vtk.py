# test: time=60
"""Fields of exset conduct in VTK's own reader (ParaView's): potential and current density of every voxel."""
import os
import sys

from lib import TMP, check, end, good, read_json

try:
    import h5py
    import numpy as np
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkVersion
    from vtkmodules.vtkIOHDF import vtkHDFReader
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

SHAPE, VOXEL = (6, 5, 4), (0.5, 0.25, 1.0)
volume = np.random.default_rng(3).integers(1, 4, SHAPE).astype(np.uint8)
volume.tofile(os.path.join(TMP, "v.raw"))
good("conduct", 3, "v.raw", "-raw_size", "6,5,4", "-voxel_size", "0.5,0.25,1", "-image_labels", "1,2,3", "-conduct_sigma",
     "3,0,1", "-conduct_axis", "y", "-conduct_rtol", "1e-6", "-conduct_fields", "true", "-o", "v.json")
path = os.path.join(TMP, "v.vtkhdf")
reader = vtkHDFReader()
reader.SetFileName(path)
check("VTK knows the file", reader.CanReadFile(path))
reader.UpdateInformation()
if (vtkVersion.GetVTKMajorVersion(), vtkVersion.GetVTKMinorVersion()) >= (9, 3):
    reader.Update()
else:  # one point less, see t411
    reader.UpdateExtent((0, 3, 0, 4, 0, 5))
image = reader.GetOutput()
cells = image.GetCellData()
names = sorted(cells.GetArrayName(i) for i in range(cells.GetNumberOfArrays()))
check(f"arrays {names}", names == ["current_density_y", "phase", "potential_y"])
check(f"spacing {image.GetSpacing()}", image.GetSpacing() == VOXEL[::-1])
phase, u, current = (vtk_to_numpy(cells.GetArray(name)) for name in ("phase", "potential_y", "current_density_y"))
check("phases", np.array_equal(phase.reshape(SHAPE), volume))
u, current = u.reshape(SHAPE), current.reshape(SHAPE + (3,))
with h5py.File(path) as file:
    check("every potential", np.array_equal(u, file["VTKHDF/CellData/potential_y"][()], equal_nan=True))
    check("every current density", np.array_equal(current, file["VTKHDF/CellData/current_density_y"][()]))
    check("units", file["VTKHDF/CellData/potential_y"].attrs["unit"] == "1")
    check("provenance", str(path).endswith(".vtkhdf") and file["VTKHDF"].attrs["source"].endswith("v.raw"))
run_ = read_json("v.json")["runs"][0]
active = ~np.isnan(u)
check("cells with a potential are those solved for", active.sum() == run_["unknowns"] and (volume[active] != 2).all())
check("no current elsewhere", (current[~active] == 0).all())
mean = current[..., 1].mean()  # components x, y, z
check(f"mean current density {mean}, sigma_eff {run_['sigma_eff']}", abs(mean - run_["sigma_eff"]) < 1e-4)
check("between the electrodes' potentials", 0 <= u[active].min() and u[active].max() <= 1)
end()
