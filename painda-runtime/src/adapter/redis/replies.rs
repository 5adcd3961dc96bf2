//! Sorts the publishes of a batch by Redis' answers.
//!
//! Bookkeeping only: it sends nothing.

use super::{
    answer::{Meaning, meaning},
    traffic::Outgoing,
};
use crate::adapter::AdapterError;

/// A batch's publishes by Redis' answers, with the answer.
pub(super) struct Sorted<'a> {
    pub(super) taken: u64,
    /// To be sent again, oldest first.
    pub(super) again: Vec<(&'a Outgoing, AdapterError)>,
    pub(super) rejected: Vec<(&'a Outgoing, AdapterError)>,
}

/// Sorts a batch. What Redis refused for now is sent again, unless it has taken something newer on the same channel: then it would
/// arrive out of order.
pub(super) fn sort(batch: &[Outgoing], replies: impl Iterator<Item = Option<AdapterError>>) -> Sorted<'_> {
    let mut sorted = Sorted { taken: 0, again: Vec::new(), rejected: Vec::new() };
    for (outgoing, refused) in batch.iter().zip(replies) {
        match refused {
            None => {
                sorted.taken += 1;
                let overtaken = |(older, _): &mut (&Outgoing, _)| older.item.channel == outgoing.item.channel;
                sorted.rejected.extend(sorted.again.extract_if(.., overtaken));
            }
            Some(why) if meaning(&why) == Meaning::Refused => sorted.rejected.push((outgoing, why)),
            Some(why) => sorted.again.push((outgoing, why)),
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::redis::traffic::{PublishQueue, Traffic, WhenFull};

    #[test]
    fn a_publish_refused_for_now_is_sent_again_unless_a_newer_one_was_taken() {
        let traffic = Traffic::new(PublishQueue::new(1 << 20, WhenFull::RefuseNewest), 1 << 20);
        for (number, channel) in ["a", "b", "a", "c", "b", "a"].into_iter().enumerate() {
            traffic.publish(channel, vec![number as u8].into(), || false).expect("fits");
        }
        let batch = traffic.take_batch();
        let busy = || Some(AdapterError::Backend("BUSY Redis is busy running a script".into()));
        let never = || Some(AdapterError::Backend("NOPERM no permissions".into()));
        let answers = [busy(), busy(), None, never(), busy(), busy()];
        let Sorted { taken, again, rejected } = sort(&batch, answers.into_iter());
        let numbers = |some: &[(&Outgoing, AdapterError)]| -> Vec<u8> {
            some.iter().map(|(outgoing, _)| outgoing.item.bytes[0]).collect()
        };
        assert_eq!((taken, numbers(&again), numbers(&rejected)), (1, vec![1, 4, 5], vec![0, 3]));
    }
}
