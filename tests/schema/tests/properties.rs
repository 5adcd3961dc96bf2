//! Properties of every type and their nestings.

use painda_tests_schema::allocations::Counting;
use painda_tests_schema::{generate, mutate, oracle};
use proptest::collection::vec;
use proptest::prelude::*;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_valid_message_survives(at in 0..oracle::events().len(), choices in vec(any::<u8>(), 0..400)) {
        let event = oracle::events()[at];
        let message = generate::message(event, &mut choices.iter());
        prop_assert!(oracle::check(event, &message));
    }

    #[test]
    fn a_message_that_is_cut_off_is_refused(at in 0..oracle::events().len(), choices in vec(any::<u8>(), 0..100)) {
        let event = oracle::events()[at];
        let message = generate::message(event, &mut choices.iter());
        let versions = event.fields().iter().any(|field| field.since() > 1);
        for end in 0..message.len() {
            // Only the end of an older version is a message.
            prop_assert!(!oracle::check(event, &message[..end]) || versions);
        }
    }

    #[test]
    fn a_changed_message_is_refused_or_another_one(
        at in 0..oracle::events().len(),
        choices in vec(any::<u8>(), 0..200),
        changes in vec(any::<u8>(), 1..40),
    ) {
        let event = oracle::events()[at];
        let mut message = generate::message(event, &mut choices.iter());
        let mut changes = changes.iter();
        while changes.len() > 0 {
            mutate::bytes(&mut message, &mut changes);
            oracle::check(event, &message);
        }
    }

    #[test]
    fn any_bytes_are_harmless(at in 0..oracle::events().len(), message in vec(any::<u8>(), 0..2000)) {
        oracle::check(oracle::events()[at], &message);
    }
}
