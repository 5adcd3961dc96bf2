//! Whether a server is the master, and how many publishes it has taken since that was last confirmed. Those may be lost: a replica
//! takes publishes without an error and passes them on to its own subscribers only.
//!
//! Bookkeeping only: it asks nobody.

use redis::Value;

/// A server's role, as it tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    Replica,
    /// It does not tell.
    Unknown,
}

impl Role {
    /// Reads the reply to `HELLO`, which every user may send, unlike `ROLE` and `INFO`.
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

/// What this node knows of a server's mastership.
#[derive(Debug, Default)]
pub(super) struct Mastership {
    /// A server of a Redis Cluster takes only publishes of its own slots, so they count as confirmed unless it is suspected of being
    /// cut off from the others.
    in_cluster: bool,
    /// How many publishes were taken, ever.
    taken: u64,
    /// `taken` when it was last confirmed to be the master.
    confirmed: u64,
    /// `taken` when the sentinels last named it.
    named: u64,
    /// It does not tell its role.
    role_unknown: bool,
    /// It seems to be cut off from the rest of its Redis Cluster.
    suspected: bool,
}

impl Mastership {
    pub(super) fn new(in_cluster: bool) -> Self {
        Self { in_cluster, ..Self::default() }
    }

    /// A connection to a server begins, which is the master or does not tell.
    pub(super) fn begins(&mut self, role: Role) {
        self.role_unknown = role == Role::Unknown;
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

    /// It has told its role, after it took all that was counted.
    pub(super) fn answered(&mut self, role: Role) {
        self.role_unknown = role == Role::Unknown;
        if role == Role::Master {
            self.confirmed();
        }
    }

    /// It has taken a write, after it took all that was counted.
    pub(super) fn wrote(&mut self) {
        // If it tells its role, only that counts: there are replicas that take writes.
        if self.role_unknown {
            self.confirmed();
        }
    }

    /// The sentinels have named it, after it took so many.
    pub(super) fn named(&mut self, taken: u64) {
        self.named = self.named.max(taken);
    }

    /// It seems to be cut off from the rest of its Redis Cluster.
    pub(super) fn suspect(&mut self) {
        self.suspected = true;
    }

    fn confirmed(&mut self) {
        self.confirmed = self.taken;
        self.suspected = false;
    }

    fn forget(&mut self) {
        self.confirmed();
        self.named = self.taken;
    }

    /// It is given up, because it is not the master. Returns how many publishes may be lost.
    pub(super) fn given_up(&mut self) -> u64 {
        let lost = if self.suspected || !self.in_cluster { self.taken - self.confirmed } else { 0 };
        self.forget();
        lost
    }

    /// The same, because the sentinels name another server, whatever this one's role is.
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
    fn publishes_since_a_server_was_confirmed_as_master_may_be_lost() {
        let mut mastership = Mastership::new(false);
        mastership.took(5);
        mastership.answered(Role::Master);
        mastership.took(2);
        mastership.wrote();
        mastership.took(1);
        assert_eq!(
            mastership.given_up(),
            3,
            "a write proves nothing about a server that may be a replica which takes them"
        );
        assert_eq!(mastership.given_up(), 0, "counted once");
    }

    #[test]
    fn a_write_confirms_a_server_that_does_not_tell_its_role() {
        let mut mastership = Mastership::new(false);
        mastership.answered(Role::Unknown);
        mastership.took(2);
        mastership.wrote();
        mastership.took(1);
        assert_eq!(mastership.given_up(), 1);
    }

    #[test]
    fn publishes_since_the_sentinels_named_a_server_may_be_lost() {
        let mut mastership = Mastership::new(false);
        mastership.took(5);
        let asked = mastership.taken();
        mastership.took(2);
        mastership.named(asked);
        mastership.answered(Role::Master);
        mastership.named(0);
        assert_eq!(mastership.replaced(), 2, "whatever its role is");
        mastership.took(1);
        mastership.begins(Role::Master);
        assert_eq!((mastership.given_up(), mastership.replaced()), (0, 0), "that was another server");
    }

    #[test]
    fn publishes_to_a_server_of_a_redis_cluster_may_be_lost_only_if_it_is_suspected() {
        let mut mastership = Mastership::new(true);
        mastership.took(2);
        assert_eq!(mastership.given_up(), 0, "it had the slots, or had not taken it");
        mastership.took(2);
        mastership.suspect();
        mastership.took(1);
        assert_eq!(mastership.given_up(), 3);
    }
}
