//! What a node holds in memory. The allocator counts for the whole process, so that these tests have a process of their own.

mod json_memory;
mod queue_memory;

use painda_tests::heap::Counting;
use tokio::sync::Mutex;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The heap is everybody's: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());
