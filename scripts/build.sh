#!/usr/bin/env bash
# Sets up, configures and builds. The program is build/denseshift.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/build.sh [--torch debian|pip|none|PATH] [--preset release|debug|sanitize|no-torch|arm64] [--with-tests]
                        [--with-peers] [--target NAME]

  --preset arm64   cross build for AArch64 without LibTorch, in build-arm64 (docs/arm.md)
  --with-peers     with the libraries that `bench gemm` and `bench layers` compare with
  --target NAME    builds only this target

Without --torch a build folder keeps the LibTorch it was made with; the first time it is Debian's.
TEXT
}

fail() {
  echo "build: $1" >&2
  exit "${2:-1}"
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
torch=
preset=release
target=all
tests=()
peers=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --torch | --preset | --target)
      [[ $# -ge 2 ]] || fail "$1 needs a value" 2
      declare "${1#--}=$2"
      shift
      ;;
    --torch=*) torch=${1#*=} ;;
    --preset=*) preset=${1#*=} ;;
    --target=*) target=${1#*=} ;;
    --with-tests) tests=(--with-tests) ;;
    --with-peers) peers=(--with-peers) ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown option '$1'; --help lists the options" 2 ;;
  esac
  shift
done

case $preset in
  release) folder=$root/build ;;
  debug | sanitize | no-torch | arm64) folder=$root/build-$preset ;;
  *) fail "unknown preset '$preset'; one of: release, debug, sanitize, no-torch, arm64" 2 ;;
esac
[[ $preset == no-torch || $preset == arm64 ]] && torch=none

cached() { sed -n "s/^$1:[A-Z]*=//p" "$folder/CMakeCache.txt" 2>/dev/null || true; }

# The prefix that CMake is given: empty means the system's LibTorch.
if [[ -z $torch && $(cached DENSESHIFT_WITH_TORCH) == OFF ]]; then
  torch=none
elif [[ -z $torch ]]; then
  torch=$(cached DENSESHIFT_TORCH)
  torch=${torch:-debian}
fi
case $torch in
  debian | none) prefix= ;;
  pip | "$root/.venv")
    torch=pip
    prefix=$root/.venv
    ;;
  *)
    [[ -d $torch ]] || fail "--torch: there is no folder $torch" 2
    prefix=$(cd "$torch" && pwd)
    torch=$prefix
    ;;
esac
with_torch=ON
[[ $torch == none ]] && with_torch=OFF

if [[ $preset == arm64 ]]; then
  "$root/scripts/setup.sh" --torch "$torch" "${tests[@]}" --with-arm64
  "$root/scripts/arm64_sysroot.sh" "$folder/sysroot"
else
  "$root/scripts/setup.sh" --torch "$torch" "${tests[@]}" "${peers[@]}"
fi

# What CMake found in one LibTorch must not survive into a build with another.
if [[ -f $folder/CMakeCache.txt && ($(cached DENSESHIFT_TORCH) != "$prefix" || $(cached DENSESHIFT_WITH_TORCH) != "$with_torch") ]]; then
  rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
fi
with_tests=OFF
[[ ${#tests[@]} -gt 0 || $(cached DENSESHIFT_BUILD_TESTS) == ON ]] && with_tests=ON

# A file that includes LibTorch takes up to 1.3 GB to compile.
jobs=$(nproc)
memory_jobs=$(awk '/^MemAvailable:/ { print int($2 / 1300000) }' /proc/meminfo)
((memory_jobs < jobs)) && jobs=$((memory_jobs > 0 ? memory_jobs : 1))

cd "$root"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset "$preset" -DDENSESHIFT_TORCH="$prefix" -DDENSESHIFT_WITH_TORCH="$with_torch" \
  -DDENSESHIFT_BUILD_TESTS="$with_tests" >"$log" 2>&1; then
  cat "$log" >&2
  fail "the configuration failed"
fi
cmake --build "$folder" --parallel "$jobs" --target "$target"
