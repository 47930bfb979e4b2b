#!/usr/bin/env python3
# test: time=120
"""exset conduct, periodic: tensor, principal values and fields against a dense solution with numpy; layers along a diagonal;
columns; nothing that winds round the box."""
import os

import h5py
import numpy as np

from lib import TMP, bad, check, end, good, read_json

VOXEL = (0.5, 1.0, 0.8)  # z, y, x


def dense(volume, sigma):
    """Columns z, y, x of the tensor, and the potentials without their linear part: least squares on all conducting cells."""
    s = np.concatenate([[0], sigma])[volume].ravel()
    n, edge = volume.shape, np.array(VOXEL)
    at = np.arange(s.size).reshape(n)
    matrix, faces = np.zeros((s.size, s.size)), []
    for a in range(3):
        i, k = at.ravel(), np.roll(at, -1, a).ravel()
        with np.errstate(divide="ignore", invalid="ignore"):
            g = np.where((s[i] > 0) & (s[k] > 0), 2 / (1 / s[i] + 1 / s[k]), 0) * edge.prod() / edge[a] ** 2
        faces.append((i, k, g))
        np.add.at(matrix, (i, i), g)
        np.add.at(matrix, (k, k), g)
        np.add.at(matrix, (i, k), -g)
        np.add.at(matrix, (k, i), -g)
    tensor, potential = np.zeros((3, 3)), []
    for a in range(3):  # u = -x_a + v: the current through a face is g (v_i - v_k + edge_a)
        i, k, g = faces[a]
        rhs = np.zeros(s.size)
        np.add.at(rhs, i, -g * edge[a])
        np.add.at(rhs, k, g * edge[a])
        v = np.linalg.lstsq(matrix, rhs, rcond=1e-12)[0]
        potential.append(v.reshape(n))
        for b in range(3):
            i, k, g = faces[b]
            current = g * (v[i] - v[k] + (edge[a] if a == b else 0))
            tensor[b, a] = (current * edge[b]).sum() / (s.size * edge.prod())
    return tensor, potential


def run(volume, name, ranks, *arguments):
    volume.tofile(os.path.join(TMP, name + ".raw"))
    r = good("conduct", ranks, name + ".raw", "-raw_size", ",".join(map(str, volume.shape)), "-voxel_size",
             ",".join(map(str, VOXEL)), "-conduct_boundary", "periodic", "-conduct_rtol", "1e-7", "-verbosity", "0", *arguments,
             "-o", name + ".json")
    return r.stdout, read_json(name + ".json")


# three phases at random, with an axis of faster conduction; then one of them insulating
volume = np.random.default_rng(11).integers(1, 4, (5, 6, 7)).astype(np.uint8)
volume[:, 2, :] = 1
sets = [[3, 1, 0.2], [2, 1, 0]]
table, j = run(volume, "random", 2, "-conduct_sigma", "3,1,0.2/2,1,0", "-conduct_fields", "true")
check("boundary", j["boundary"] == "periodic" and "sets" in j)
check(f"table {table}", table.count("principal values") == 2 and table.count("tensor (x, y, z)") == 2)
for s, sigma in enumerate(sets):
    exact, potential = dense(volume, sigma)
    exact = exact[::-1, ::-1]  # rows and columns x, y, z
    own, runs = j["sets"][s], j["runs"][3 * s:3 * s + 3]
    tensor = np.array(own["tensor"])
    scale = exact.max()
    check(f"tensor {tensor} instead of {exact}", np.abs(tensor - exact).max() < 1e-5 * scale)
    check("symmetric", (tensor == tensor.T).all() and 0 <= own["symmetry_defect"] < 1e-4)
    check("diagonal", all(tensor[i, i] == runs[i]["sigma_eff"] for i in range(3)))
    check("columns", all(np.abs(np.array(runs[i]["current"]) - exact[:, i]).max() < 1e-5 * scale for i in range(3)))
    values, directions = np.array(own["principal_values"]), np.array(own["principal_directions"])
    check(f"principal values {values}", np.allclose(values, np.linalg.eigvalsh(exact)[::-1], rtol=0, atol=1e-5 * scale))
    check("directions", np.allclose(directions @ directions.T, np.eye(3), atol=1e-12) and
          np.allclose(directions.T @ np.diag(values) @ directions, tensor, atol=1e-12 * scale))
    with h5py.File(os.path.join(TMP, "random.vtkhdf")) as f:
        cells = f["VTKHDF/CellData"]
        for i, axis in enumerate("xyz"):
            u, current = cells[f"potential_set{s + 1}_{axis}"], cells[f"current_density_set{s + 1}_{axis}"][()]
            gap = u[()] - potential[2 - i]
            active = ~np.isnan(gap)
            check("cells with a potential", active.sum() == runs[i]["unknowns"] and u.attrs["unit"] == "um")
            check(f"set {s + 1}, potential along {axis}", np.ptp(gap[active]) < 1e-3)
            check(f"set {s + 1}, mean current density along {axis}",
                  np.abs(current.mean((0, 1, 2)) - exact[:, i]).max() < 1e-4 * scale)

# layers along the diagonal of x and y (equal edges there), the same along z: mean of sigma along z, principal directions
VOXEL = (1.0, 1.0, 1.0)
z, y, x = np.indices((4, 8, 8))
table, j = run((1 + (x + y) // 2 % 2).astype(np.uint8), "layers", 3, "-conduct_sigma", "1,5")
tensor, directions = np.array(j["tensor"]), np.array(j["principal_directions"])
check(f"tensor {tensor}", abs(tensor[2, 2] - 3) < 1e-6 and abs(tensor[0, 0] - tensor[1, 1]) < 1e-5 and tensor[0, 1] < -0.3 and
      np.abs(tensor[2, :2]).max() < 1e-6)
check(f"directions {directions}", np.allclose(np.abs(directions @ np.array([[0, 0, 1], [1, -1, 0], [1, 1, 0]]).T /
                                                     np.sqrt([1, 2, 2])), np.eye(3), atol=1e-4))
check(f"principal values {j['principal_values']}", abs(j["principal_values"][2] - (tensor[0, 0] + tensor[0, 1])) < 1e-6)

# a column along z winds round along z alone; one axis: no tensor, but a column of it
column = np.where((x < 3) & (y < 2), 1, 2).astype(np.uint8)
table, j = run(column, "column", 1, "-conduct_sigma", "4,0")
check(f"column {j['tensor']}", np.allclose(j["tensor"], np.diag([0, 0, 4 * 6 / 64]), atol=1e-6) and "no path" in table)
check("contact", j["runs"][0]["sigma_eff"] == 0 and abs(j["runs"][2]["contact_low"] - 6 / 64) < 1e-12)
table, j = run(column, "axis", 2, "-conduct_sigma", "4,0", "-conduct_axis", "z")
check("one axis", j["tensor"] is None and j["principal_values"] is None and
      np.allclose(j["runs"][0]["current"], [0, 0, 4 * 6 / 64], atol=1e-6))
column[:1].tofile(os.path.join(TMP, "plane.raw"))
bad("conduct", 1, "one voxel thick along z", "plane.raw", "-raw_size", "1,8,8", "-conduct_sigma", "1,0", "-conduct_boundary", "periodic")
end()
