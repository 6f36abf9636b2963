#!/usr/bin/env bash
# Makes the environment of the peers that Voicepipe is measured against, apart from our own and outside the clone, and
# prints its Python as the last line. Does nothing when it is there and made from the same list. About 1 GB, no root.
#
#   XDG_CACHE_HOME   where it is kept, below voicepipe/peers/; default ~/.cache
#   PYTHON           the interpreter it is made with, 3.11 or newer; default python3
set -euo pipefail
cd "$(dirname "$0")/.."

list=benchmarks/peers/requirements.txt
house="${XDG_CACHE_HOME:-$HOME/.cache}/voicepipe/peers"
wanted=$(sha256sum "$list" | cut -c1-64)
mkdir -p "$house"
exec 9>"$house/lock"
flock 9
if [ "$(cat "$house/venv/made-from" 2>/dev/null)" != "$wanted" ]; then
    echo "peers: making their environment (about 1 GB; a minute on a fast line)" >&2
    scripts/new_venv.sh "$house/venv" >&2
    "$house/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$list" >&2
    echo "$wanted" >"$house/venv/made-from"
fi
echo "$house/venv/bin/python"
