#!/usr/bin/env bash
# Trains every study at scale smoke and prints every report in every format: what a nightly machine runs.
set -euo pipefail

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  cat <<'TEXT'
Usage: scripts/nightly.sh [FOLDER] [--torch debian|pip|PATH]

Results go to FOLDER (default: a new temporary one), which is kept. Repeating with the same FOLDER continues.
TEXT
  exit 0
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=
if [[ $# -gt 0 && $1 != --* ]]; then
  folder=$1
  shift
fi
folder=${folder:-$(mktemp -d)}
"$root/scripts/build.sh" "$@"
mkdir -p "$folder/reports"
# The smoke recipes of detection and segmentation learn as far as they should.
if [[ -x $root/build/tests/finetune_program_test ]]; then
  DENSESHIFT_GATES=1 "$root/build/tests/finetune_program_test" --gtest_filter='*Gates*'
fi
cd "$folder"
denseshift=$root/build/denseshift
for study in $("$denseshift" report --list --json | sed -n 's/.*"name": "\(.*\)",/\1/p'); do
  start=$SECONDS
  "$denseshift" ablate "$study" --scale smoke --jobs "$(nproc)" --quiet >"reports/$study.txt"
  echo "$study: $((SECONDS - start)) s"
  "$denseshift" ablate "$study" --scale smoke --dry-run | tail -1
done
for format in text md latex csv json html; do
  "$denseshift" report all --scale smoke --format "$format" --out "reports/all.$format"
done
for figure in fig1 fig4 fig5; do
  "$denseshift" report "$figure" --scale smoke --format svg --out "reports/$figure.svg"
done
echo "reports are in $folder/reports"
