#!/usr/bin/env bash
# Sets up, builds, and trains a small 2-bit ResNet-18 on rendered images: a few minutes on two cores. The run is recorded in
# denseshift.db of the current folder.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  echo "Usage: scripts/quickstart.sh [--torch debian|pip|PATH]"
  exit 0
fi
"$root/scripts/build.sh" "$@"
exec "$root/build/denseshift" train --arch resnet18 --wbits 2 --limit-train 2560 --limit-val 1000 --epochs 3 \
  --batch-size 16 --lr 0.005 --name quickstart
