#!/usr/bin/env bash
# Unpacks Debian packages into a folder without root: scripts/debian.sh FOLDER PACKAGE…
# A machine that never ran `apt-get update` gets package lists of its own, in a scratch folder.
set -euo pipefail
folder=$1
shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
if ! apt-get download "$@" >download.log 2>&1; then
    mkdir -p lists/partial cache/archives/partial
    private=(-o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache")
    apt-get "${private[@]}" update >update.log 2>&1 || { cat update.log >&2; exit 1; }
    apt-get "${private[@]}" download "$@" >download.log 2>&1 || { cat download.log >&2; exit 1; }
fi
for package in ./*.deb; do
    dpkg-deb -x "$package" "$folder"
done
