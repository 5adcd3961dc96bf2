//! Base64 as in RFC 4648, section 4: the standard alphabet, with padding, and nothing else accepted.

use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What no digit stands for.
const NONE: u8 = 64;

/// What each byte of text stands for.
const DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut at = 0;
    while at < 64 {
        digits[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    digits
};

/// The text, as ASCII.
pub(super) fn encode(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.chunks(3).flat_map(|group| {
        let at = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        core::array::from_fn::<_, 4, _>(|digit| match digit <= group.len() {
            true => ALPHABET[(bits >> (18 - 6 * digit)) as usize & 63],
            false => b'=',
        })
    })
}

/// How many bytes a text stands for, if it stands for any.
pub(super) fn decoded_len(text: &str) -> usize {
    let padding = text.bytes().rev().take(2).take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

/// Appends the bytes; whether the text is the encoding of any.
pub(crate) fn decode(text: &str, out: &mut Vec<u8>) -> bool {
    let mut groups = text.as_bytes().chunks(4).peekable();
    while let Some(group) = groups.next() {
        let padding = match group {
            [.., b'=', b'='] => 2,
            [.., b'='] => 1,
            _ => 0,
        };
        if group.len() < 4 || (padding > 0 && groups.peek().is_some()) {
            return false;
        }
        let mut bits = 0;
        for digit in &group[..4 - padding] {
            let digit = DIGITS[usize::from(*digit)];
            if digit == NONE {
                return false;
            }
            bits = bits << 6 | u32::from(digit);
        }
        bits <<= 6 * padding;
        let [_, whole @ ..] = bits.to_be_bytes();
        let (kept, lost) = whole.split_at(3 - padding);
        if lost.iter().any(|byte| *byte != 0) {
            return false;
        }
        out.extend_from_slice(kept);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert!(encode(bytes.as_bytes()).eq(text.bytes()));
            let mut decoded = Vec::new();
            assert!(decode(text, &mut decoded));
            assert_eq!((&decoded[..], decoded.len()), (bytes.as_bytes(), decoded_len(text)));
        }
        assert!(encode(&[0xfb, 0xff, 0xfe]).eq(*b"+//+"));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm 9", "Zm_v", "Zö9"] {
            assert!(!decode(text, &mut Vec::new()), "{text}");
        }
    }
}
