#!/usr/bin/env bash
# Fetches the fonts with which tests and benchmarks draw receipts, labels and screens into the cache: Debian's packages of
# DejaVu, Liberation, FreeFont, and two of WenQuanYi, which have Chinese. Needs no root, fetches them once, prints their folder.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/voicepipe"
if [ ! -d "$cache/fonts" ]; then
    mkdir -p "$cache"
    scratch=$(mktemp -d "$cache/.fonts.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    echo "fonts: fetching" >&2
    packages=(fonts-dejavu-core fonts-liberation fonts-freefont-ttf fonts-wqy-microhei fonts-wqy-zenhei)
    if ! "$scripts/debian.sh" "$scratch/fonts" "${packages[@]}"; then
        echo "fonts: apt-get could not fetch ${packages[*]}. Without apt, unpack them into $cache/fonts" >&2
        exit 1
    fi
    # Two runs at once: the first to come wins, and both have the same files.
    mv -T "$scratch/fonts" "$cache/fonts" 2>/dev/null || [ -d "$cache/fonts" ]
fi
echo "$cache/fonts"
