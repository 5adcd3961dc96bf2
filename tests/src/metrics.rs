//! What a metrics system is told, by name and labels.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use metrics::LocalRecorderGuard;
use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::{LOOK, PATIENCE};

/// Everything that is counted on this thread while this is kept; so a test needs a runtime of one thread.
pub struct Metrics {
    snapshotter: Snapshotter,
    /// A snapshot takes the values away.
    seen: Mutex<BTreeMap<Key, Metric>>,
    _guard: LocalRecorderGuard<'static>,
}

/// A name, and its labels as `key="value"` in the order of their keys.
type Key = (String, Vec<String>);

/// One line of what is counted.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Counter, gauge or histogram.
    pub kind: MetricKind,
    /// What its description says.
    pub description: String,
    /// Its value; of a histogram, how many values it has had.
    pub value: f64,
}

impl Metrics {
    /// Begins to listen.
    pub fn record() -> Self {
        // It lives as long as the thread's guard says, which a test can't.
        let recorder: &'static DebuggingRecorder = Box::leak(Box::default());
        let guard = metrics::set_default_local_recorder(recorder);
        Self { snapshotter: recorder.snapshotter(), seen: Mutex::default(), _guard: guard }
    }

    /// All that has been registered, with its values now.
    pub fn all(&self) -> BTreeMap<Key, Metric> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _, description, value) in self.snapshotter.snapshot().into_vec() {
            let (kind, key) = key.into_parts();
            let mut labels: Vec<_> = key.labels().map(|label| format!("{}={:?}", label.key(), label.value())).collect();
            labels.sort_unstable();
            let description = description.map(|text| text.to_string()).unwrap_or_default();
            let entry = seen.entry((key.name().to_owned(), labels));
            let metric = entry.or_insert(Metric { kind, description, value: 0.0 });
            metric.value += match value {
                DebugValue::Counter(value) => value as f64,
                // Ours are only told of changes.
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
        }
        seen.clone()
    }

    /// The value of one, given as `name{key="value"}` without the braces where there is no label. 0 where there is none.
    pub fn value(&self, which: &str) -> f64 {
        self.find(which).map(|metric| metric.value).unwrap_or_default()
    }

    fn find(&self, which: &str) -> Option<Metric> {
        let (name, labels) = which.split_once('{').unwrap_or((which, ""));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        self.all().remove(&(name.to_owned(), labels.map(str::to_owned).collect()))
    }

    /// Waits until one has this value.
    pub async fn until(&self, which: &str, value: f64) {
        let waiting = async {
            while self.value(which) != value {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("{which} is {}, not {value}", self.value(which));
        }
    }

    /// The values that a label has had.
    pub fn label_values(&self, name: &str, key: &str) -> Vec<String> {
        let prefix = format!("{key}=\"");
        let all = self.all();
        let labels = all.keys().filter(|(of, _)| of == name).flat_map(|(_, labels)| labels);
        let values = labels.filter_map(|label| label.strip_prefix(&prefix)?.strip_suffix('"'));
        let mut values: Vec<_> = values.map(str::to_owned).collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}
