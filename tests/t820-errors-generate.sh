#!/usr/bin/env bash
# test: time=120
# Mistakes in models and sizes given to generate: one line, exit code 2, at 1 and 3 ranks.
. tests/lib.sh
dir=$TEST_TMP
cat >"$dir/model.yaml" <<'YAML'
field1: {type: gaussian, family: gaussian, fraction: 0.3, length_xy: 0.5}
field2: {type: gaussian, family: [gaussian, matern], fraction: 0.6, length_xy: [0.5, 1.0], nu: 1.5}
YAML
twin=(-size 8 -voxel_size 0.1 -o "$dir/twin.vtkhdf")
gen() { # ranks, words, further arguments
  local ranks=$1 words=$2
  shift 2
  fails "$ranks" 2 "$words" generate "$dir/model.yaml" "${twin[@]}" "$@"
}

fails "1 3" 2 "size is needed" generate "$dir/model.yaml" -voxel_size 0.1 -o "$dir/twin.vtkhdf"
fails "1 3" 2 "field1" generate "${twin[@]}"
gen 1 "\"512\" is not a case file" 512
gen 1 "fft_grid.*4294967297" -fft_grid 4294967297,1
gen 1 "realisations.*1000001.*1000000" -realisations 1000001
gen 1 "size has 2 values" -size 8,8
for size in 1 0 -3 2.5 abc 8,8,8,8 1,8,8 99999999999999999999; do
  gen 1 "size.*${size%%,*}" -size $size
done
gen "1 3" "size.*(3000000|large|2\^63|exceed|overflow)" -size 3000000,3000000,3000000
for value in 0 -1 nan abc; do
  gen 1 "voxel_size.*$value" -voxel_size $value
done
gen "1 3" "1e-30,1,1e\+30 um are not allowed" -voxel_size 1e-30,1,1e30
gen "1 3" "size 3000000000(: allowed are|,2,2 needs)" -size 3000000000,2,2
for value in 0 1 1.5 -0.2 nan; do
  gen 1 "field1_fraction.*$value" -field1_fraction $value
done
gen "1 3" "field2_fraction.*nan" -field2_fraction nan
gen 1 "field1_length_xy.*0" -field1_length_xy 0
gen 1 "field1_length_xy.*inf" -field1_length_xy inf
gen 1 "field2_length_xy has 3" -field2_length_xy 1,2,3
gen 1 "field1_nugget.*1" -field1_nugget 1
gen 1 "field1_family.*fractal" -field1_family fractal
gen 1 "field1_type.*student" -field1_type student
gen 1 "field1_coupling" -field1_coupling 1
gen 1 "seed.*-1" -seed -1
gen 1 "realisations.*0" -realisations 0
gen 1 "output.*picture" -output picture
gen "1 3" "nowhere" -o "$dir/nowhere/twin.vtkhdf"
gen 1 "format|folder" -o "$dir"
mkdir "$dir/folder.h5"
gen 1 "folder" -o "$dir/folder.h5"
printf 'field2: {fraction: 0.3, length_xy: 0.5}\n' >"$dir/second.yaml"
fails 1 2 "field1" generate "$dir/second.yaml" "${twin[@]}"
check "no result of a failed run" [ ! -e "$dir/twin.vtkhdf" ]
lib_end
