#!/usr/bin/env bash
# Makes .venv from requirements.lock. Does nothing when it is there and made from the same lock.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sha256sum requirements.lock pyproject.toml | sha256sum | cut -c1-64)
if [ -x .venv/bin/voicepipe ] && [ "$(cat .venv/made-from 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

echo "making .venv (about 1 GB; a minute on a fast line)"
scripts/new_venv.sh .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" > .venv/made-from
