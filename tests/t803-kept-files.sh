#!/usr/bin/env bash
# test: time=60
# shellcheck disable=SC2154 # code comes from lib.sh
# Inputs and the results of other commands are never replaced.
. tests/lib.sh
cd "$TEST_TMP" || exit 1
cat >model.yaml <<'END'
field1: {fraction: 0.5, length_xy: 2}
END
exset 1 generate model.yaml -size 12 -o twin.vtkhdf
check "generate (code $code)" [ "$code" = 0 ]
cp twin.json kept.json
cp twin.vtkhdf before.vtkhdf
for ranks in 1 3; do
  fails $ranks 2 "twin.json holds results of exset generate" conduct twin.vtkhdf -conduct_sigma 1,0 -o twin.json
  fails $ranks 2 "replace the input before.vtkhdf" conduct before.vtkhdf -conduct_sigma 1,0 -conduct_fields -o before.vtkhdf
  fails $ranks 2 "replace the input model.yaml" calibrate model.yaml -sections_xy none.tif -o model.yaml
done
check "results kept" cmp twin.json kept.json
check "volume kept" cmp twin.vtkhdf before.vtkhdf
exset 1 generate model.yaml -size 12 -seed 2 -o twin.vtkhdf
check "the same command may replace its own results" [ "$code" = 0 ]
lib_end
