#!/usr/bin/env bash
# test: time=120
# exset calibrate on the demo's sections: results, the same on 1 and 2 ranks, and one line for every mistake.
# shellcheck disable=SC2034,SC2086,SC2154 # LIB_SECONDS and code belong to lib.sh
. tests/lib.sh
LIB_SECONDS=60
case=input/demo/case.yaml
quick="-max_lag 2.5 -calibrate_starts 2"
m=$TEST_TMP/model

exset 2 calibrate $case $quick -o "$m.yaml"
check "calibrate the demo (code $code): $(tail -n 1 "$TEST_TMP/err")" [ "$code" = 0 ]
exset 1 calibrate $case $quick -o "$TEST_TMP/one.yaml"
check "calibrate the demo on one rank" [ "$code" = 0 ]
check "the same model on 1 and 2 ranks" cmp "$m.yaml" "$TEST_TMP/one.yaml"

"$PYTHON" - "$m.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
names = [f"field{i}_{w}" for i in (1, 2) for w in ("fraction", "length_xy", "length_z")]
assert sorted(d["parameters"]) == sorted(names), d["parameters"]
assert all(d["parameters_sd"][n] > 0 for n in names)
assert d["symmetry"] == "cylindrical" and d["method"] == "coverage" and d["evaluator"] == "analytic"
assert 0 < d["loss"] <= d["history"][0] and d["iterations"] > 0 and d["seconds"] > 0
f = d["volume_fractions"]
assert abs(sum(f["data"]) - 1) < 1e-9 and abs(sum(f["model"]) - 1) < 1e-9
assert all(abs(a - b) < 0.02 and c > 0 for a, b, c in zip(f["data"], f["model"], f["ci95"]))
assert [b["orientation"] for b in d["coverage"]] == ["xy", "xz"]
for b in d["coverage"]:
    n = len(b["h_r"])
    for kind in ("data", "standard_error", "model"):
        assert sorted(b[kind]) == ["11", "12", "13", "22", "23", "33"] and all(len(v) == n for v in b[kind].values())
    assert b["h_r"][0] == b["h_z"][0] == 0 and abs(b["data"]["11"][0] - b["model"]["11"][0]) < 0.02
assert any(z > 0 for z in d["coverage"][1]["h_z"])
assert sum(d["loss_ij"].values()) > 0.5 * d["loss"]
PY
check "contents of model.json" [ $? = 0 ]

# the model is a case again: from its own optimum nothing is left to gain
exset 1 calibrate $case "$m.yaml" $quick -calibrate_starts 1 -calibrate_uncertainty false -o "$TEST_TMP/again.yaml"
check "calibrate from a calibrated model" [ "$code" = 0 ]
"$PYTHON" - "$m.json" "$TEST_TMP/again.json" <<'PY'
import json, sys
a, b = (json.load(open(p)) for p in sys.argv[1:])
assert abs(a["loss"] / b["loss"] - 1) < 1e-4, (a["loss"], b["loss"])
assert all(v is None for v in b["parameters_sd"].values())
PY
check "the same loss, no standard deviations" [ $? = 0 ]

# splines, a parameter held, an isotropic model from x-y sections only
xy=input/demo/section_xy_1.png,input/demo/section_xy_2.png
exset 2 calibrate -sections_xy $xy -image_labels 0,85,170 -voxel_size 0.1 -field1_family knots \
  -field2_family matern -field2_nu 2 -calibrate_fix field2_nu $quick -o "$TEST_TMP/knots.yaml"
check "splines (code $code)" [ "$code" = 0 ]
check "32 coefficients" grep -q "knots_shape: 32" "$TEST_TMP/knots.yaml"
check "the parameter held" grep -q "nu: \[2\]" "$TEST_TMP/knots.yaml"
check "isotropic" grep -q '"isotropic"' "$TEST_TMP/knots.json"

fails "1 3" 2 "3 phases.*3 fields.*2 fields" calibrate $case -field3_type gaussian -dry_run -o "$TEST_TMP/plan.yaml"
fails "1 3" 2 "PETSc: .*nosuch" calibrate $case $quick -calibrate_tao_type nosuch -o "$TEST_TMP/plan.yaml"
exset 1 calibrate $case -dry_run -o "$TEST_TMP/plan.yaml"
check "dry run" [ "$code" = 0 ]
check "dry run writes nothing" [ ! -e "$TEST_TMP/plan.yaml" ]

base="-image_labels 0,85,170 -voxel_size 0.1 -field1_family matern"
fails "1 2" 2 "3 phases and the model has 1 fields" calibrate -sections_xy $xy $base
fails 1 2 "no section" calibrate $base
fails 1 2 "sections containing z" calibrate -sections_xy $xy $base -field2_family matern -calibrate_symmetry cylindrical
fails "1 3" 2 "calibrate_fix names \"field2_mu\"" calibrate $case $quick -calibrate_fix field2_mu -o "$m.yaml"
fails "1 2" 2 "field1_length_z, which has no value" calibrate $case $quick -calibrate_fix field1_length_z
fails 1 2 "max_lag is 100 um" calibrate $case -max_lag 100
fails 1 2 "takes no input" calibrate $case input/demo/section_xy_1.png
fails 1 2 "name the model's file" calibrate $case -o "$TEST_TMP/x.json"
fails 1 2 "no/such|folder" calibrate $case -o "$TEST_TMP/no/such/model.yaml"
mkfifo "$TEST_TMP/pipe"
fails "1 2" 2 "device or pipe" calibrate $case -o "$TEST_TMP/pipe"
fails 1 2 "method" calibrate $case -method magic
lib_end
