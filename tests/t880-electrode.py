# test: time=120
"""Sections of a lithium-ion electrode: the combined calibration of input/electrode/lp.yaml ends near the coverage optimum; with
coupling the boundary between active material and binder is nearer to that of held-out sections than without."""
import os
import subprocess
import sys

from lib import TMP, check, end, good, read_json

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CASES = os.path.join(TOP, "input", "electrode")
DATA = os.path.abspath(os.environ.get("EXSET_DATA") or os.path.join(TOP, "..", "shared", "data"))
STEPS = 40


def calibrate(case, method, steps, output):
    good("calibrate", 2, os.path.join(CASES, case), "-sections_xy", "even_xy.tif", "-sections_yz", "even_yz.tif", "-method", method,
         "-train_steps", str(steps), "-train_warm_up", "20", "-verbosity", "0", "-o", output + ".yaml")
    return read_json(output + ".json")


def validate(model):
    """(data, model) of the boundary between active material and binder in the held-out sections, means over the orientations."""
    good("validate", 2, "-model", model + ".yaml", "-data", "odd_xy.tif,odd_yz.tif", "-orientation", "xy,yz", "-voxel_size", "1",
         "-image_labels", "85,170,0", "-max_lag", "30", "-verbosity", "0", "-o", model + "_odd.json")
    rows = [r for r in read_json(model + "_odd.json")["rows"] if (r["figure"], r["phase"]) == ("boundary", "12")]
    check(f"{model}: boundaries {rows}", [r["orientation"] for r in rows] == ["xy", "yz"])
    return sum(r["data"] for r in rows) / 2, sum(r["model"] for r in rows) / 2


for plane in ("xy", "yz"):
    if not os.path.exists(f"{DATA}/electrode/sections_{plane}.tif"):
        print(f"skipped: electrode/sections_{plane}.tif is not at hand")
        sys.exit(0)
subprocess.run([sys.executable, os.path.join(CASES, "split.py"), DATA, TMP], check=True)

alone = calibrate("lp.yaml", "coverage", STEPS, "alone")
both = calibrate("lp.yaml", "combined", STEPS, "both")
check(f"ended by {both['members']}", both["members"][0]["end"] == "steps" and both["steps"] == STEPS)
check(f"accuracy {both['discriminator_accuracy']}", 0.4 < both["discriminator_accuracy"] <= 1)
check(f"coverage loss {both['loss']}, {alone['loss']} without a discriminator", alone["loss"] < both["loss"] < 4 * alone["loss"])
for name, fraction in (("field1_fraction", 0.40), ("field2_fraction", 0.25)):
    for result in (alone, both):
        check(f"{name} {result['parameters'][name]}", abs(result["parameters"][name] - fraction) < 0.05)
for name in ("field1_length_xy", "field2_length_xy"):
    gap = both["parameters"][name] / alone["parameters"][name] - 1
    check(f"{name}: {gap} from the coverage optimum", 0 < abs(gap) < 0.5)

coupled = calibrate("coupled_matern.yaml", "coverage", 150, "coupled")
check(f"coupling {coupled['parameters']['field2_coupling']}", 0.3 < coupled["parameters"]["field2_coupling"] < 2.5)
check(f"coverage loss {coupled['loss']}, {alone['loss']} without coupling", coupled["loss"] < 0.8 * alone["loss"])
data, without = validate("alone")
_, coated = validate("coupled")
check(f"boundary of active material and binder {data}, model {without}", without < 0.5 * data)
check(f"boundary of active material and binder {data}, coupled {coated}", 1.4 * without < coated < 1.2 * data)
end()
