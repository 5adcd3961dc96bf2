# What the scripts share; sourced by them, never run. They all work in the repository's root.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where scripts/setup puts the tools of cargo: beside those that the user has, which may be of other versions.
export CARGO_INSTALL_ROOT="${XDG_CACHE_HOME:-$HOME/.cache}/painda-tools"
export PATH="$CARGO_INSTALL_ROOT/bin:$PATH"

# Says which step begins.
step() { printf '\n== %s\n' "$*"; }

# Formatting and lints of the whole workspace, with all features.
check_style() {
  step "formatting"
  cargo fmt --all --check
  step "imports: no circles, none from a higher layer"
  scripts/imports
  step "clippy: the workspace"
  cargo clippy --workspace --all-targets --all-features -- -D warnings
}
