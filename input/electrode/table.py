#!/usr/bin/python3
"""One row of the comparison for each model: table.py FOLDER CASE METHOD prints what the JSON files of `run` say."""
import json
import math
import sys

GROUPS = {"coverage": "coverage", "chord_mean": "chords", "chord_distribution": "chords", "boundary": "boundary",
          "clusters": "clusters"}


def group(rows):
    """Root mean square z of each group of figures."""
    squares = {}
    for row in rows:
        names = [g for start, g in GROUPS.items() if row["figure"].startswith(start)]
        if names and row["z"] is not None:
            squares.setdefault(names[0], []).append(row["z"] ** 2)
    return {name: math.sqrt(sum(s) / len(s)) for name, s in squares.items()}


def ratio(rows, figure, phase):
    """Model by data, mean over the orientations."""
    found = [r["model"] / r["data"] for r in rows if r["figure"] == figure and r["phase"] == phase]
    return sum(found) / len(found)


folder, case, method = sys.argv[1:4]
with open(f"{folder}/{case}_{method}.json") as file:
    model = json.load(file)
accuracy = model.get("discriminator_accuracy")
for half in ("even", "odd"):
    with open(f"{folder}/{case}_{method}_{half}.json") as file:
        found = json.load(file)
    rows, total = found["rows"], found["total"]
    print(f"| {case} | {method} | {half} | {model['loss']:.2g} | {'–' if accuracy is None else format(accuracy, '.2f')} "
          f"| {total['rms_z']:.1f} | {total['beyond_2']}/{total['rows']} |",
          " | ".join(f"{group(rows)[name]:.1f}" for name in ("coverage", "chords", "boundary", "clusters")), "|",
          " | ".join(f"{ratio(rows, 'boundary', pair):.2f}" for pair in ("12", "13", "23")), "|",
          " | ".join(f"{ratio(rows, 'clusters', phase):.2f}" for phase in "123"), f"| {model['seconds']:.0f} s |", flush=True)
