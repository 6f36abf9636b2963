#!/usr/bin/env bash
# Makes a virtual environment that has pip, in place of what was there: scripts/new_venv.sh FOLDER
#
# A Debian without python3-venv has no pip to begin with, and installing it takes root. Then pip comes out of Debian's own
# package python3-pip-whl, downloaded and unpacked without root.
#
#   PYTHON   the interpreter, 3.11 or newer; default python3
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
folder=$1
python=${PYTHON:-python3}

"$python" - <<'PY' || { echo "voicepipe needs Python 3.11 or newer: set PYTHON to one" >&2; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY

rm -rf "$folder"
if ! "$python" -m venv "$folder" >/dev/null 2>&1; then
    rm -rf "$folder"
    "$python" -m venv --without-pip "$folder"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    "$scripts/debian.sh" "$scratch" python3-pip-whl
    pip_wheel=$(ls "$scratch"/usr/share/python-wheels/pip-*.whl)
    "$folder/bin/python" "$pip_wheel/pip" install --quiet --no-index "$pip_wheel"
fi
