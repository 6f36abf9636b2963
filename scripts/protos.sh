#!/usr/bin/env bash
# The contract's tools, all offline.
#
#   scripts/protos.sh              generate pipeline/entrances/generated/ from protos/
#   scripts/protos.sh --check      lint, compare with the baseline, fail if the generated code is not what protos/ says
#   scripts/protos.sh --baseline   renew protos/baseline.binpb: the contract that --check holds later changes against.
#                                  Done with each release, or when a break is wanted; say so in CHANGELOG.md.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-.venv/bin/python}
generated=pipeline/entrances/generated
package=${generated//\//.}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# google/rpc/*.proto come with googleapis-common-protos, google/protobuf/*.proto with grpcio-tools.
googleapis=$("$python" -c 'import google.rpc, pathlib; print(pathlib.Path(list(google.rpc.__path__)[0]).parents[1])')
tools=$("$python" -c 'import sys, pathlib; print(pathlib.Path(sys.executable).parent)')
export PATH="$tools:$PATH"

contract=(protos/voicepipe/v1/*.proto)

protoc() {
  "$python" -m grpc_tools.protoc -I protos -I "$googleapis" "$@"
}

generate() { # FOLDER
  mkdir -p "$1"
  protoc --python_out="$1" --mypy_out=quiet:"$1" "${contract[@]}"
  mapfile -t services < <(grep -l '^service ' "${contract[@]}")
  protoc --grpc_python_out="$1" --mypy_grpc_out=quiet,only_async:"$1" "${services[@]}"
  touch "$1/voicepipe/__init__.py" "$1/voicepipe/v1/__init__.py"
  echo '"""Generated from protos/ by scripts/protos.sh. Do not edit."""' > "$1/__init__.py"
  # protoc writes imports for a top-level package `voicepipe`; ours lives inside `pipeline`.
  sed -i -E "s/^(from|import) voicepipe\\b/\\1 $package.voicepipe/" "$1"/voicepipe/v1/*.py "$1"/voicepipe/v1/*.pyi
}

image() { # FILE
  protoc --include_imports "${@:2}" --descriptor_set_out="$1" "${contract[@]}"
}

case "${1:-}" in
  "")
    rm -rf "$generated"
    generate "$generated"
    ;;
  --check)
    image "$scratch/contract.binpb" --include_source_info
    (cd protos && buf lint "$scratch/contract.binpb" --path voicepipe)
    (cd protos && buf breaking "$scratch/contract.binpb" --against baseline.binpb --path voicepipe)
    generate "$scratch/generated"
    if ! diff --recursive --brief --exclude=__pycache__ "$scratch/generated" "$generated"; then
      echo "$generated does not match protos/: run scripts/protos.sh and commit the result" >&2
      exit 1
    fi
    ;;
  --baseline)
    image protos/baseline.binpb
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
