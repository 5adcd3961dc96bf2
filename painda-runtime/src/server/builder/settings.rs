//! Which settings can work, and which contradict each other: what a server is not built with.

use std::{fmt, time::Duration};

use crate::{
    server::{
        config::Config,
        error::{Error, SettingError},
        origin::Origins,
    },
    wire::frame::HEADER_LEN,
};

/// What a timer can tell from 0.
const SHORTEST: Duration = Duration::from_millis(1);
/// Longer times are mistakes, or mean "never", which no setting is; and the clock overflows at some point.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Checks all settings, and reads the patterns of origins; the error names each that is wrong. What 0 means where it is allowed, the
/// builder says.
pub(crate) fn checked(mut config: Config, allowed_origins: Option<&[String]>) -> Result<Config, Error> {
    let limits = &config.limits;
    let mut wrong = Vec::new();
    let mut refuse = |refused: bool, setting, value: &dyn fmt::Debug, why: String| {
        if refused {
            wrong.push(SettingError { setting, value: Some(format!("{value:?}")), why });
        }
    };
    for (setting, time, needed) in [
        ("heartbeat", config.heartbeat, Some("every client would be taken for gone")),
        ("handshake_timeout", config.handshake_timeout, Some("every client would be refused")),
        ("ask_timeout", config.ask_timeout, Some("no other node could ever answer")),
        ("slow_after", limits.queue.slow_after, None),
        ("stalled_after", limits.queue.stalled_after, Some("every client that does not read at once would be closed")),
        ("handler_timeout", config.handler_timeout, None),
        ("shutdown_timeout", config.shutdown_timeout, None),
        ("flush_interval", config.flush_interval, None),
        ("room_linger", config.room_linger, None),
    ] {
        if let Some(why) = needed {
            refuse(time < SHORTEST, setting, &time, format!("{why}; it is at least 1 ms"));
        }
        refuse(time > LONGEST, setting, &time, "a time is at most 365 days".to_owned());
    }
    refuse(
        config.flush_interval >= config.heartbeat && !config.flush_interval.is_zero(),
        "flush_interval",
        &config.flush_interval,
        format!("a ping would wait for longer than its answer may take, the heartbeat's {:?}", config.heartbeat),
    );
    refuse(
        limits.message < HEADER_LEN,
        "max_message",
        &limits.message,
        format!("a frame's header alone has {HEADER_LEN} bytes"),
    );
    let queue = &limits.queue;
    refuse(queue.limit == 0, "queue_limit", &0, "no client could be sent anything".to_owned());
    refuse(
        queue.burst < queue.limit,
        "queue_burst",
        &queue.burst,
        format!("it is at least queue_limit, which is {}", queue.limit),
    );
    refuse(limits.pending == 0, "max_pending", &0, "nobody could connect".to_owned());
    refuse(
        limits.per_minute > 0 && limits.per_second > limits.per_minute,
        "max_messages_per_second",
        &limits.per_second,
        format!("it is never reached with max_messages_per_minute of {}; 0 is no limit", limits.per_minute),
    );
    refuse(
        !(1..=128).contains(&limits.ipv6_prefix),
        "ipv6_prefix",
        &limits.ipv6_prefix,
        "an IPv6 address has 1 to 128 first bits".to_owned(),
    );
    match allowed_origins.map(Origins::parse).transpose() {
        Ok(origins) => config.allowed_origins = origins,
        Err(why) => wrong.push(SettingError { setting: "allowed_origins", value: None, why }),
    }
    if wrong.is_empty() { Ok(config) } else { Err(Error::Config(wrong.into())) }
}
