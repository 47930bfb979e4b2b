#!/usr/bin/env bash
# test: time=120
# Mistakes in micrographs given to coverage and calibrate: one line, exit code 2, at 1 and 3 ranks.
# shellcheck disable=SC2154 # code comes from lib.sh
. tests/lib.sh
dir=$TEST_TMP
"$PYTHON" - "$dir" <<'PY' || exit 1
import sys
import numpy as np
from PIL import Image
folder = sys.argv[1] + "/"
rng = np.random.default_rng(3)
labels = np.array([0, 85, 170], np.uint8)
good = labels[rng.integers(0, 3, (24, 32))]
Image.fromarray(good).save(folder + "good.png")
Image.fromarray(good).save(folder + "good.tif")
Image.fromarray(labels[rng.integers(0, 2, (24, 32))]).save(folder + "two.png")
Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(folder + "colour.png")
Image.fromarray(rng.random((24, 32), dtype=np.float32)).save(folder + "float.tif")
Image.fromarray(np.zeros((24, 32), np.uint8)).save(folder + "constant.png")
Image.fromarray(np.zeros((1, 1), np.uint8)).save(folder + "tiny.png")
PY
head -c 120 "$dir/good.png" >"$dir/cut.png"
head -c 400 "$dir/good.tif" >"$dir/cut.tif"
echo "not an image" >"$dir/text.png"
: >"$dir/empty.tif"
opt=(-image_labels "0,85,170" -voxel_size 0.1 -o "$dir/coverage.json")

fails "1 3" 2 "missing.png.*No such file" coverage "$dir/missing.png" "${opt[@]}"
fails "1 3" 2 "cut.png" coverage "$dir/cut.png" "${opt[@]}"
fails "1 3" 2 "cut.tif" coverage "$dir/good.png" "$dir/cut.tif" "${opt[@]}"
fails 1 2 "text.png" coverage "$dir/text.png" "${opt[@]}"
fails 1 2 "empty.tif" coverage "$dir/empty.tif" "${opt[@]}"
fails 1 2 "$dir" coverage "$dir" "${opt[@]}"
fails 1 2 "colour.png.*(colour|gray)" coverage "$dir/colour.png" "${opt[@]}"
fails 1 2 "float.tif" coverage "$dir/float.tif" "${opt[@]}"
fails "1 3" 2 "label 170 does not occur in any of the 1 sections" coverage "$dir/two.png" "${opt[@]}"
exset 2 coverage "$dir/two.png" "$dir/good.png" "${opt[@]}" -o "$dir/both.json"
check "a section without one of the phases, beside one with it" [ "$code" = 0 ]
fails "1 3" 2 "good.png.*170" coverage "$dir/good.png" -image_labels 0,85 -o "$dir/coverage.json"
fails 1 2 "label 85 is given twice" coverage "$dir/good.png" -image_labels 0,85,85 -o "$dir/coverage.json"
fails 1 2 "image_labels.*70000" coverage "$dir/good.png" -image_labels 0,85,70000
fails 1 2 "image_labels.*black" coverage "$dir/good.png" -image_labels 0,black,170
fails 1 2 "constant.png|phase" coverage "$dir/constant.png" -o "$dir/coverage.json"
fails 1 2 "needs|no input|at least one|give" coverage
fails 1 2 "orientation.*zz" coverage "$dir/good.png" -orientation zz
fails 1 2 "orientation" coverage "$dir/good.png" "${opt[@]}" -orientation xy,xz,xy
for value in 0 -1 nan inf 1e400 abc; do
  fails 1 2 "voxel_size.*$value" coverage "$dir/good.png" -voxel_size $value -o "$dir/coverage.json"
done
fails 1 2 "max_lag.*-2" coverage "$dir/good.png" "${opt[@]}" -max_lag -2
fails "1 3" 2 "nowhere.*(No such|folder)" coverage "$dir/good.png" -image_labels 0,85,170 -o "$dir/nowhere/coverage.json"
fails 1 2 "good.png" coverage "$dir/good.png" -image_labels 0,85,170 -o "$dir/good.png/coverage.json"

cat >"$dir/case.yaml" <<'YAML'
voxel_size: 0.1
image_labels: [0, 85, 170]
sections_xy: [good.png]
field1: {type: gaussian}
field2: {type: gaussian}
YAML
fails 1 2 "field1" calibrate
fails "1 3" 2 "sections" calibrate -field1_type gaussian -field2_type gaussian
sed 's/good.png/missing.png/' "$dir/case.yaml" >"$dir/case2.yaml"
fails "1 3" 2 "missing.png" calibrate "$dir/case2.yaml" -o "$dir/model.yaml"
sed 's/good.png/good.png, cut.png/' "$dir/case.yaml" >"$dir/case3.yaml"
fails "1 3" 2 "cut.png" calibrate "$dir/case3.yaml" -o "$dir/model.yaml"
sed '/field2/d' "$dir/case.yaml" >"$dir/case4.yaml"
fails 1 2 "field|phase" calibrate "$dir/case4.yaml" -o "$dir/model.yaml"
fails 1 2 "method.*guess" calibrate "$dir/case.yaml" -method guess
fails 1 2 "field1_fraction.*1.5" calibrate "$dir/case.yaml" -field1_fraction 1.5
fails "1 3" 2 "nowhere" calibrate "$dir/case.yaml" -o "$dir/nowhere/model.yaml"
check "no result of a failed run" [ ! -e "$dir/model.yaml" ] && check "no result of a failed run" [ ! -e "$dir/coverage.json" ]
lib_end
