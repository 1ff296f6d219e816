#!/bin/bash
# Installs the packages of package-lock.json; does nothing where they are there. Debian's own Node may be too old for Kit, so it is not installed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
fail() { echo "error: $*" >&2; exit 1; }

command -v node >/dev/null || fail "node is missing; install Node.js 20.18 or later"
command -v npm >/dev/null || fail "npm is missing; it comes with Node.js"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 18) ? 0 : 1)' \
  || fail "Node.js $(node --version) is too old; install 20.18 or later"

cmp -s package-lock.json node_modules/.installed || {
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed
}
