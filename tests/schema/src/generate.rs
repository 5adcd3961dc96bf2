//! Valid messages, made from the description of an event and a source of choices.

use painda_runtime::EventDescriptor;
use painda_runtime::codec::{Field, Layout, Special, WireType, write_count};

/// Where the choices come from: the bytes of a property test, or a random generator.
pub trait Source {
    /// The next choice.
    fn next(&mut self) -> u8;

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        let wide = usize::from(self.next()) | usize::from(self.next()) << 8;
        wide % end
    }
}

/// The bytes of a property test; zeros behind their end, which make the smallest values.
impl Source for std::slice::Iter<'_, u8> {
    fn next(&mut self) -> u8 {
        Iterator::next(self).copied().unwrap_or(0)
    }
}

/// SplitMix64: all that a fuzzer needs of a random generator.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Source for Random {
    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()[0]
    }
}

/// A message of this event, of its newest version or an older one.
pub fn message(event: &EventDescriptor, source: &mut impl Source) -> Vec<u8> {
    let mut versions: Vec<_> = event.fields().iter().map(Field::since).collect();
    versions.dedup();
    let version = if versions.is_empty() { 1 } else { versions[source.below(versions.len())] };
    let mut out = Vec::new();
    for field in event.fields().iter().filter(|field| field.since() <= version) {
        value(field.ty(), source, 12, &mut out);
    }
    out
}

fn fields(layout: &Layout, source: &mut impl Source, depth: usize, out: &mut Vec<u8>) {
    for field in layout.fields() {
        value(field.ty(), source, depth, out);
    }
}

/// A count of items: mostly few, none where the value is nested deep enough.
fn count(source: &mut impl Source, depth: usize) -> usize {
    match (depth, source.next()) {
        (0, _) => 0,
        (_, choice @ 0..250) => usize::from(choice % 4),
        (1..=10, _) => 4,
        (_, choice) => usize::from(choice),
    }
}

fn value(ty: &WireType, source: &mut impl Source, depth: usize, out: &mut Vec<u8>) {
    let inner = depth.saturating_sub(1);
    match ty {
        WireType::Number(number) => out.extend((0..number.size()).map(|_| source.next())),
        WireType::Quantised(quantisation) => out.extend((0..quantisation.number.size()).map(|_| source.next())),
        WireType::NonZero(number) => {
            let start = out.len();
            out.extend((0..number.size()).map(|_| source.next() % 3));
            if out[start..].iter().all(|byte| *byte == 0) {
                out[start] = 0xff;
            }
        }
        WireType::Special(special) => self::special(*special, source, out),
        WireType::Bool => out.push(source.next() & 1),
        WireType::String => {
            const TEXTS: [&str; 8] = ["", "a", "b", "aa", "NaN", "ö", "日本", "\0\"\\"];
            let text = TEXTS[source.below(TEXTS.len())].repeat(1 + source.below(40) / 39 * 50);
            write_count(text.len(), out);
            out.extend(text.as_bytes());
        }
        WireType::Bytes => {
            let count = count(source, 12);
            write_count(count, out);
            out.extend((0..count).map(|_| source.next()));
        }
        WireType::Array { item, len } => (0..*len).for_each(|_| value(item.get(), source, inner, out)),
        WireType::Tuple(parts) => parts.iter().for_each(|part| value(part.get(), source, inner, out)),
        WireType::List(item) => {
            let count = count(source, depth);
            write_count(count, out);
            (0..count).for_each(|_| value(item.get(), source, inner, out));
        }
        WireType::Set(item) => entries(item.get(), None, source, depth, out),
        WireType::Map { key, value } => entries(key.get(), Some(value.get()), source, depth, out),
        WireType::Option(some) => match depth > 0 && source.next() & 1 == 1 {
            true => {
                out.push(1);
                value(some.get(), source, inner, out);
            }
            false => out.push(0),
        },
        WireType::Struct(ty) => fields(ty.layout(), source, inner, out),
        WireType::Enum(ty) => {
            // The first variant ends it, where it gets too deep.
            let at = if depth == 0 { 0 } else { source.below(ty.variants().len()) };
            let variant = &ty.variants()[at];
            out.push(variant.tag());
            fields(variant.layout(), source, inner, out);
        }
        other => panic!("{other} is new"),
    }
}

fn entries(key: &WireType, ty: Option<&WireType>, source: &mut impl Source, depth: usize, out: &mut Vec<u8>) {
    let inner = depth.saturating_sub(1);
    let mut keys: Vec<_> = (0..count(source, depth))
        .map(|_| {
            let mut bytes = Vec::new();
            value(key, source, inner, &mut bytes);
            bytes
        })
        .collect();
    keys.sort();
    keys.dedup();
    write_count(keys.len(), out);
    for key in keys {
        out.extend(key);
        if let Some(ty) = ty {
            value(ty, source, inner, out);
        }
    }
}

fn special(ty: Special, source: &mut impl Source, out: &mut Vec<u8>) {
    match ty {
        Special::Char => {
            const LETTERS: [char; 8] = ['\0', 'a', '"', 'ö', '\u{d7ff}', '\u{e000}', '🦀', char::MAX];
            out.extend(u32::from(LETTERS[source.below(LETTERS.len())]).to_be_bytes());
        }
        Special::Duration => {
            const SECONDS: [u64; 6] = [0, 1, 59, 999_999, 1_000_000, u64::MAX];
            out.extend(SECONDS[source.below(SECONDS.len())].to_be_bytes());
            nanos(source, out);
        }
        Special::Timestamp => {
            // The ends of the range, and of the years of four digits.
            const SECONDS: [i64; 8] = [
                0,
                -1,
                1_764_073_800,
                -8_640_000_000_000,
                8_639_999_999_999,
                -62_167_219_201,
                253_402_300_799,
                253_402_300_800,
            ];
            out.extend(SECONDS[source.below(SECONDS.len())].to_be_bytes());
            nanos(source, out);
        }
        Special::Ipv4 => out.extend((0..4).map(|_| source.next())),
        Special::Ipv6 => {
            let zeros = source.below(17);
            out.extend((0..16).map(|at| if at < zeros { 0 } else { source.next() / 16 * 17 }));
        }
        Special::Ip => {
            let (version, ty) = if source.next() & 1 == 0 { (4, Special::Ipv4) } else { (6, Special::Ipv6) };
            out.push(version);
            special(ty, source, out);
        }
        other => panic!("{other:?} is new"),
    }
}

fn nanos(source: &mut impl Source, out: &mut Vec<u8>) {
    const NANOS: [u32; 6] = [0, 1, 1_000_000, 500_000_000, 123_456_000, 999_999_999];
    out.extend(NANOS[source.below(NANOS.len())].to_be_bytes());
}
