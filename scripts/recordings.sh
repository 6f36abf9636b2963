#!/usr/bin/env bash
# Fetches recordings of people with their texts into the cache: the telephone prompts of Debian's asterisk-core-sounds
# packages (CC BY-SA 3.0). Needs no root, fetches only what is missing, prints the folder of each language:
# scripts/recordings.sh [en|es|fr|it|ru]…
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/voicepipe/recordings"
[ $# -gt 0 ] || set -- en es fr it ru
mkdir -p "$cache"
scratch=$(mktemp -d "$cache/.fetching.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
for language in "$@"; do
    case $language in
    en | es | fr | it | ru) ;;
    *) echo "recordings: none in '$language'; there are en, es, fr, it, ru" >&2; exit 1 ;;
    esac
    if [ ! -d "$cache/$language" ]; then
        echo "recordings: fetching $language" >&2
        if ! "$scripts/debian.sh" "$scratch/$language" "asterisk-core-sounds-$language" "asterisk-core-sounds-$language-wav"; then
            echo "recordings: apt-get could not fetch $language. Without apt, unpack Debian's asterisk-core-sounds-$language" \
                "and asterisk-core-sounds-$language-wav into $cache/$language" >&2
            exit 1
        fi
        # Two runs at once: the first to come wins, and both have the same files.
        mv -T "$scratch/$language" "$cache/$language" 2>/dev/null || [ -d "$cache/$language" ]
    fi
    echo "$cache/$language"
done
