"""postprocess/xdmf.py: sizes, types and places in the .xmf are those of the .vtkhdf."""
# test: time=60
import os
import subprocess
import sys
import xml.etree.ElementTree as tree

from lib import TMP, check, end

try:
    import h5py
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)


def numbers(element):
    return [float(word) for word in element.text.split()]


volume = os.path.join(TMP, "a volume & more.vtkhdf")
program = os.path.join(os.environ.get("BUILD", "build"), "tests", "t410-volume-roundtrip")
subprocess.run([os.environ.get("MPIEXEC", "mpirun"), "-n", "1", program, "write", volume], check=True, capture_output=True)
script = [sys.executable, "postprocess/xdmf.py"]
subprocess.run(script + [volume], check=True, capture_output=True)

grid = tree.parse(os.path.splitext(volume)[0] + ".xmf").getroot().find("Domain/Grid")
check("points, z y x", grid.find("Topology").get("Dimensions") == "10 8 6")
origin, spacing = grid.findall("Geometry/DataItem")
check("origin", numbers(origin) == [3, -2, 1])
check("spacing", numbers(spacing) == [0.5, 0.25, 0.125])
names = {}
with h5py.File(volume, "r") as file:
    for attribute in grid.findall("Attribute"):
        item = attribute.find("DataItem")
        name, place = item.text.rsplit(":", 1)
        data = file[place]
        names[attribute.get("Name")] = attribute.get("AttributeType")
        check("file name is relative", name == os.path.basename(volume))
        check("cell data", attribute.get("Center") == "Cell")
        check("size", [int(n) for n in item.get("Dimensions").split()] == list(data.shape))
        check("bytes", int(item.get("Precision")) == data.dtype.itemsize)
        check("type", item.get("NumberType") == {"u": "UChar", "f": "Float"}[data.dtype.kind])
check(f"{names}", names == {"phase": "Scalar", "potential": "Scalar", "current": "Vector"})

done = subprocess.run(script + [os.path.join(TMP, "absent.vtkhdf")], capture_output=True, text=True)
check("a missing file gives one line", done.returncode == 2 and done.stderr.count("\n") == 1)
end()
