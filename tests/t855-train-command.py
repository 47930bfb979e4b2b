# test: time=120
"""exset calibrate with realisations: files and their contents, members on 1 and 2 ranks, reports, one line for every mistake."""
import math
import os
import subprocess
import sys
from statistics import NormalDist

import h5py
import numpy as np
from PIL import Image

from lib import TMP, bad, check, end, good, read_json
from train_case import OPTIONS, exists, write_case

STEPS = 12
NAMES = [f"field{i}_{what}" for i in (1, 2) for what in ("fraction", "length_xy", "length_z")]
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def train(ranks, output, *arguments):
    good("calibrate", ranks, "case.yaml", *OPTIONS, "-train_steps", str(STEPS), *arguments, "-o", output + ".yaml")
    return read_json(output + ".json")


def check_finite(text, values, low=-math.inf, high=math.inf):
    check(f"{text}: {values[:5]}", all(v is not None and low <= v <= high for v in values))


def check_combined(d):
    check(f"method {d['method']} {d['evaluator']} {d['threshold']}",
          (d["method"], d["evaluator"], d["threshold"]) == ("combined", "analytic", "straight_through"))
    check(f"parameters {sorted(d['parameters'])}", sorted(d["parameters"]) == sorted(NAMES))
    check("no spread of one member", all(v is None for v in d["parameters_sd"].values()))
    check(f"temperature {d['temperature']}", d["temperature"] == [0.1, 0.1])
    check(f"steps {d['steps']}, averaged from {d['averaged_from']}", d["steps"] == STEPS and d["averaged_from"] == STEPS - 3)
    member = d["members"][0]
    check(f"one member: {d['members']}", len(d["members"]) == 1 and d["chosen"] == 0 and member["end"] == "steps")
    check("the model is the member's", all(abs(member["parameters"][n] / d["parameters"][n] - 1) < 1e-9 for n in NAMES))
    check(f"accuracy {d['discriminator_accuracy']}", 0 < d["discriminator_accuracy"] <= 1)
    check(f"loss {d['loss']} {member['loss_coverage']}", 0 < d["loss"] < 0.1)
    trace = d["trace"]
    check(f"steps of the trace {trace['step']}", trace["step"] == list(range(1, STEPS + 1)))
    for name in ("loss_network", "loss_model", "loss_coverage"):
        check_finite(name, trace[name], 0)
    for name in ("accuracy_real", "accuracy_fake"):
        check_finite(name, trace[name], 0, 1)
    check("traces of the parameters", sorted(trace["parameters"]) == sorted(NAMES))
    mean = np.exp(np.mean(np.log(trace["parameters"]["field1_length_xy"][-3:])))
    check(f"mean {mean} of the trace against {d['parameters']['field1_length_xy']}",
          abs(mean / d["parameters"]["field1_length_xy"] - 1) < 1e-6)
    parts = d["seconds_parts"]
    check(f"seconds {parts}", parts["training"] > 0 and parts["training_realise"] > 0 and parts["training_network"] > 0)
    check("speed of the networks", d["network_gflops"] > 0)


def check_pictures(d):
    check(f"classes {d['patches']}", [p["class"] for p in d["patches"]] == ["xy", "z"])
    for entry in d["patches"]:
        picture = np.array(Image.open(os.path.join(TMP, entry["file"])))
        known = set(entry["gray"]) | {255}
        check(f"grays {np.unique(picture)}", set(np.unique(picture)) <= known and len(np.unique(picture)) == 4)
        phases = np.isin(picture, entry["gray"]).sum()
        check(f"{phases} pixels with a phase", phases == 2 * entry["shown"] * entry["edge"] ** 2)
        check("halves differ", (picture[:, :entry["edge"]] != picture[:, -entry["edge"]:]).any())


def check_history(d):
    with h5py.File(os.path.join(TMP, "one_history.h5")) as f:
        names = []
        f.visit(names.append)
        arrays = {n: f[n][()] for n in names if isinstance(f[n], h5py.Dataset) and f[n].dtype.kind in "if"}
    check(f"arrays of the history {names}", any(a.shape and a.shape[0] == STEPS for a in arrays.values()))
    wanted = d["trace"]["parameters"]["field2_length_z"]
    found = [a for a in arrays.values() if a.ndim == 2 and a.shape[0] == STEPS
             for c in range(a.shape[1]) if np.allclose(a[:, c], wanted, rtol=1e-12)]
    check(f"the trace of a parameter is in the history: {names}", found)


