#!/bin/sh
# Install Node.js 22, the foreign MCP clients, the conformance suite and a browser for tests/e2e, exactly as locked.
#
# Needs only npm (any since 7, with any Node since 16: Debian's `apt install npm` will do). Node.js 22 itself
# is one of the locked packages, so nothing of the system's changes. No package runs a script of its own
# while it is installed. Does nothing when what is installed is what is locked.
set -eu

cd "$(dirname "$0")/node"
stamp=node_modules/.installed-lock

if cmp -s package-lock.json "$stamp"; then
    exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
    echo "install_node.sh: npm is not here; install Node.js with npm (Debian: apt install npm)" >&2
    exit 1
fi

npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error
# The browser is for Linux; elsewhere FERMATA_CHROMIUM names another one.
for node in node_modules/node-linux-*/bin/node; do
    [ ! -x "$node" ] || "$node" browser.mjs || echo "install_node.sh: Chromium does not start here (it needs libnss3)" >&2
done
cp package-lock.json "$stamp"
