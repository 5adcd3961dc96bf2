//! What must not compile, and what the compiler says then: a folder of cases per topic.
//!
//! After a deliberate change of a message: `TRYBUILD=overwrite cargo test -p painda-tests-schema --test compile_fail`.

#[test]
fn mistakes_are_reported_where_they_are_made() {
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}
