#!/usr/bin/env bash
# Runs two commands at once, the first on what the second leaves of the processor; shows what it said when both are done.
# Usage: scripts/beside.sh FIRST SECOND. Fails if either does.
set -uo pipefail
said=$(mktemp)
trap 'rm -f "$said"' EXIT
nice -n 19 bash -c "$1" >"$said" 2>&1 &
bash -c "$2"
second=$?
wait $!
first=$?
cat "$said"
exit $((first ? first : second))
