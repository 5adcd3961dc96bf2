//! Whether a server is the master, and how much it took since it was last known to be: of that, nobody knows whether anybody
//! else has got it, because a replica takes publishes without an error and passes them on to its own subscribers only.
//!
//! Bookkeeping alone: asks nobody.

use redis::Value;

/// What a server says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    Replica,
    /// It does not say.
    Unknown,
}

impl Role {
    /// Reads the reply to `HELLO`, which every user may ask for, as opposed to `ROLE` and `INFO`.
    pub(super) fn read(reply: &Value) -> Self {
        let Value::Map(fields) = reply else { return Self::Unknown };
        let text = |value: &Value| match value {
            Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::SimpleString(text) => text.clone(),
            _ => String::new(),
        };
        let role = fields.iter().find(|(name, _)| text(name) == "role").map(|(_, role)| text(role));
        match role.as_deref() {
            Some("master") => Self::Master,
            Some("replica" | "slave") => Self::Replica,
            _ => Self::Unknown,
        }
    }
}

/// Reads the reply to `CLUSTER INFO`: is the cluster up, as this server sees it? `None` where it does not say.
pub(super) fn cluster_is_up(reply: &Value) -> Option<bool> {
    let text = match reply {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => text,
        _ => return None,
    };
    text.lines().find_map(|line| Some(line.strip_prefix("cluster_state:")? == "ok"))
}

/// A server's standing, as this node knows it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// A cluster's server takes only what it has the slot of, so it is the right one, unless it is cut off from the others.
    in_cluster: bool,
    /// How many publishes were taken, ever.
    taken: u64,
    /// How many of them when it was last known to be the master.
    proved: u64,
    /// How many of them when the sentinels last named it.
    named: u64,
    silent: bool,
    doubted: bool,
}

impl Standing {
    pub(super) fn new(in_cluster: bool) -> Self {
        Self { in_cluster, ..Self::default() }
    }

    /// It is another server now, which is the master or does not say.
    pub(super) fn begins(&mut self, role: Role) {
        self.silent = role == Role::Unknown;
        self.forget();
    }

    /// It has taken publishes.
    pub(super) fn took(&mut self, publishes: u64) {
        self.taken += publishes;
    }

    /// How many it took so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// It has said what it is, after it took all that was counted.
    pub(super) fn said(&mut self, role: Role) {
        self.silent = role == Role::Unknown;
        if role == Role::Master {
            self.proved();
        }
    }

    /// It has taken a write, after it took all that was counted.
    pub(super) fn wrote(&mut self) {
        // Of one that says what it is, that is believed: there are replicas that take writes.
        if self.silent {
            self.proved();
        }
    }

    /// The sentinels have named it, after it took so many.
    pub(super) fn named(&mut self, taken: u64) {
        self.named = self.named.max(taken);
    }

    /// It seems to be cut off from the rest of its cluster.
    pub(super) fn doubted(&mut self) {
        self.doubted = true;
    }

    fn proved(&mut self) {
        self.proved = self.taken;
        self.doubted = false;
    }

    fn forget(&mut self) {
        self.proved();
        self.named = self.taken;
    }

    /// It is given up, because it is not the master. Returns how much of what it took may be lost.
    pub(super) fn given_up(&mut self) -> u64 {
        let lost = if self.doubted || !self.in_cluster { self.taken - self.proved } else { 0 };
        self.forget();
        lost
    }

    /// The same, because the sentinels name another one, whatever it says itself.
    pub(super) fn replaced(&mut self) -> u64 {
        let lost = self.taken - self.named;
        self.forget();
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &str) -> Value {
        redis::parse_redis_value(bytes.as_bytes()).expect("a value")
    }

    #[test]
    fn roles_are_read() {
        let hello =
            |role: &str| format!("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$4\r\nrole\r\n${}\r\n{role}\r\n", role.len());
        assert_eq!(Role::read(&parse(&hello("master"))), Role::Master);
        assert_eq!(Role::read(&parse(&hello("replica"))), Role::Replica);
        assert_eq!(Role::read(&parse("%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n")), Role::Unknown);
        assert_eq!(Role::read(&parse("-ERR unknown command\r\n")), Role::Unknown);
        let info = |state: &str| {
            let text = format!("txt:cluster_enabled:1\r\ncluster_state:{state}\r\n");
            format!("={}\r\n{text}\r\n", text.len())
        };
        assert_eq!(cluster_is_up(&parse(&info("ok"))), Some(true));
        assert_eq!(cluster_is_up(&parse(&info("fail"))), Some(false));
        assert_eq!(cluster_is_up(&parse("-NOPERM\r\n")), None);
    }

    #[test]
    fn what_a_server_took_since_it_was_the_master_may_be_lost() {
        let mut standing = Standing::new(false);
        standing.took(5);
        standing.said(Role::Master);
        standing.took(2);
        standing.wrote();
        standing.took(1);
        assert_eq!(
            standing.given_up(),
            3,
            "a write proves nothing about a server that may be a replica which takes them"
        );
        assert_eq!(standing.given_up(), 0, "counted once");
    }

    #[test]
    fn a_write_stands_for_a_role_that_is_not_said() {
        let mut standing = Standing::new(false);
        standing.said(Role::Unknown);
        standing.took(2);
        standing.wrote();
        standing.took(1);
        assert_eq!(standing.given_up(), 1);
    }

    #[test]
    fn what_a_server_took_since_the_sentinels_named_it_may_be_lost() {
        let mut standing = Standing::new(false);
        standing.took(5);
        let asked = standing.taken();
        standing.took(2);
        standing.named(asked);
        standing.said(Role::Master);
        standing.named(0);
        assert_eq!(standing.replaced(), 2, "whatever it says itself");
        standing.took(1);
        standing.begins(Role::Master);
        assert_eq!((standing.given_up(), standing.replaced()), (0, 0), "that was another server");
    }

    #[test]
    fn a_server_of_a_cluster_is_doubted_first() {
        let mut standing = Standing::new(true);
        standing.took(2);
        assert_eq!(standing.given_up(), 0, "it had the slots, or had not taken it");
        standing.took(2);
        standing.doubted();
        standing.took(1);
        assert_eq!(standing.given_up(), 3);
    }
}
