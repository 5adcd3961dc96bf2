//! Fingerprints: stable for ever, and made as they are documented.

use painda_runtime::codec::{Field, Layout, Shape, WireType};
use painda_runtime::{EventDescriptor, PPEvent, PPType, Schema};
use painda_tests_schema::zoo::Zoo;
use std::cell::RefCell;
use std::collections::HashMap;

/// These have been calculated once, and must not change.
#[test]
fn fingerprints_are_stable() {
    let prints = Zoo::registry().events().iter();
    let prints: String = prints
        .map(|event| {
            let (layout, names) = (event.layout_fingerprint(), event.names_fingerprint());
            format!("{} {layout:016x} {names:016x}\n", event.name())
        })
        .collect();
    assert_eq!(prints, include_str!("fingerprints.txt"));
}

#[test]
fn they_are_made_as_they_are_documented() {
    for event in Zoo::registry().events() {
        for field in event.fields() {
            let name = format!("{}.{}", event.name(), field.name());
            assert_eq!(field.layout_fingerprint(), of_type(field.ty(), false, 16), "{name}");
            assert_eq!(field.names_fingerprint(), of_type(field.ty(), true, 16), "{name}");
        }
        assert_eq!(event.layout_fingerprint(), of_event(event, false), "{}", event.name());
        assert_eq!(event.names_fingerprint(), of_event(event, true), "{}", event.name());
    }
}

#[test]
fn a_change_shows() {
    #[derive(PPEvent)]
    #[pp(event = "moved", id = 1)]
    #[allow(dead_code)]
    struct Moved {
        x: f32,
        y: f32,
    }
    mod renamed {
        #[derive(painda_runtime::PPEvent)]
        #[pp(event = "renamed", id = 2)]
        #[allow(dead_code)]
        pub(super) struct Moved {
            x: f32,
            z: f32,
        }
    }
    mod grown {
        #[derive(painda_runtime::PPEvent)]
        #[pp(event = "grown", id = 3)]
        #[allow(dead_code)]
        pub(super) struct Moved {
            x: f32,
            #[pp(since = 2, default)]
            y: f32,
        }
    }
    #[derive(PPType)]
    #[allow(dead_code)]
    enum Kind {
        Tree,
        Rock(u8),
    }
    #[derive(PPEvent)]
    #[pp(event = "kind", id = 4)]
    #[allow(dead_code)]
    struct OfKind(Kind);
    mod reordered {
        #[derive(painda_runtime::PPType)]
        #[repr(u8)]
        #[allow(dead_code)]
        enum Kind {
            Rock(u8) = 1,
            Tree = 0,
        }
        #[derive(painda_runtime::PPEvent)]
        #[pp(event = "kind", id = 4)]
        #[allow(dead_code)]
        pub(super) struct OfKind(Kind);
    }
    const { assert!(OfKind::LAYOUT_FINGERPRINT == reordered::OfKind::LAYOUT_FINGERPRINT) }
    const { assert!(OfKind::NAMES_FINGERPRINT == reordered::OfKind::NAMES_FINGERPRINT) }
    const { assert!(Moved::LAYOUT_FINGERPRINT == renamed::Moved::LAYOUT_FINGERPRINT) }
    const { assert!(Moved::NAMES_FINGERPRINT != renamed::Moved::NAMES_FINGERPRINT) }
    const { assert!(Moved::LAYOUT_FINGERPRINT != grown::Moved::LAYOUT_FINGERPRINT) }
}

fn of_event(event: &EventDescriptor, names: bool) -> u64 {
    let mut text = fields(event.layout(), names, 16);
    for field in event.fields().iter().filter(|field| field.since() > 1) {
        text.extend(u64::from(field.since()).to_be_bytes());
    }
    fnv1a(&text)
}

fn fnv1a(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn name(text: &mut Vec<u8>, name: &str) {
    text.extend((name.len() as u64).to_be_bytes());
    text.extend(name.as_bytes());
}

fn fields(layout: &Layout, names: bool, depth: usize) -> Vec<u8> {
    let mut text = b"(".to_vec();
    for field in layout.fields() {
        if names {
            name(&mut text, field.name());
        }
        text.extend(of_type(field.ty(), names, depth).to_be_bytes());
    }
    text
}

thread_local! {
    /// A type that contains itself twice has very many ways through it.
    static SEEN: RefCell<HashMap<(String, bool, usize), u64>> = RefCell::default();
}

fn of_type(ty: &WireType, names: bool, depth: usize) -> u64 {
    let key = (format!("{ty:#}"), names, depth);
    if let Some(seen) = SEEN.with_borrow(|seen| seen.get(&key).copied()) {
        return seen;
    }
    let print = calculate(ty, names, depth);
    SEEN.with_borrow_mut(|seen| seen.insert(key, print));
    print
}

fn calculate(ty: &WireType, names: bool, depth: usize) -> u64 {
    let of = |ty: &WireType| of_type(ty, names, depth).to_be_bytes();
    let with = |kind: &str, parts: &[&[u8]]| [kind.as_bytes(), &parts.concat()].concat();
    fnv1a(&match ty {
        WireType::Number(number) => with(number.name(), &[]),
        WireType::NonZero(number) => with("NonZero", &[&of(&WireType::Number(*number))]),
        WireType::Special(special) => with(special.name(), &[]),
        WireType::Bool => with("bool", &[]),
        WireType::String => with("String", &[]),
        WireType::Bytes => with("Bytes", &[]),
        WireType::Array { item, len } => with("[", &[&of(item.get()), &(*len as u64).to_be_bytes()]),
        WireType::List(item) => with("Vec", &[&of(item.get())]),
        WireType::Set(item) => with("Set", &[&of(item.get())]),
        WireType::Option(some) => with("Option", &[&of(some.get())]),
        WireType::Map { key, value } => with("Map", &[&of(key.get()), &of(value.get())]),
        WireType::Tuple(parts) => {
            const POSITIONS: [&str; 3] = ["0", "1", "2"];
            let parts = parts.iter().zip(POSITIONS);
            let parts: Vec<_> = parts.map(|(part, position)| Field::with_type(position, *part)).collect();
            fields(&Layout::new(Shape::Tuple, parts.leak()), names, depth)
        }
        WireType::Quantised(q) => {
            let numbers = [q.float, q.number].map(|number| of_type(&WireType::Number(number), names, depth));
            let bits = [numbers[0], numbers[1], q.min.to_bits(), q.max.to_bits()];
            with("quantised", &[&bits.map(u64::to_be_bytes).concat()])
        }
        WireType::Struct(_) | WireType::Enum(_) if depth == 0 => "…".into(),
        WireType::Struct(ty) => fields(ty.layout(), names, depth - 1),
        WireType::Enum(ty) => {
            let mut text = b"enum".to_vec();
            let mut variants: Vec<_> = ty.variants().iter().collect();
            variants.sort_by_key(|variant| variant.tag());
            for variant in variants {
                text.extend(u64::from(variant.tag()).to_be_bytes());
                if names {
                    name(&mut text, variant.name());
                }
                text.extend(fnv1a(&fields(variant.layout(), names, depth - 1)).to_be_bytes());
            }
            text
        }
        other => panic!("{other} is new"),
    })
}
