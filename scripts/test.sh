#!/usr/bin/env bash
# Sets up, builds and runs every test.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/test.sh [--torch debian|pip|none|PATH] [--all]

  --all   after the release build also the build without LibTorch and the one with sanitizers

DENSESHIFT_TEST_DATA names the folder of the larger test data; tests that need what is not there are skipped.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
presets=(release)
options=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --all) presets=(release no-torch sanitize) ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) options+=("$1") ;;
  esac
  shift
done

failed=()
for preset in "${presets[@]}"; do
  folder=$root/build
  [[ $preset == release ]] || folder=$root/build-$preset
  "$root/scripts/build.sh" --preset "$preset" --with-tests "${options[@]}"
  [[ ${#presets[@]} -eq 1 ]] || echo "== $preset"
  ctest --test-dir "$folder" --output-on-failure --parallel "$(nproc)" || failed+=("$preset")
done
if [[ ${#failed[@]} -gt 0 ]]; then
  [[ ${#presets[@]} -eq 1 ]] || echo "test: failed in: ${failed[*]}" >&2
  exit 1
fi
