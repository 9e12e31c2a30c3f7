#!/usr/bin/env bash
# Installs what the build needs on Debian 12, without questions, and only what is missing.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/setup.sh [--torch debian|pip|none|PATH] [--with-tests] [--with-peers] [--with-arm64]

  --torch debian   LibTorch from Debian's libtorch-dev (default)
  --torch pip      PyTorch's wheel (with CUDA) in .venv of this checkout
  --torch none     no LibTorch: results database, data and kernels only
  --torch PATH     a LibTorch, or a virtual environment with PyTorch, that you already have
  --with-tests     also what the tests need
  --with-peers     also the libraries that `bench gemm` and `bench layers` compare with
  --with-arm64     also the AArch64 cross compiler, and qemu-user to run what it makes
TEXT
}

fail() {
  echo "setup: $1" >&2
  exit "${2:-1}"
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
torch=debian
packages=(g++ cmake ninja-build ccache libboost-program-options-dev nlohmann-json3-dev libfmt-dev libsqlite3-dev libssl-dev
  libjpeg62-turbo-dev libpng-dev zlib1g-dev libsndfile1-dev libsamplerate0-dev libkissfft-dev librsvg2-dev pkg-config)
while [[ $# -gt 0 ]]; do
  case $1 in
    --torch)
      [[ $# -ge 2 ]] || fail "--torch needs a value: debian, pip, none or a path" 2
      torch=$2
      shift
      ;;
    --torch=*) torch=${1#*=} ;;
    --with-tests) packages+=(libgtest-dev libgmock-dev) ;;
    --with-peers) packages+=(libopenblas-dev libdnnl-dev libxnnpack-dev libpthreadpool-dev) ;;
    --with-arm64) packages+=(g++-aarch64-linux-gnu qemu-user) ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown option '$1'; --help lists the options" 2 ;;
  esac
  shift
done

case $torch in
  debian) packages+=(libtorch-dev libopenblas0-pthread) ;;
  pip) packages+=(python3-venv) ;;
  none) ;;
  *) [[ -d $torch ]] || fail "--torch: there is no folder $torch" 2 ;;
esac

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    if ! dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
      missing+=("$package")
    fi
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || fail "not root and no sudo: let an administrator install ${missing[*]}"
    as_root=(sudo "${as_root[@]}")
  fi
  echo "setup: installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}"
}

install_wheel() {
  local python=$root/.venv/bin/python
  if [[ -x $python ]] && "$python" -c 'import importlib.metadata as m; assert m.version("torch").startswith("2.11.")' 2>/dev/null; then
    return 0
  fi
  echo "setup: installing PyTorch's wheel in .venv" >&2
  [[ -x $python ]] || python3 -m venv "$root/.venv"
  "$python" -m pip install --quiet --disable-pip-version-check 'torch==2.11.*'
}

if command -v dpkg-query >/dev/null; then
  install_packages
else
  echo "setup: not a Debian system; install the equivalents of: ${packages[*]}" >&2
fi
if [[ $torch == pip ]]; then
  install_wheel
fi
