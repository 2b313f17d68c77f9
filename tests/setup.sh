#!/bin/sh
# Makes sure of what `make test` needs beside Rust, Node, Python and make: PostgreSQL's programs, Chromium for the
# browser test, and curl and jq for the snippets of the documentation. Installs Debian's packages when it may; otherwise
# says what is missing.
set -eu

missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || [ -n "${TEST_DATABASE_URL:-}" ] \
  || missing="$missing postgresql"
command -v chromium >/dev/null || missing="$missing chromium"
command -v curl >/dev/null || missing="$missing curl"
command -v jq >/dev/null || missing="$missing jq"
command -v runuser >/dev/null || missing="$missing util-linux"
python3 -c "import ensurepip" 2>/dev/null || missing="$missing python3-venv"
command -v cc >/dev/null || missing="$missing build-essential"

for program in cargo node npm python3; do
  command -v "$program" >/dev/null || { echo "make test needs $program: install it and run make test again." >&2; exit 1; }
done
for component in clippy rustfmt; do
  cargo "$(echo $component | sed 's/rustfmt/fmt/')" --version >/dev/null 2>&1 || rustup component add "$component"
done

[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing:$missing"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "make test needs these packages, which are missing:$missing" >&2
  echo "On Debian: sudo apt-get install$missing" >&2
  exit 1
fi
