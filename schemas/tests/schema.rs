//! Keeps what others know about the schema up to date. `PAINDA_ACCEPT=1 cargo test -p schemas` writes it anew after a safe
//! change; for another one, the test says what to type.

use painda_runtime::schema::{lock, typescript};
use schemas::Arena;

#[test]
fn the_schema_is_locked() {
    lock::check::<Arena>("schema.lock");
}

#[test]
fn the_typescript_module_is_up_to_date() {
    typescript::check::<Arena>("arena.ts");
}
