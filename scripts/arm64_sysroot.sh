#!/usr/bin/env bash
# Unpacks the arm64 libraries that a cross build links, for the toolchain file scripts/cmake/arm64.cmake.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/arm64_sysroot.sh FOLDER

Downloads the Debian packages of our dependencies for arm64 with apt, from the sources, through the proxies and with the
signature checks that this machine's apt is configured with, and unpacks them in FOLDER. Needs neither root nor a foreign
architecture in dpkg: apt works on lists and a package database of its own in FOLDER. A complete FOLDER is left as it is;
remove it to take newer packages.
TEXT
}

fail() {
  echo "arm64_sysroot: $1" >&2
  exit "${2:-1}"
}

# The same as in setup.sh; LibTorch and librsvg are left out of cross builds.
packages=(libboost-program-options-dev nlohmann-json3-dev libfmt-dev libsqlite3-dev libssl-dev libjpeg62-turbo-dev
  libpng-dev zlib1g-dev libsndfile1-dev libsamplerate0-dev libkissfft-dev libgtest-dev libgmock-dev)

[[ $# -eq 1 ]] || fail "one folder is expected; --help explains" 2
case $1 in
  -h | --help)
    usage
    exit 0
    ;;
  -*) fail "unknown option '$1'; --help explains" 2 ;;
esac
mkdir -p "$1"
folder=$(cd "$1" && pwd)
stamp=$folder/complete
wanted="${packages[*]}"
if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
  exit 0
fi
for tool in apt-get dpkg-deb dpkg-query; do
  command -v "$tool" >/dev/null ||
    fail "needs Debian's apt and dpkg; elsewhere unpack arm64 builds of these packages in $folder/root and write their \
names to $folder/complete: $wanted"
done
rm -rf "$folder/root" "$folder/apt" "$stamp"
mkdir -p "$folder/root" "$folder"/apt/{state/lists/partial,cache/archives/partial}

# What the cross compiler has for arm64 (libc, libstdc++, libgomp, ...) counts as installed under its usual name.
dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' '*-arm64-cross' |
  awk '$3 == "installed" {
    sub(/-arm64-cross$/, "", $1); sub(/cross[0-9]*$/, "", $2)
    printf "Package: %s\nStatus: install ok installed\nArchitecture: arm64\nMulti-Arch: same\nVersion: %s\n", $1, $2
    if ($1 ~ /^libstdc\+\+-[0-9]+-dev$/) printf "Provides: libstdc++-dev\n"
    if ($1 == "libc6-dev") printf "Provides: libc-dev\n"
    printf "Maintainer: none\nDescription: part of the cross compiler\n\n"
  }' >"$folder/apt/status"
[[ -s $folder/apt/status ]] || fail "the cross compiler is not installed: scripts/setup.sh --with-arm64 installs it"

# Hooks of the machine's configuration clean up after its own apt, not after this one.
cat >"$folder/apt/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
#clear APT::Architectures;
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$folder/apt/state";
Dir::State::status "$folder/apt/status";
Dir::Cache "$folder/apt/cache";
Dir::Cache::archives "archives";
Dir::Log "$folder/apt";
pkgCacheGen::ForceEssential "none";
CONF
own_apt() { apt-get -qq -c "$folder/apt/apt.conf" "$@"; }

echo "arm64_sysroot: downloading ${packages[*]} and what they need for arm64" >&2
own_apt update || fail "apt cannot read the package lists for arm64 from this machine's sources"
own_apt install --yes --download-only "${packages[@]}" >"$folder/apt/log" 2>&1 || {
  cat "$folder/apt/log" >&2
  fail "apt cannot download the arm64 packages"
}
for package in "$folder"/apt/cache/archives/*.deb; do
  dpkg-deb --extract "$package" "$folder/root"
done
# Packages link their libraries by absolute paths, which here must mean paths below the folder.
while IFS= read -r link; do
  ln -sfr "$folder/root$(readlink "$link")" "$link"
done < <(find "$folder/root" -type l -lname '/*')
rm -rf "$folder/apt"
echo "$wanted" >"$stamp"
