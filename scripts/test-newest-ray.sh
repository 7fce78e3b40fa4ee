#!/bin/sh
# Tests on the newest Ray that pyproject.toml takes: test-newest-ray.sh TESTS...
# Passes where constraints.txt has that one already, or it cannot be fetched; fails if a test fails.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
ray=$(sed -n 's/^ray = \["\(.*\)"\]$/\1/p' pyproject.toml)
pinned=$(sed -n 's/^ray==//p' constraints.txt)
found=$($python -m pip install --dry-run --no-deps --ignore-installed --retries 1 "$ray" 2>&1) || :
newest=$(echo "$found" | sed -n 's/^Would install ray-//p')
if [ -z "$newest" ]; then
    echo "Which Ray is the newest could not be found out. So no tests ran on it."
    exit 0
elif [ "$newest" = "$pinned" ]; then
    echo "The pinned Ray, $pinned, is the newest."
    exit 0
fi
beside=$(mktemp -d)
trap 'rm -rf "$beside"' EXIT
sed '/^ray==/d' constraints.txt > "$beside/constraints.txt"
if ! $python -m pip install --quiet --target "$beside/ray" -c "$beside/constraints.txt" \
    "ray[default]==$newest"; then
    echo "Ray $newest could not be fetched. So no tests ran on it."
    exit 0
fi
echo "The tests on Ray $newest"
PYTHONPATH="$beside/ray" $python -m pytest -m ray "$@"
