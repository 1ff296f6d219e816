#!/bin/bash
# Installs what the validator's packages are compiled with; does nothing where it is there.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

readonly packages=(libssl-dev libclang-dev libudev-dev protobuf-compiler cmake pkg-config g++)

present=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null | grep -c '^ii ' || true)
[ "$present" -eq "${#packages[@]}" ] || ../scripts/install-packages "${packages[@]}"
