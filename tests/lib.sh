# Helpers for shell tests; `. tests/lib.sh` from the top folder. Ends with lib_end, which prints "checks N".
# shellcheck shell=bash
EXSET=${EXSET:-$PWD/bin/exset}
MPIEXEC=${MPIEXEC:-mpirun}
PYTHON=${PYTHON:-/usr/bin/python3}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMP_NUM_THREADS=1
LIB_CHECKS=0 LIB_FAILED=0
if [ -z "${TEST_TMP:-}" ]; then
  TEST_TMP=$(mktemp -d)
  trap 'rm -rf "$TEST_TMP"' EXIT
fi

# check TEXT COMMAND...: one check; the command's success counts
check() {
  local text=$1
  shift
  LIB_CHECKS=$((LIB_CHECKS + 1))
  "$@" && return 0
  echo "failed: $text"
  LIB_FAILED=$((LIB_FAILED + 1))
  return 1
}

# exset RANKS ARGUMENTS...: run the program; sets code, and writes $TEST_TMP/out and $TEST_TMP/err.
# One rank runs without mpirun. mpirun's own remarks on a non-zero exit code are switched off.
exset() {
  local ranks=$1 quiet=
  shift
  [ "$(basename "$MPIEXEC")" = mpirun ] && quiet=-q
  if [ "$ranks" = 1 ]; then
    timeout -k 2 "${LIB_SECONDS:-30}" "$EXSET" "$@" >"$TEST_TMP/out" 2>"$TEST_TMP/err" </dev/null
  else
    timeout -k 2 "${LIB_SECONDS:-30}" "$MPIEXEC" $quiet -n "$ranks" "$EXSET" "$@" >"$TEST_TMP/out" 2>"$TEST_TMP/err" </dev/null
  fi
  code=$?
}

# fails RANKS CODE WORDS ARGUMENTS...: the run must end with the code and one line on stderr, beginning with
# "exset: " and holding the words (an extended regular expression), without a temporary file left behind.
# RANKS may be a list: "1 3".
fails() {
  local list=$1 want=$2 words=$3 ranks
  shift 3
  for ranks in $list; do
    exset "$ranks" "$@"
    if ! { check "exit code $code instead of $want ($ranks ranks): exset $*" [ $code = "$want" ] &&
      check "more or less than one line on stderr ($ranks ranks): exset $*" [ "$(wc -l <"$TEST_TMP/err")" = 1 ] &&
      check "stderr does not say \"$words\" ($ranks ranks): exset $*" grep -qE "^exset: .*($words)" "$TEST_TMP/err" &&
      check "a temporary file is left ($ranks ranks): exset $*" no_part_files; }; then
      head -n 8 "$TEST_TMP/err" | sed 's/^/  stderr: /'
    fi
  done
}

# no_part_files: nothing named *.part below $TEST_TMP and the current folder
no_part_files() {
  [ -z "$(find "$TEST_TMP" . -path ./build -prune -o -path ./.git -prune -o -name '*.part' -print 2>/dev/null)" ]
}

# lib_end: the closing line and the exit code
lib_end() {
  echo "checks $LIB_CHECKS"
  [ "$LIB_FAILED" = 0 ] && exit 0
  echo "failed $LIB_FAILED"
  exit 1
}
