"""generate -compression gzip: the same labels as without, found by h5py and VTK's own reader, for any number of ranks; -output
none, labels and fields do what they say."""
# test: time=90
import os
import sys

from lib import TMP, bad, check, end, good, read_json

try:
    import h5py
    import numpy as np
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkVersion
    from vtkmodules.vtkIOHDF import vtkHDFReader
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

SHAPE = (22, 30, 26)
with open(os.path.join(TMP, "model.yaml"), "w") as out:
    out.write("field1: {fraction: 0.3, length_xy: 0.6}\nfield2: {fraction: 0.6, length_xy: 0.8}\n")
COMMON = ("model.yaml", "-size", "22,30,26", "-voxel_size", "0.1", "-verbosity", "0")


def arrays(name):
    """Name, chunks, compression and cells of each array of a file."""
    with h5py.File(os.path.join(TMP, name), "r") as file:
        cells = file["VTKHDF/CellData"]
        return {key: (data.chunks, data.compression, data[()]) for key, data in cells.items()}


def by_vtk(name):
    reader = vtkHDFReader()
    reader.SetFileName(os.path.join(TMP, name))
    reader.UpdateInformation()
    if (vtkVersion.GetVTKMajorVersion(), vtkVersion.GetVTKMinorVersion()) >= (9, 3):
        reader.Update()
    else:  # asks for one cell too many along each axis: see t411
        reader.UpdateExtent((0, SHAPE[2] - 1, 0, SHAPE[1] - 1, 0, SHAPE[0] - 1))
    return vtk_to_numpy(reader.GetOutput().GetCellData().GetArray("phase")).reshape(SHAPE)


good("generate", 1, *COMMON, "-o", "plain.vtkhdf")
plain = arrays("plain.vtkhdf")
check(f"labels alone: {sorted(plain)}", sorted(plain) == ["phase"] and plain["phase"][:2] == (None, None))
labels = plain["phase"][2]
check("three phases", set(np.unique(labels)) == {1, 2, 3})
for ranks, depth in ((1, 22), (3, 8), (5, 5)):
    good("generate", ranks, *COMMON, "-compression", "gzip", "-o", "packed.vtkhdf")
    chunks, compression, phase = arrays("packed.vtkhdf")["phase"]
    check(f"chunks {chunks} on {ranks} ranks", chunks == (depth, 30, 26) and compression == "gzip")
    # rounding moves a label now and then
    check(f"labels, {ranks} ranks", np.count_nonzero(phase != labels) <= 1)
    check(f"labels by VTK, {ranks} ranks", np.array_equal(by_vtk("packed.vtkhdf"), phase))
    check("results", read_json("packed.json")["used_parameters"]["compression"] == "gzip")
size = [os.path.getsize(os.path.join(TMP, name)) for name in ("plain.vtkhdf", "packed.vtkhdf")]
check(f"sizes {size}", size[1] < 0.6 * size[0])

for ranks, compression in ((1, "none"), (3, "gzip")):
    how = ("-compression", compression, "-o", "f.vtkhdf")
    good("generate", ranks, *COMMON, *how, "-output", "fields")
    fields = arrays("f.vtkhdf")
    check(f"labels and fields: {sorted(fields)}", sorted(fields) == ["field1", "field2", "phase"])
    check("compressed: labels only", fields["field1"][1] is None and (fields["phase"][1] == "gzip") == (compression == "gzip"))
    check("labels", np.count_nonzero(fields["phase"][2] != labels) <= 1)
    field = [fields[name][2] for name in ("field1", "field2")]
    # phase 1: field 1 above a threshold; phase 2: field 2 above another in the rest
    check("field 1 is below elsewhere", field[0][labels != 1].max() <= field[0][labels == 1].min())
    check("field 2 splits the rest", field[1][labels == 3].max() <= field[1][labels == 2].min())
    os.remove(os.path.join(TMP, "f.vtkhdf"))
    good("generate", ranks, *COMMON, *how, "-output", "none")
    check("none: no file", not os.path.exists(os.path.join(TMP, "f.vtkhdf")))
    check("none: figures", len(read_json("f.json")["volume_fractions"]) == 3)
    for ending in (".tif",) if ranks == 3 else (".raw",):
        bad("generate", ranks, f"twin{ending} cannot be compressed", *COMMON, "-compression", "gzip", "-o", "twin" + ending)
    bad("generate", ranks, "none,gzip", *COMMON, "-compression", "lzma", "-o", "twin.vtkhdf")
    bad("generate", ranks, "name=value", *COMMON, "-io_hints", "striping_factor", "-o", "twin.vtkhdf")

# volumes are read by commands compressed or not
for name, ranks in (("plain", 1), ("packed", 3)):
    good("conduct", ranks, name + ".vtkhdf", "-conduct_sigma", "0,1,0.1", "-conduct_axis", "z", "-o", name + "-c.json")
    check(f"{name}: fractions", read_json(name + "-c.json")["volume_fractions"] == read_json("plain.json")["volume_fractions"])
good("conduct", 2, "packed.vtkhdf", "-conduct_sigma", "0,1,0.1", "-conduct_axis", "x", "-conduct_fields", "true", "-compression", "gzip",
     "-io_hints", "cb_nodes=1,striping_factor=2", "-o", "fields.json")
check("fields of conduct", arrays("fields.vtkhdf")["phase"][1] == "gzip" and "potential_x" in arrays("fields.vtkhdf"))
with h5py.File(os.path.join(TMP, "fields.vtkhdf")) as fields, h5py.File(os.path.join(TMP, "packed.vtkhdf")) as twin:
    said = fields["VTKHDF"].attrs
    check(f"{dict(said)}", said["source"] == "packed.vtkhdf" and said["model"] == twin["VTKHDF"].attrs["model"])
end()
