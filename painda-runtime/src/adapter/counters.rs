//! Counters: for the adapter's and the server's own statistics and, with the feature `metrics`, for the `metrics` facade.
//!
//! Shared by all adapters and the server. The facade's handles are made once: looking one up by its name costs more than what is
//! counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A kind of counter: a line of a table of [`counters!`]. `From` is what it is made from beside its name and its description.
pub(crate) trait Count<From: ?Sized> {
    fn new(name: &'static str, what: &'static str, from: &From) -> Self;

    /// The total since it was made, of all labels together.
    fn total(&self) -> u64;
}

/// A counter that only grows.
pub(crate) struct Counter {
    value: AtomicU64,
    #[cfg(feature = "metrics")]
    facade: metrics::Counter,
}

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.value.fetch_add(n, Relaxed);
            #[cfg(feature = "metrics")]
            self.facade.increment(n);
        }
    }
}

impl<From: ?Sized> Count<From> for Counter {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the facade's alone"))]
    fn new(name: &'static str, what: &'static str, _from: &From) -> Self {
        #[cfg(feature = "metrics")]
        metrics::describe_counter!(name, what.trim_start());
        Self {
            value: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            facade: metrics::counter!(name),
        }
    }

    fn total(&self) -> u64 {
        self.value.load(Relaxed)
    }
}

/// A number that goes up and down; for the facade only. Equal gauges of one process add up, and one that is dropped is subtracted:
/// so the value is right where a process has several nodes.
#[cfg(feature = "metrics")]
pub(crate) struct Gauge {
    value: AtomicU64,
    facade: metrics::Gauge,
}

#[cfg(feature = "metrics")]
impl Gauge {
    /// Gauges of one name must differ in their labels.
    pub(crate) fn new(name: &'static str, what: &'static str, labels: &[(&'static str, &'static str)]) -> Self {
        metrics::describe_gauge!(name, what);
        Self { value: AtomicU64::new(0), facade: metrics::gauge!(name, labels) }
    }

    pub(crate) fn set(&self, value: u64) {
        let before = self.value.swap(value, Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        self.facade.increment(value as f64 - before as f64);
    }
}

#[cfg(feature = "metrics")]
impl Drop for Gauge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Makes from one table the struct of the counters and the public struct of their values. A line's documentation is the
/// description of the metric, too.
macro_rules! counters {
    (
        $(#[$about:meta])*
        pub struct $Stats:ident {
            $($(#[$about_other:meta])* pub $other:ident: $Other:ty,)*
        }

        pub(crate) struct $Counters:ident from $From:ty {
            $($(#[doc = $what:literal])+ $field:ident: $Kind:ty = $name:literal,)*
        }
    ) => {
        pub(crate) struct $Counters {
            $($(#[doc = $what])+ pub(crate) $field: $Kind,)*
        }

        impl $Counters {
            pub(crate) fn new(from: &$From) -> Self {
                use $crate::adapter::counters::Count;
                Self { $($field: Count::<$From>::new($name, concat!($($what),+), from),)* }
            }

            pub(crate) fn snapshot(&self, $($other: $Other),*) -> $Stats {
                use $crate::adapter::counters::Count;
                $Stats { $($other,)* $($field: Count::<$From>::total(&self.$field),)* }
            }
        }

        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $Stats {
            $($(#[$about_other])* pub $other: $Other,)*
            $(
                $(#[doc = $what])+
                #[doc = concat!("Counter `", $name, "`.")]
                pub $field: u64,
            )*
        }
    };
}

pub(crate) use counters;
