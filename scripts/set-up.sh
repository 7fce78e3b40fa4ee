#!/bin/sh
# Sees to it that .venv can do what is asked: set-up.sh demo | docs | test
# Finds a Python that fits and leaves the rest to set_up.py. Does nothing if all is done already.
set -eu
cd "$(dirname "$0")/.."

fits() {
    # By running it: a version manager's shim can be on the PATH and still not answer.
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

if [ -n "${MORPHSEP_PYTHON:-}" ]; then
    if fits "$MORPHSEP_PYTHON"; then
        exec "$MORPHSEP_PYTHON" scripts/set_up.py "$1"
    fi
    echo "MORPHSEP_PYTHON is '$MORPHSEP_PYTHON', which is not a Python 3.10, 3.11 or 3.12." >&2
    exit 1
fi
if fits .venv/bin/python && .venv/bin/python scripts/set_up.py --check "$1"; then
    exit 0
fi
for python in python3.11 python3.12 python3.10 python3 python; do
    if fits "$python"; then
        exec "$python" scripts/set_up.py "$1"
    fi
done
echo "morphsep needs Python 3.10, 3.11 or 3.12, and none was found on the PATH (looked for" >&2
echo "python3.11, python3.12, python3.10, python3). Install one, or name one: MORPHSEP_PYTHON=..." >&2
exit 1
