#!/usr/bin/env bash
# Sets up, builds and runs every test.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/test.sh [--torch debian|pip|none|PATH] [--all] [--no-arm64]

The tests of the release build, then the kernels' tests and the program cross-built for AArch64, under qemu-user as a
Cortex-A57 and as a CPU with every extension.

  --all        also the build without LibTorch, the one with sanitizers, every other test under qemu-user, and whether each
               source compiles on its own (the other builds compile several at once)
  --no-arm64   without the cross build

DENSESHIFT_TEST_DATA names the folder of the larger test data; tests that need what is not there are skipped.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
presets=(release)
all=0
arm64=1
options=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --all)
      presets=(release no-torch sanitize)
      all=1
      ;;
    --no-arm64) arm64=0 ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) options+=("$1") ;;
  esac
  shift
done

if ((arm64)) && [[ $(uname -m) == aarch64 ]]; then
  echo "test: this machine is an AArch64 one: its own build stands for the cross build" >&2
elif ((arm64)) && ! command -v apt-get >/dev/null && [[ ! -f $root/build-arm64/sysroot/complete ]]; then
  echo "test: NOT TESTED: AArch64. Its libraries come from Debian's apt, which is not here; docs/arm.md says what to do" >&2
elif ((arm64)); then
  presets+=(arm64)
fi

failed=()
for preset in "${presets[@]}"; do
  folder=$root/build
  [[ $preset == release ]] || folder=$root/build-$preset
  [[ ${#presets[@]} -eq 1 ]] || echo "== $preset"
  only=(--with-peers)
  select=()
  if [[ $preset == arm64 ]]; then
    only=()
    if ((!all)); then
      only=(--target every_cpu_tests)
      select=(-L every-cpu)
    fi
  fi
  "$root/scripts/build.sh" --preset "$preset" --with-tests "${only[@]}" "${options[@]}"
  ctest --test-dir "$folder" --output-on-failure --parallel "$(nproc)" --no-tests=error "${select[@]}" || failed+=("$preset")
done
((!all)) || "$root/scripts/build.sh" --preset debug --with-tests --with-peers "${options[@]}" || failed+=(debug)
if [[ ${#failed[@]} -gt 0 ]]; then
  [[ ${#presets[@]} -eq 1 ]] || echo "test: failed in: ${failed[*]}" >&2
  exit 1
fi
