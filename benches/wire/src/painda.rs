//! painda's bytes around a `player:move`: the frame that clients see and the message on Redis.

/// The type id of `player:move`.
pub const PLAYER_MOVE: u16 = 1;

const FRAME: usize = 16;

/// The client frame of a `player:move`.
#[must_use]
pub fn player_move(x: f32, y: f32) -> [u8; FRAME + 8] {
    let mut payload = [0; 8];
    payload[..4].copy_from_slice(&x.to_be_bytes());
    payload[4..].copy_from_slice(&y.to_be_bytes());
    frame(payload)
}

/// The client frame around the encoding of a `player:move`.
#[must_use]
pub fn frame(payload: [u8; 8]) -> [u8; FRAME + 8] {
    let mut frame = [0; FRAME + 8];
    frame[..4].copy_from_slice(b"PPND");
    frame[5] = 2; // version
    frame[7] = 1 << 3; // the payload is schema-encoded, mode chat
    frame[11] = 8; // payload length
    frame[12..14].copy_from_slice(&PLAYER_MOVE.to_be_bytes());
    frame[FRAME..].copy_from_slice(&payload);
    frame
}

/// The client frame around JSON, or around JSON that was deflated.
#[must_use]
pub fn json_frame(payload: &[u8], deflated: bool) -> Vec<u8> {
    let mut frame = vec![0; FRAME];
    frame[..4].copy_from_slice(b"PPND");
    frame[5] = 2; // version
    frame[7] = u8::from(deflated) << 2;
    frame[8..12].copy_from_slice(&(payload.len() as u32).to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The position in a client frame, if it is a `player:move`.
#[must_use]
pub fn read_player_move(frame: &[u8]) -> Option<(f32, f32)> {
    let (head, body) = frame.split_first_chunk::<FRAME>()?;
    let (x, rest) = body.split_first_chunk::<4>()?;
    let (y, _) = rest.split_first_chunk::<4>()?;
    let is_move = head.starts_with(b"PPND") && head[12..14] == PLAYER_MOVE.to_be_bytes();
    is_move.then(|| (f32::from_be_bytes(*x), f32::from_be_bytes(*y)))
}

/// The message on Redis for a client frame with one event, in `out`.
pub fn push_envelope(out: &mut Vec<u8>, exclude: &[u8], frame: &[u8]) {
    out.push(exclude.len() as u8);
    out.extend_from_slice(exclude);
    out.extend_from_slice(&frame[12..14]);
    out.extend_from_slice(&frame[FRAME..]);
}

/// Who is excluded by a message on Redis, and its payload, if it is a `player:move`.
#[must_use]
pub fn split_envelope(bytes: &[u8]) -> Option<(&[u8], &[u8; 8])> {
    let (&length, rest) = bytes.split_first()?;
    let (exclude, rest) = rest.split_at_checked(usize::from(length))?;
    let (id, payload) = rest.split_first_chunk::<2>()?;
    (*id == PLAYER_MOVE.to_be_bytes()).then_some((exclude, payload.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the contract's own example.
    const EXAMPLE: &[u8] = b"PPND\0\x02\0\x08\0\0\0\x08\0\x01\0\0\x3f\xc0\0\0\x40\x20\0\0";

    #[test]
    fn the_frame_is_the_contracts() {
        assert_eq!(player_move(1.5, 2.5), EXAMPLE);
        assert_eq!(read_player_move(EXAMPLE), Some((1.5, 2.5)));
        assert_eq!(read_player_move(&EXAMPLE[..23]), None);
    }

    #[test]
    fn a_frame_with_json_has_no_type_id() {
        assert_eq!(json_frame(b"{}", true), b"PPND\0\x02\0\x04\0\0\0\x02\0\0\0\0{}");
    }

    #[test]
    fn the_envelope_is_the_contracts() {
        let mut out = Vec::new();
        push_envelope(&mut out, b"", EXAMPLE);
        assert_eq!(out, b"\0\0\x01\x3f\xc0\0\0\x40\x20\0\0");
        assert_eq!(split_envelope(&out), Some((&b""[..], b"\x3f\xc0\0\0\x40\x20\0\0")));
        out.clear();
        push_envelope(&mut out, b"0123456789abcdef", EXAMPLE);
        assert_eq!(out.len(), 27);
        assert_eq!(split_envelope(&out).expect("a move").0, b"0123456789abcdef");
    }
}
