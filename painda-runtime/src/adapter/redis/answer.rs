//! Redis' error replies: their text, and what follows from them.
//!
//! Knows the codes that these begin with; opens no connection.

use redis::{ErrorKind, RedisError, ServerError, Value};

use crate::adapter::{AdapterError, Cause};

/// What an error means for the sender of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no answer: the connection failed, and it is unknown whether the command was carried out.
    Unanswered,
    /// Another server of the cluster has the slot, or will have it in a moment. Nothing was done.
    Elsewhere,
    /// The server is no master: whatever it takes is lost.
    WrongServer,
    /// The right server, but it refuses for now. Nothing was done.
    NotNow,
    /// It refuses until its settings or ours are changed. Nothing was done.
    Refused,
}

/// What follows from an error of a command.
pub(super) fn meaning(error: &AdapterError) -> Meaning {
    let AdapterError::Backend(words) = error else { return Meaning::Unanswered };
    match words.split(' ').next().unwrap_or_default() {
        "MOVED" | "ASK" | "TRYAGAIN" => Meaning::Elsewhere,
        "READONLY" => Meaning::WrongServer,
        "LOADING" | "MISCONF" | "NOREPLICAS" | "MASTERDOWN" | "OOM" | "CLUSTERDOWN" | "BUSY" => Meaning::NotNow,
        _ => Meaning::Refused,
    }
}

/// Did Redis answer with an error, rather than the connection fail?
pub(super) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// The error of a command, as the adapter's callers see it.
pub(super) fn command_error(error: &RedisError) -> AdapterError {
    let cause = Cause::new(words(error), error.clone());
    if is_answer(error) { AdapterError::Backend(cause) } else { AdapterError::Unavailable(cause) }
}

/// The error among a pipeline's replies; `None` where the command was carried out.
pub(super) fn refusal(reply: Value) -> Option<AdapterError> {
    match reply {
        Value::ServerError(error) => Some(server_error(&error)),
        _ => None,
    }
}

pub(super) fn server_error(error: &ServerError) -> AdapterError {
    AdapterError::Backend(joined(error.code(), error.details()).into())
}

/// The text of an error; of a reply of Redis, unchanged with its code first.
pub(super) fn words(error: &RedisError) -> String {
    match error.code() {
        Some(code) => joined(code, error.detail()),
        None => error.to_string(),
    }
}

fn joined(code: &str, detail: Option<&str>) -> String {
    detail.map_or_else(|| code.to_owned(), |detail| format!("{code} {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meaning_follows_from_the_code() {
        for (words, expected) in [
            ("READONLY You can't write against a read only replica.", Meaning::WrongServer),
            ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to", Meaning::NotNow),
            ("LOADING Redis is loading the dataset in memory", Meaning::NotNow),
            ("NOREPLICAS Not enough good replicas to write.", Meaning::NotNow),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Meaning::NotNow),
            ("OOM command not allowed when used memory > 'maxmemory'.", Meaning::NotNow),
            ("CLUSTERDOWN The cluster is down", Meaning::NotNow),
            ("MOVED 5 127.0.0.1:7000", Meaning::Elsewhere),
            ("NOPERM this user has no permissions", Meaning::Refused),
            ("ERR READONLY", Meaning::Refused),
        ] {
            assert_eq!(meaning(&AdapterError::Backend(words.into())), expected, "{words}");
        }
        assert_eq!(meaning(&AdapterError::Unavailable("MOVED".into())), Meaning::Unanswered);
    }

    #[test]
    fn the_text_of_a_reply_is_kept() {
        let parse = |bytes: &[u8]| redis::parse_redis_value(bytes).expect("an error is a value");
        for text in ["ERR max number of clients reached", "DENIED Redis is running in protected mode", "BUSY"] {
            let reply = parse(format!("-{text}\r\n").as_bytes());
            let error = reply.clone().extract_error().expect_err("an error");
            assert!(std::error::Error::source(&command_error(&error)).is_some_and(|source| source.is::<RedisError>()));
            assert_eq!(command_error(&error), AdapterError::Backend(text.into()));
            assert_eq!(refusal(reply), Some(AdapterError::Backend(text.into())));
        }
    }
}
