#!/usr/bin/env bash
# Prints the path of an Ollama binary as the last line of standard output; all else goes to standard error.
# Takes the one on the PATH, else the one in the cache, else builds it (about 6 minutes on 2 cores, once, no root).
#
#   --find             only look; fail where it would have to be built
#
#   VOICEPIPE_OLLAMA   path of a binary to use whatever else there is
#   XDG_CACHE_HOME     where the build is kept, default ~/.cache
set -euo pipefail

# The last release whose Go module carries llama.cpp; later ones expect a separate llama-server binary.
readonly VERSION=0.24.0
readonly MINIAUDIO_MODULE=github.com/gen2brain/malgo
readonly MINIAUDIO_VERSION=v0.11.24

readonly HOUSE="${XDG_CACHE_HOME:-$HOME/.cache}/voicepipe/ollama/$VERSION"
readonly BINARY="$HOUSE/ollama"
readonly HEADERS="$HOUSE/include"

say() { printf 'ollama: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

need() { command -v "$1" >/dev/null || die "building needs '$1', which is not on the PATH: $2"; }

# Go from 1.21 on fetches the toolchain that a module asks for by itself; older ones fail late and obscurely.
need_recent_go() {
    need go "install Go 1.21 or later, or any Ollama release"
    local version
    version=$(go env GOVERSION)
    [[ $version =~ ^go1\.([0-9]+) && ${BASH_REMATCH[1]} -ge 21 ]] || die "building needs Go 1.21 or later, this is $version"
}

# Fetches the two Debian packages into the current folder, without root and without touching the system's lists.
download_packages() {
    apt-get download nlohmann-json3-dev libstb-dev >&2 && return
    say "the system's package lists do not serve; fetching lists of our own"
    local -a private=(-o "Dir::State::Lists=$PWD/lists" -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User=)
    mkdir -p lists/partial cache/archives/partial
    apt-get "${private[@]}" update >&2
    apt-get "${private[@]}" download nlohmann-json3-dev libstb-dev >&2
}

# Go leaves folders called "vendor" out of a module, so three header-only libraries are missing from Ollama's.
collect_headers() {
    local work=$1 module
    say "collecting nlohmann-json, stb and miniaudio"
    mkdir -p "$work/debs" "$work/tree" "$work/include/miniaudio"
    (cd "$work/debs" && download_packages)
    for package in "$work"/debs/*.deb; do
        dpkg-deb -x "$package" "$work/tree"
    done
    module=$(go mod download -json "$MINIAUDIO_MODULE@$MINIAUDIO_VERSION" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    cp -r "$work/tree/usr/include/nlohmann" "$work/tree/usr/include/stb" "$work/include/"
    install -m 644 "$module/miniaudio.h" "$work/include/miniaudio/"
    mv -T "$work/include" "$HEADERS"
}

build() {
    local work=$1
    # The module's own flags are generic and slow; -march=native was no faster and does not run elsewhere.
    local flags="-I$HEADERS -I$HEADERS/stb -O3"
    [ "$(uname -m)" = x86_64 ] && flags+=" -march=x86-64-v3"
    say "building $VERSION: about 6 minutes on 2 cores"
    GOBIN="$work/bin" GOFLAGS= CGO_ENABLED=1 CGO_CFLAGS="$flags" CGO_CXXFLAGS="$flags" \
        go install -ldflags "-s -w -X github.com/ollama/ollama/version.Version=$VERSION" \
        "github.com/ollama/ollama@v$VERSION" >&2
    "$work/bin/ollama" --version >&2 || die "the new binary does not run on this machine"
    mv -T "$work/bin/ollama" "$BINARY"
}

main() {
    if [ -n "${VOICEPIPE_OLLAMA:-}" ]; then
        [ -x "$VOICEPIPE_OLLAMA" ] || die "VOICEPIPE_OLLAMA is $VOICEPIPE_OLLAMA, which is no program"
        printf '%s\n' "$VOICEPIPE_OLLAMA"
        return
    fi
    if command -v ollama; then
        return
    fi
    if [ ! -x "$BINARY" ]; then
        [ "${1:-}" != --find ] || die "there is none on the PATH and none at $BINARY; 'make ollama' builds it"
        need_recent_go
        need gcc "apt-get install gcc"
        need g++ "apt-get install g++"
        mkdir -p "$HOUSE"
        exec 9>"$HOUSE/lock"
        flock -n 9 || { say "another build is running; waiting for it" && flock 9; }
        rm -rf "$HOUSE"/.work.* # of builds that were killed
        work=$(mktemp -d "$HOUSE/.work.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        [ -d "$HEADERS" ] || collect_headers "$work"
        [ -x "$BINARY" ] || build "$work"
    fi
    printf '%s\n' "$BINARY"
}

main "$@"
