"""Helpers for Python tests; end() closes a test and prints "checks N"."""
import contextlib
import io
import json
import os
import subprocess
import sys

EXSET = os.path.abspath(os.environ.get("EXSET", "bin/exset"))
MPIEXEC = os.environ.get("MPIEXEC", "mpirun").split()
TMP = os.environ.get("TEST_TMP", "/tmp")
_results = []  # of all checks


def check(text, ok):
    """One check; the text tells what was found when it fails. Returns whether it holds."""
    if isinstance(ok, str):
        raise TypeError("check(text, ok): ok is a text")
    _results.append(bool(ok))
    if not ok:
        print("failed:", text)
    return _results[-1]


def results():
    """Of all checks so far, True or False each."""
    return list(_results)


def run(command, ranks, *arguments):
    """exset COMMAND ARGUMENTS... in the folder TMP; one rank runs without mpirun. Returns what subprocess.run does."""
    start = [] if ranks == 1 else [*MPIEXEC, "-n", str(ranks)]
    return subprocess.run([*start, EXSET, command, *arguments], cwd=TMP, capture_output=True, text=True)


def good(command, ranks, *arguments):
    """A run that must end with exit code 0."""
    r = run(command, ranks, *arguments)
    check(f"{command} {arguments} ({ranks} ranks): exit code {r.returncode}: {r.stderr}", r.returncode == 0)
    return r


def bad(command, ranks, words, *arguments, code=2):
    """A run that must end with the code and one line on stderr that begins with "exset: " and holds the words,
    without a temporary file left behind in TMP."""
    r = run(command, ranks, *arguments)
    what = f"{command} {arguments} ({ranks} ranks)"
    lines = [line for line in r.stderr.splitlines() if line.startswith("exset: ")]
    check(f"{what}: exit code {r.returncode} instead of {code}", r.returncode == code)
    check(f"{what}: not one line with \"{words}\": {r.stderr[:300]}", len(lines) == 1 and words in lines[0])
    check(f"{what}: a temporary file is left", not [name for name in os.listdir(TMP) if name.endswith(".part")])


def mistake(call):
    """The line on stderr with which a call of a script's function ends the script, exit code 2; "" where it does not."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            call()
    except SystemExit as stopped:
        check(f"exit code {stopped.code}: {said.getvalue()}", stopped.code == 2)
    check(f"not one line: {said.getvalue()}", said.getvalue().count("\n") == 1)
    return said.getvalue().rstrip("\n")


def read_json(name):
    with open(os.path.join(TMP, name)) as file:
        return json.load(file)


def end():
    """The closing line and the exit code."""
    print("checks", len(_results))
    sys.exit(0 if all(_results) else 1)
