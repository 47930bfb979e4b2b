"""Tables as sweeps write them, of a law with noise, for the tests of exset regress and of its plots."""
import os

import numpy as np

from lib import TMP


def write_table(name, samples=36, phases=(1, 2), noise=0.06, seed=5, failed=(3, 17), law=(1.0, 1.15, 0.37, 4.39), change=None):
    """Write TMP/name; returns a list of dictionaries with the columns' values of each sample ("" where there is none).
    change(row, number) may alter a row before it is written."""
    rng = np.random.default_rng(seed)
    rows = []
    for s in range(samples):
        row = {"sample": s + 1, "status": "failed" if s in failed else "done", "realisations": 2,
               "field1_length_xy": float(rng.uniform(0.5, 2)), "field1_fraction": float(rng.uniform(0.3, 0.7))}
        common = noise * rng.normal()
        for phase in phases:
            eps = row["field1_fraction"] if phase % 2 else 1 - row["field1_fraction"]
            figures = {"volume_fraction": eps}
            for axis in "xyz":
                tau = 1 + 0.3 * (1 - eps) + 0.1 * rng.uniform()
                beta = 0.1 + 0.6 * eps + 0.2 * rng.uniform()
                m = law[0] * eps ** law[1] * beta ** law[2] / tau ** law[3] * np.exp(common + noise * rng.normal())
                for what, value in (("percolating_fraction", min(1.0, 0.75 + eps)), ("geodesic_tortuosity", tau),
                                    ("constrictivity", beta), ("m_factor", m)):
                    figures[f"{what}_{axis}"] = float(value)
            for what, value in figures.items():
                row[f"phase{phase}_{what}"] = value
                row[f"phase{phase}_{what}_sd"] = 0.01 * value
        row["seconds"], row["message"] = 1.5, ""
        if row["status"] == "failed":
            row.update({key: "" for key in row if key.startswith("phase")}, message='solver: "no", it failed')
        if change:
            change(row, s)
        rows.append(row)
    with open(os.path.join(TMP, name), "w", encoding="utf-8") as file:
        file.write(",".join(rows[0]) + "\n")
        for row in rows:
            file.write(",".join(field(value) for value in row.values()) + "\n")
    return rows


def field(value):
    text = repr(value) if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
