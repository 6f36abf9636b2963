#!/usr/bin/env bash
# Fetches OpenAI's browser client from npm into the cache, for the test that calls with it, and prints the path of its
# script. Fetches only what is missing; needs npm.
set -euo pipefail
readonly VERSION=0.20.0
readonly SHA256=58aebc0d1621c0dd63ce13ccae97fcdf20aef38d3d1d63286974f044c118c447
readonly SCRIPT=openai-realtime-agents.umd.js
folder="${XDG_CACHE_HOME:-$HOME/.cache}/voicepipe/agents-realtime/$VERSION"
if [ ! -f "$folder/$SCRIPT" ]; then
    echo "openai client: fetching @openai/agents-realtime $VERSION" >&2
    mkdir -p "$(dirname "$folder")"
    scratch=$(mktemp -d "$(dirname "$folder")/.fetching.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    (cd "$scratch" && npm pack --silent "@openai/agents-realtime@$VERSION" >&2)
    echo "$SHA256  $scratch/openai-agents-realtime-$VERSION.tgz" | sha256sum --check --quiet >&2
    mkdir "$scratch/unpacked"
    tar --extract --gzip --file "$scratch/openai-agents-realtime-$VERSION.tgz" --directory "$scratch/unpacked" \
        --strip-components 3 "package/dist/bundle/$SCRIPT"
    # Two runs at once: the first to come wins, and both have the same file.
    mv -T "$scratch/unpacked" "$folder" 2>/dev/null || [ -f "$folder/$SCRIPT" ]
fi
echo "$folder/$SCRIPT"
