//! What is measured and never asked for takes no room.

use std::time::Duration;

use metrics::{Key, Level, Metadata, Recorder};
use painda_examples::metrics::{builder, keep_up};
use painda_tests_schema::allocations::{Counting, peak};

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn unread_metrics_do_not_grow_with_each_message() {
    const SECONDS: usize = 100;
    const MESSAGES: usize = 10_000;
    let recorder = builder().expect("buckets").build_recorder();
    let here = Metadata::new(module_path!(), Level::INFO, None);
    let times = recorder.register_histogram(&Key::from_name("painda_handler_seconds"), &here);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let (_, bytes) = peak(|| {
        runtime.expect("a runtime").block_on(async {
            tokio::spawn(keep_up(recorder.handle()));
            for _ in 0..SECONDS {
                (0..MESSAGES).for_each(|_| times.record(1e-5));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    });
    // 16 bytes for each are 16 MB.
    assert!(bytes < 2_000_000, "{bytes} bytes for {} messages", SECONDS * MESSAGES);
    let page = recorder.handle().render();
    for line in ["painda_handler_seconds_count 1000000", "painda_handler_seconds_bucket{le=\"0.0001\"} 1000000"] {
        assert!(page.lines().any(|found| found == line), "{line} is not in:\n{page}");
    }
}
