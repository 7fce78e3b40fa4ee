#!/bin/sh
# A small part of the tests on the newest Python here besides that of .venv: test-newest.sh TESTS...
# Passes where there is none, or where what it needs cannot be fetched; fails if a test fails.
set -eu
cd "$(dirname "$0")/.."
status=0
scripts/set-up.sh newest || status=$?
if [ "$status" -eq 3 ]; then
    echo "So no tests ran on another Python."
    exit 0
elif [ "$status" -ne 0 ]; then
    exit "$status"
fi
.venv-newest/bin/python -c 'import sys; print("The tests on Python", sys.version.split()[0])'
exec .venv-newest/bin/python -m pytest "$@"
