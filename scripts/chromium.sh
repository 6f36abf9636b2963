#!/usr/bin/env bash
# Prints the path of a Chromium as the last line of standard output; all else goes to standard error.
# Takes the one on the PATH, else installs Debian's package, with a font for Chinese (root and apt-get are needed).
#
#   --find               only look; fail where it would have to be installed
#
#   VOICEPIPE_CHROMIUM   path of a binary to use whatever else there is
set -euo pipefail

readonly NAMES=(chromium chromium-browser google-chrome google-chrome-stable)

say() { printf 'chromium: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

on_the_path() {
    for name in "${NAMES[@]}"; do
        command -v "$name" && return
    done
    return 1
}

install_package() {
    command -v apt-get >/dev/null || die "there is none on the PATH (${NAMES[*]}) and no apt-get to install one with"
    [ "$(id -u)" = 0 ] || die "there is none on the PATH (${NAMES[*]}); 'sudo apt-get install chromium' installs it"
    say "installing Debian's package"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update >&2
    apt-get install --yes --no-install-recommends chromium fonts-wqy-zenhei >&2
}

main() {
    if [ -n "${VOICEPIPE_CHROMIUM:-}" ]; then
        [ -x "$VOICEPIPE_CHROMIUM" ] || die "VOICEPIPE_CHROMIUM is $VOICEPIPE_CHROMIUM, which is no program"
        printf '%s\n' "$VOICEPIPE_CHROMIUM"
        return
    fi
    on_the_path && return
    [ "${1:-}" != --find ] || die "there is none on the PATH (${NAMES[*]}); 'make chromium' installs one"
    install_package
    on_the_path || die "the package was installed and brought none of ${NAMES[*]}"
}

main "$@"
