//! The hash slots of Redis Cluster: which slot a key or a sharded channel is in, and which server has it.
//!
//! Knows the published algorithm and the reply to `CLUSTER SLOTS`; opens no connection.

use redis::Value;

/// How many slots there are.
pub(super) const SLOTS: usize = 16384;

/// The slot of a key: CRC-16 (XMODEM) of what stands between the first `{` and the next `}`, or of all of it.
pub(super) fn slot(key: &str) -> u16 {
    let tagged = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(tagged.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS as u16
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(*byte) << 8),
            |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 },
        )
    })
}

/// A range of slots, the address of the master that has it, and those of its replicas.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) replicas: Vec<(String, u16)>,
}

/// Reads the reply to `CLUSTER SLOTS`. `asked` is the host that was asked: a server may not know its own host.
pub(super) fn ranges(reply: &Value, asked: &str) -> Vec<Range> {
    let Value::Array(rows) = reply else { return Vec::new() };
    rows.iter().filter_map(|row| range(row, asked)).collect()
}

fn range(row: &Value, asked: &str) -> Option<Range> {
    let Value::Array(row) = row else { return None };
    let [Value::Int(first), Value::Int(last), master, replicas @ ..] = &row[..] else { return None };
    let (host, port) = server(master, asked)?;
    let replicas = replicas.iter().filter_map(|replica| server(replica, asked)).collect();
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    let fits = first <= last && usize::from(last) < SLOTS;
    Some(Range { first, last, host, port, replicas }).filter(|_| fits)
}

fn server(row: &Value, asked: &str) -> Option<(String, u16)> {
    let Value::Array(row) = row else { return None };
    let [host, Value::Int(port), ..] = &row[..] else { return None };
    let host = match host {
        Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
        Value::SimpleString(host) => host.clone(),
        _ => String::new(),
    };
    let host = if host.is_empty() || host == "?" { asked.to_owned() } else { host };
    Some((host, u16::try_from(*port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // As CLUSTER KEYSLOT answers.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot("foo"), 12182);
        assert_eq!(slot("a{foo}b"), 12182);
        assert_eq!(slot("a{}foo"), crc16(b"a{}foo") % 16384);
    }

    #[test]
    fn ranges_are_read_and_malformed_rows_are_skipped() {
        let node = |host: &str, port| Value::Array(vec![Value::BulkString(host.into()), Value::Int(port)]);
        let row = |first, last, host: &str, port| {
            Value::Array(vec![Value::Int(first), Value::Int(last), node(host, port), node("r", 9), Value::Nil])
        };
        let reply = Value::Array(vec![
            row(0, 5, "h", 1),
            row(6, 7, "", 2),
            row(9, 8, "h", 3),
            row(0, 99999, "h", 4),
            Value::Nil,
        ]);
        let read = ranges(&reply, "asked");
        assert_eq!(read.len(), 2);
        let replicas = vec![("r".into(), 9)];
        assert_eq!(read[1], Range { first: 6, last: 7, host: "asked".into(), port: 2, replicas });
    }
}
