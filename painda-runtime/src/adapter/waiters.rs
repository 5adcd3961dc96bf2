//! Callers that wait for the backend to confirm or refuse what they have asked for.

use tokio::sync::oneshot;

use super::AdapterError;

/// Resolves when the backend has confirmed or refused it, or with an error where neither will come.
pub(super) type Confirmation = oneshot::Receiver<Result<(), AdapterError>>;

/// The callers that wait for the same thing.
#[derive(Default)]
pub(super) struct Waiters(Vec<oneshot::Sender<Result<(), AdapterError>>>);

impl Waiters {
    pub(super) fn add(&mut self) -> Confirmation {
        // Callers that gave up leave their waiter behind. They are looked for where the list has to grow anyway, so that many who
        // wait for one thing cost no more each than one.
        if self.0.len() == self.0.capacity() {
            self.0.retain(|waiter| !waiter.is_closed());
            self.0.reserve(self.0.len() + 1);
        }
        let (waiter, confirmation) = oneshot::channel();
        self.0.push(waiter);
        confirmation
    }

    /// Tells all of them.
    pub(super) fn answer(&mut self, result: &Result<(), AdapterError>) {
        for waiter in self.0.drain(..) {
            // A caller that no longer waits does not mind.
            let _ = waiter.send(result.clone());
        }
    }

    /// Adds those who waited elsewhere.
    pub(super) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Nothing will be confirmed or refused any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_that_gave_up_are_removed() {
        let mut waiters = Waiters::default();
        for _ in 0..10_000 {
            drop(waiters.add());
        }
        assert!(waiters.0.capacity() < 100);
    }
}
