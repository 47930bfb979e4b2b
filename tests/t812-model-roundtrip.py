# test: time=60
"""A model of every family, written into a twin, reads back as the same model: equal text, equal twin."""
import h5py

from lib import TMP, check, end, good, read_json

KNOTS = ", ".join(repr(1.0 / (1 + j)) for j in range(20))
MODEL = f"""
field1:
  family: [matern, ring, gaussian]
  weight: [0.5, 0.3, 0.123456789012345678]
  length_xy: [3.1, 2.2, 0.1]
  length_z: [3.0000000000000004, 1.1, 0.3]
  nu: 0.7
  width: [1, 0.2, 1]
  nugget: 0.03
  fraction: 0.3333333333333333
field2: {{type: chi_square, dof: 3, below: true, length_xy: 2, fraction: 0.4}}
field3: {{family: knots, knots_shape: [5, 4], knots_max: [2.5, 1.5], knots: [{KNOTS}], fraction: 0.5, nugget: 0.01}}
field4: {{family: gaussian, length_xy: 4, fraction: 0.25, coupling: -0.5}}
"""


def generate(name, text):
    with open(f"{TMP}/{name}.yaml", "w") as out:
        out.write(text)
    good("generate", 1, f"{name}.yaml", "-size", "20,18,16", "-o", f"{name}.vtkhdf", "-verbosity", "0")
    with h5py.File(f"{TMP}/{name}.vtkhdf") as file:
        written = file["VTKHDF"].attrs["model"]
    return written, read_json(f"{name}.json")["checksum"]


first, checksum1 = generate("first", MODEL)
second, checksum2 = generate("second", first)
check(f"the model read back differs: {first}{second}", first == second)
check(f"checksums {checksum1} {checksum2}", checksum1 == checksum2)
check(f"fraction: {first}", "fraction: 0.3333333333333333\n" in first)
for word in ("0.7", "below: true", "dof: 3", "coupling: -0.5", "nugget: 0.03", "3.0000000000000004"):
    check(f"no {word}: {first}", word in first)
end()
