#!/bin/sh
# Install every client and host of the matrix, exactly as named: those from PyPI each in a virtual environment of its
# own under .hosts, those from npm under tests/hosts/node. No package from npm runs a script of its own.
# Does nothing for what is installed as it is named. What does not install here is skipped, and told in the matrix.
set -u

cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
mkdir -p "$root/.hosts"

for named in requirements/*.txt; do
    place="$root/.hosts/$(basename "$named" .txt)"
    if cmp -s "$named" "$place/installed.txt"; then
        continue
    fi
    echo "installing $(basename "$named" .txt)"
    if python3 -m venv --clear "$place" &&
        "$place/bin/python" -m pip install -qq --disable-pip-version-check -r "$named"; then
        cp "$named" "$place/installed.txt"
    else
        echo "install.sh: $named was not installed" >&2
        rm -rf "$place"
    fi
done

sh ../e2e/install_node.sh || exit 1
if ! cmp -s node/package-lock.json node/node_modules/.installed-lock; then
    echo "installing the hosts from npm"
    cd node || exit 1
    # Not `npm ci`: it refuses the lock for packages of other systems that one host names and npm leaves out.
    npm install --no-save --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error || exit 1
    cp package-lock.json node_modules/.installed-lock
fi
