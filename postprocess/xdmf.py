#!/usr/bin/python3
"""Describe exset volumes to ParaView 5.11 and older: xdmf.py twin.vtkhdf ... writes twin.xmf beside each.

From ParaView 5.12 (VTK 9.3) on, .vtkhdf files open directly. Older versions read cell data of VTKHDF images with the wrong
extent and refuse; they open the .xmf file, a few lines that point into the .vtkhdf, by their XDMF reader.
"""
import argparse
import os
import sys
from xml.sax.saxutils import escape, quoteattr

import h5py

TYPES = {"u": "UInt", "i": "Int", "f": "Float"}


def attribute(name, data, file):
    shape = " ".join(map(str, data.shape))
    kind = "Vector" if len(data.shape) == 4 else "Scalar"
    number, size = TYPES[data.dtype.kind], data.dtype.itemsize
    if (number, size) == ("UInt", 1):
        number = "UChar"
    return (
        f"      <Attribute Name={quoteattr(name)} AttributeType=\"{kind}\" Center=\"Cell\">\n"
        f"        <DataItem Format=\"HDF\" NumberType=\"{number}\" Precision=\"{size}\" Dimensions=\"{shape}\">"
        f"{escape(file + ':' + data.name)}</DataItem>\n"
        f"      </Attribute>\n"
    )


def describe(path):
    with h5py.File(path, "r") as file:
        group = file["VTKHDF"]
        cells = group["CellData"]
        points = " ".join(str(n + 1) for n in cells["phase"].shape)
        origin, spacing = (" ".join(repr(float(v)) for v in group.attrs[key][::-1]) for key in ("Origin", "Spacing"))
        arrays = "".join(attribute(name, data, os.path.basename(path)) for name, data in cells.items())
    vector = '<DataItem Format="XML" NumberType="Float" Precision="8" Dimensions="3">'
    return (
        '<?xml version="1.0"?>\n<Xdmf Version="2.0">\n  <Domain>\n    <Grid Name="volume" GridType="Uniform">\n'
        f'      <Topology TopologyType="3DCoRectMesh" Dimensions="{points}"/>\n'
        '      <Geometry GeometryType="ORIGIN_DXDYDZ">\n'
        f"        {vector}{origin}</DataItem>\n        {vector}{spacing}</DataItem>\n      </Geometry>\n"
        f"{arrays}    </Grid>\n  </Domain>\n</Xdmf>\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volume", nargs="+", help=".vtkhdf files written by exset")
    for path in parser.parse_args().volume:
        target = os.path.splitext(path)[0] + ".xmf"
        try:
            text = describe(path)
            with open(target, "w", encoding="utf-8") as out:
                out.write(text)
        except (OSError, KeyError) as error:
            print(f"xdmf.py: cannot make {target} of {path}: {error}", file=sys.stderr)
            sys.exit(2)
        print(target)


if __name__ == "__main__":
    main()