def second_phase(parameters):
    """Volume fraction of phase 2, with coupling, by the midpoint rule over X_1."""
    normal, c = NormalDist(), parameters.get("field2_coupling", 0)
    first, second = (normal.inv_cdf(1 - parameters[f"field{i}_fraction"]) for i in (1, 2))
    step = (first + 8) / 4000
    middles = (-8 + step * (i + 0.5) for i in range(4000))
    return step * sum(normal.pdf(x) * (1 - normal.cdf(second * math.sqrt(1 + c * c) - c * x)) for x in middles)


write_case()
one = train(1, "one", "-method", "combined", "-seed", "3")
check_combined(one)
check_pictures(one)
check_history(one)
check("the checkpoint stays", exists("one_checkpoint.h5"))
head = open(f"{TMP}/one.yaml").read().split("field1:")[0]
check(f"head of the model: {head}", all(w in head for w in ("method combined", "straight_through", f"{STEPS} steps", "member 1 of 1")))
good("generate", 1, "one.yaml", "-size", "24", "-voxel_size", "0.1", "-o", "twin.vtkhdf")
check("fractions of the twin", abs(sum(read_json("twin.json")["volume_fractions"]) - 1) < 1e-9)

two = train(2, "two", "-method", "combined", "-seed", "3")
gap = max(abs(two["parameters"][n] / one["parameters"][n] - 1) for n in NAMES)
check(f"two ranks differ from one by {gap}", gap < 1e-3)

# an ensemble: each member on its own rank, or all on one
members = ["-method", "combined", "-seed", "3", "-ensemble", "2"]
alone, spread = train(1, "alone", *members), train(2, "spread", *members)
check("two members", len(alone["members"]) == len(spread["members"]) == 2)
for m, n in zip(alone["members"], spread["members"]):
    gap = max(abs(m["parameters"][name] / n["parameters"][name] - 1) for name in NAMES)
    check(f"a member on one rank and on one of two differ by {gap}", gap < 1e-9 and m["seed"] == n["seed"])
a, b = ([m["parameters"][n] for n in NAMES] for m in alone["members"])
check(f"members differ: {a} {b}", max(abs(x / y - 1) for x, y in zip(a, b)) > 1e-3)
check(f"chosen {alone['chosen']}", alone["chosen"] == int(alone["members"][1]["loss_coverage"] < alone["members"][0]["loss_coverage"]))
check("the first member is the single run", abs(alone["members"][0]["parameters"]["field1_fraction"] /
                                                one["members"][0]["parameters"]["field1_fraction"] - 1) < 1e-9)
for i, n in enumerate(NAMES):
    check(f"mean of {n}", abs(alone["parameters_mean"][n] / ((a[i] + b[i]) / 2) - 1) < 1e-2)
    check(f"spread of {n}", alone["parameters_spread"][n] > 0 and alone["parameters_sd"][n] == alone["parameters_spread"][n])
check("a checkpoint for each member", exists("alone_checkpoint_1.h5") and exists("alone_checkpoint_2.h5"))

# other methods
alone = train(1, "adversarial", "-method", "adversarial", "-train_threshold", "soft", "-train_temperature", "0.4,0.1",
              "-train_score", "hinge", "-train_spectral", "true", "-train_warm_up", "5")
length = alone["trace"]["parameters"]["field1_length_xy"]
check(f"theta stays while the discriminator warms up: {length}", len(set(length[:5])) == 1 and length[5] != length[4])
check(f"averaged from {alone['averaged_from']}", alone["averaged_from"] == STEPS - 2)
check("no coverage loss while training", all(v is None for v in alone["trace"]["loss_coverage"]))
check(f"soft {alone['temperature']}", alone["threshold"] == "soft" and alone["temperature"] == [0.4, 0.1])
coated = train(2, "coated", "-method", "adversarial", "-field2_coupling", "-0.5")
check(f"the coupling is a parameter: {coated['parameters']}", coated["parameters"]["field2_coupling"] not in (0, -0.5))
check("coupling in the model", "coupling: " in open(f"{TMP}/coated.yaml").read())
plain = train(1, "plain", "-method", "coverage")["parameters"]
begin = {name: values[0] for name, values in coated["trace"]["parameters"].items()}
check(f"the start {begin} has the volume of the coverage optimum {plain}",
      begin["field2_coupling"] == -0.5 and abs(begin["field2_fraction"] / plain["field2_fraction"] - 1) > 0.01 and
      abs(second_phase(begin) / second_phase(plain) - 1) < 2e-3)
