//! Base64 as in RFC 4648, section 4: the standard alphabet, with padding, and nothing else accepted.

use alloc::vec::Vec;
use data_encoding::{BASE64, BASE64_NOPAD};

/// Appends the text, as ASCII.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + BASE64.encode_len(bytes.len()), 0);
    BASE64.encode_mut(bytes, &mut out[start..]);
}

/// The digits of a text without its padding, and how many bytes they stand for, if they stand for any. Padding can be nowhere
/// else then, which [`BASE64`] would take as the end of one of several texts.
fn digits(text: &str) -> Option<(&[u8], usize)> {
    let padding = text.bytes().rev().take(2).take_while(|byte| *byte == b'=').count();
    let digits = &text.as_bytes()[..text.len() - padding];
    let len = BASE64_NOPAD.decode_len(digits.len()).ok()?;
    text.len().is_multiple_of(4).then_some((digits, len))
}

/// How many bytes a text stands for, if it stands for any.
pub(super) fn decoded_len(text: &str) -> usize {
    digits(text).map_or(0, |(_, len)| len)
}

/// Appends the bytes; whether the text is the encoding of any.
pub(super) fn decode(text: &str, out: &mut Vec<u8>) -> bool {
    let Some((digits, len)) = digits(text) else { return false };
    let start = out.len();
    out.resize(start + len, 0);
    BASE64_NOPAD.decode_mut(digits, &mut out[start..]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        encode(bytes, &mut text);
        text
    }

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
            assert_eq!(encoded(bytes.as_bytes()), text.as_bytes());
            let mut decoded = Vec::new();
            assert!(decode(text, &mut decoded));
            assert_eq!((&decoded[..], decoded.len()), (bytes.as_bytes(), decoded_len(text)));
        }
        assert_eq!(encoded(&[0xfb, 0xff, 0xfe]), b"+//+");
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm 9", "Zm_v", "Zö9"] {
            assert!(!decode(text, &mut Vec::new()), "{text}");
        }
    }
}
