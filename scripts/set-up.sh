#!/bin/sh
# Sees to it that an environment can do what is asked: set-up.sh demo | docs | test | newest
# Finds a Python that fits and leaves the rest to set_up.py. Does nothing if all is done already.
set -eu
cd "$(dirname "$0")/.."
pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}

fits() {
    # By running it: a version manager's shim can be on the PATH and still not answer.
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

# "newest" is for the newest Python here besides that of .venv, and no failure where there is none.
if [ "$1" = newest ]; then
    used=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || :)
    for version in 3.14 3.13 3.12 3.11; do
        for python in "python$version" "$pyenv/versions/$version".*/bin/python; do
            if [ "$version" != "$used" ] && fits "$python"; then
                exec "$python" scripts/set_up.py newest
            fi
        done
    done
    echo "There is no Python 3.11 to 3.14 here besides that of .venv."
    exit 3
fi

if [ -n "${MORPHSEP_PYTHON:-}" ]; then
    if fits "$MORPHSEP_PYTHON"; then
        exec "$MORPHSEP_PYTHON" scripts/set_up.py "$1"
    fi
    echo "MORPHSEP_PYTHON is '$MORPHSEP_PYTHON', which is not a Python 3.11 to 3.14." >&2
    exit 1
fi
if fits .venv/bin/python && .venv/bin/python scripts/set_up.py --check "$1"; then
    exit 0
fi
for python in python3.11 python3.12 python3.13 python3.14 python3 python \
    "$pyenv"/versions/3.1[1-4].*/bin/python; do
    if fits "$python"; then
        exec "$python" scripts/set_up.py "$1"
    fi
done
echo "morphsep needs Python 3.11, 3.12, 3.13 or 3.14, and none was found on the PATH (looked for" >&2
echo "python3.11 to python3.14, python3) or among pyenv's. Install one, or name one:" >&2
echo "MORPHSEP_PYTHON=..." >&2
exit 1