sampled = train(2, "sampled", "-evaluator", "sampled", "-field2_coupling", "-0.5", "-train_warm_up", str(STEPS))
check(f"the coupling is found: {sampled['parameters']}", sampled["parameters"]["field2_coupling"] not in (0, -0.5))
check("no discriminator", sampled["discriminator_accuracy"] is None and sampled["patches"] == [])
check("no scores", all(v is None for v in sampled["trace"]["loss_network"]))
given = train(1, "given", "one.yaml", "-method", "adversarial", "-train_start", "given", "-train_rate_model", "1e-9")
gap = max(abs(given["parameters"][n] / one["parameters"][n] - 1) for n in NAMES)
check(f"a start that is given: moved by {gap}", gap < 1e-6)

# reports
for script, arguments, words in (
        ("plot_training.py", ["spread.json", "-o", "new/curves"], "new/curves_parameters.pdf"),
        ("report.py", ["spread.json", "-o", "report.html"], "")):
    r = subprocess.run([sys.executable, os.path.join(TOP, "postprocess", script), *arguments], cwd=TMP, capture_output=True, text=True)
    check(f"{script}: {r.stderr}", r.returncode == 0 and words in r.stdout)
page = open(f"{TMP}/report.html").read()
for words in ("<h2>Training</h2>", "Members of the ensemble", "Patches as the discriminator sees them", "spread over the 2 members"):
    check(f"the report has no \"{words}\"", words in page)

# a plan writes nothing
plan = good("calibrate", 2, "case.yaml", *OPTIONS, "-method", "combined", "-ensemble", "3", "-dry_run", "-o", "plan.yaml").stdout
check(f"plan: {plan}", all(w in plan for w in ("method combined", "3 members", "2 discriminators", "32 x 32")))
with h5py.File(os.path.join(TMP, "one_checkpoint.h5")) as f:
    weights = f["network_xy/parameters"].size
check(f"plan: not {weights} weights: {plan}", f" {weights} weights each" in plan)
few = good("calibrate", 3, "case.yaml", *OPTIONS, "-method", "combined", "-dry_run", "-o", "plan.yaml").stderr
check(f"ranks without work: {few}", "no more than 2 ranks have work" in few)
check("a plan writes nothing", not [n for n in os.listdir(TMP) if n.startswith("plan")])

# a restart without a checkpoint says so in one line, also for an ensemble
anew = good("calibrate", 2, "case.yaml", *OPTIONS, "-verbosity", "1", "-method", "combined", "-ensemble", "2", "-train_restart",
            "-dry_run", "-o", "plan.yaml")
found = [line for line in (anew.stdout + anew.stderr).splitlines() if "no checkpoint" in line]
check(f"a restart without a checkpoint: {found}", len(found) == 1 and "plan_checkpoint.h5" in found[0])


# mistakes
def mistakes(words, *arguments):
    for ranks in (1, 3):
        bad("calibrate", ranks, words, "case.yaml", *OPTIONS, "-o", "bad.yaml", *arguments)
    check(f"{arguments}: something was written", not exists("bad.yaml") and not exists("bad_history.h5"))


combined = ("-method", "combined")
mistakes("train_patch is 128", *combined, "-train_patch", "128")
mistakes("train_layers", *combined, "-train_layers", "6")
mistakes("field2_coupling", "-field2_coupling", "0.5", *combined)
mistakes("field2_coupling", "-field2_coupling", "0.5")
mistakes("-ensemble is \"0\"", *combined, "-ensemble", "0")
mistakes("train_restart", *combined, "-train_restart", "-train_checkpoint", "0")
mistakes("field1_fraction is needed", *combined, "-train_start", "given")
mistakes("train_temperature", *combined, "-train_temperature", "0")
mistakes("train_warm_up is 12", *combined, "-train_steps", "12", "-train_warm_up", "12")
mistakes("train_box", *combined, "-train_box", "16")
mistakes("train_box", "-evaluator", "sampled", "-train_box", "16")
for words, arguments in (("ensemble 2 is not used", ("-ensemble", "2")), ("train_restart is not used", ("-train_restart",))):
    told = good("calibrate", 2, "case.yaml", *OPTIONS, "-dry_run", "-o", "plan.yaml", *arguments).stderr
    check(f"closed forms: {told}", words in told)
end()
