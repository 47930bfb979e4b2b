#!/usr/bin/env bash
# test: time=30
# doc/parameters.md is what the program's key table says (`make docs` remakes it).
. tests/lib.sh
"$EXSET" info -parameters >"$TEST_TMP/page" 2>/dev/null
check "doc/parameters.md is up to date: run make docs" diff "$TEST_TMP/page" doc/parameters.md
lib_end
