//! Enough of Redis' protocol to publish, to subscribe and to read figures.

use std::io;

/// One value that Redis sent.
#[derive(Debug, PartialEq)]
pub enum Value<'a> {
    /// A simple or bulk string.
    Text(&'a [u8]),
    /// A number.
    Number(i64),
    /// Nothing.
    Nil,
    /// Several values.
    Array(Vec<Value<'a>>),
}

/// Adds a command to `out`.
pub fn push_command(out: &mut Vec<u8>, parts: &[&[u8]]) {
    push_number(out, b'*', parts.len());
    for part in parts {
        push_number(out, b'$', part.len());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}

fn push_number(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    out.extend_from_slice(number.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The value at the front of `buffer` and its length in bytes, if all of it is there.
///
/// # Errors
/// What is no RESP, and Redis' own errors.
pub fn parse(buffer: &[u8]) -> io::Result<Option<(Value<'_>, usize)>> {
    let Some(line_end) = buffer.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
    let (kind, line, mut used) = (buffer[0], &buffer[1..line_end], line_end + 2);
    let value = match kind {
        b'+' => Value::Text(line),
        b'-' => return Err(io::Error::other(format!("Redis: {}", String::from_utf8_lossy(line)))),
        b':' => Value::Number(number(line)?),
        b'$' => match usize::try_from(number(line)?) {
            Err(_) => Value::Nil,
            Ok(length) => {
                let Some(text) = buffer.get(used..used + length + 2) else { return Ok(None) };
                used += length + 2;
                Value::Text(&text[..length])
            }
        },
        b'*' => match usize::try_from(number(line)?) {
            Err(_) => Value::Nil,
            Ok(count) => {
                let mut values = Vec::with_capacity(count.min(16));
                for _ in 0..count {
                    let Some((value, length)) = parse(&buffer[used..])? else { return Ok(None) };
                    values.push(value);
                    used += length;
                }
                Value::Array(values)
            }
        },
        _ => return Err(io::Error::other("that is no answer of Redis")),
    };
    Ok(Some((value, used)))
}

fn number(line: &[u8]) -> io::Result<i64> {
    let text = std::str::from_utf8(line).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| io::Error::other("Redis: not a number"))
}

/// The channel and content of a pub/sub message, whether it was subscribed to by name or by pattern.
#[must_use]
pub fn message<'a>(value: &Value<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let Value::Array(parts) = value else { return None };
    match parts.as_slice() {
        [Value::Text(b"message"), Value::Text(channel), Value::Text(content)] => Some((channel, content)),
        [Value::Text(b"pmessage"), _, Value::Text(channel), Value::Text(content)] => Some((channel, content)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_arrays_of_strings() {
        let mut out = Vec::new();
        push_command(&mut out, &[b"PUBLISH", b"a", b"\r\n"]);
        assert_eq!(out, b"*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$2\r\n\r\n\r\n");
    }

    #[test]
    fn values_are_read_once_they_are_whole() {
        let bytes = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n\r\n\r\n\r\n:5\r\n";
        for cut in 0..bytes.len() - 4 {
            assert_eq!(parse(&bytes[..cut]).expect("RESP"), None, "cut at {cut}");
        }
        let (value, used) = parse(bytes).expect("RESP").expect("whole");
        assert_eq!(message(&value), Some((&b"c"[..], &b"\r\n\r\n"[..])));
        assert_eq!(parse(&bytes[used..]).expect("RESP"), Some((Value::Number(5), 4)));
        assert_eq!(parse(b"$-1\r\n").expect("RESP"), Some((Value::Nil, 5)));
        assert!(parse(b"-ERR no\r\n").is_err());
    }
}
