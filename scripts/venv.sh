#!/usr/bin/env bash
# Makes .venv from requirements.lock. Does nothing when it is there and made from the same lock.
#
# A Debian without python3-venv has no pip to begin with, and installing it takes root. Then pip comes out of Debian's own
# package python3-pip-whl, downloaded and unpacked without root.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
wanted=$(sha256sum requirements.lock pyproject.toml | sha256sum | cut -c1-64)
if [ -x .venv/bin/voicepipe ] && [ "$(cat .venv/made-from 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

"$python" - <<'PY' || { echo "voicepipe needs Python 3.11 or newer: set PYTHON to one" >&2; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY

echo "making .venv (about 1 GB; a minute on a fast line)"
rm -rf .venv
if ! "$python" -m venv .venv >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv --without-pip .venv
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    scripts/debian.sh "$scratch" python3-pip-whl
    pip_wheel=$(ls "$scratch"/usr/share/python-wheels/pip-*.whl)
    .venv/bin/python "$pip_wheel/pip" install --quiet --no-index "$pip_wheel"
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" > .venv/made-from
