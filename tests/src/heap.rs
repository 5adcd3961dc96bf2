//! An allocator that counts for the whole process, so that a test can say how much a node in it may hold at once.

#![allow(unsafe_code, reason = "an allocator is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator; counts what is held. A block that grows is counted beside its old self, as it may have to be copied.
///
/// ```
/// use painda_tests::heap::Counting;
///
/// #[global_allocator]
/// static ALLOCATOR: Counting = Counting;
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The bytes that the process holds now; always 0 where [`Counting`] is not the global allocator.
pub fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// Waits for `work`, and says how many bytes more than at its start the process has held at once while it ran.
pub async fn peak<T>(work: impl Future<Output = T>) -> (T, usize) {
    let before = held();
    PEAK.store(before, Ordering::Relaxed);
    let done = work.await;
    (done, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}
