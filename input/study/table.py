#!/usr/bin/python3
"""Calibrated parameters as rows of a table for `exset sweep`. Usage: table.py DOF=calibration.json... > table.csv"""
import json
import sys


def main():
    """One row for each degree of freedom of field 1."""
    rows = []
    for argument in sys.argv[1:]:
        dof, path = argument.split("=", 1)
        with open(path, encoding="utf-8") as file:
            row = {"field1_dof": int(dof), **json.load(file)["parameters"]}
        # isotropic models: one length stands for both
        row.update({key.replace("_xy", "_z"): value for key, value in row.items() if key.endswith("length_xy")})
        rows.append(row)
    print(",".join(rows[0]))
    for row in rows:
        print(",".join(repr(row[key]) for key in rows[0]))


main()
