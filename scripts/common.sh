# What the scripts share; sourced by them, never run. They all work in the repository's root.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where scripts/setup puts the tools of cargo: beside those that the user has, which may be of other versions.
export CARGO_INSTALL_ROOT="${XDG_CACHE_HOME:-$HOME/.cache}/painda-tools"
export PATH="$CARGO_INSTALL_ROOT/bin:$PATH"

# Says which step begins.
step() { printf '\n== %s\n' "$*"; }

# The server for scripts/autobahn: a test of painda-runtime, by its name alone, so that its file may move.
AUTOBAHN_SERVER=echo_server

# Formatting and lints of the whole workspace, with all features.
check_style() {
  step "formatting"
  cargo fmt --all --check
  step "imports: no circles, none from a higher layer"
  scripts/imports
  step "scripts/autobahn: its server exists"
  # Nothing else notices: the script is run by hand.
  if ! grep -rqw "async fn $AUTOBAHN_SERVER" painda-runtime/src; then
    echo "painda-runtime has no test $AUTOBAHN_SERVER for scripts/autobahn: mend AUTOBAHN_SERVER in scripts/common.sh" >&2
    exit 1
  fi
  step "clippy: the workspace"
  cargo clippy --workspace --all-targets --all-features -- -D warnings
}
