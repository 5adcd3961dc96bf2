//! Fingerprints: 64 bits that change when the meaning of an event's bytes does.
//!
//! Owns how types are hashed at compile time. It reads types, never values.
//!
//! A fingerprint is the 64-bit FNV-1a hash of the following bytes. This will not change. `→ T` is the fingerprint of `T`, numbers have
//! 8 bytes, both big-endian:
//!
//! | type | text |
//! | --- | --- |
//! | numbers, `bool`, `char`, `Duration`, `SystemTime`, IP addresses, `String`, `Bytes` | the type's name: `u8`, `Timestamp` for `SystemTime` |
//! | `[T; N]` | `[`, → T, N |
//! | `Vec<T>`, sets, `Option<T>`, `NonZero<T>` | `Vec`, `Set`, `Option` or `NonZero`, → T |
//! | maps | `Map`, → K, → V |
//! | tuples and structs | `(`, → of each part |
//! | enums | `enum`, then of each variant, in the order of their tags: its tag, → of its fields as a tuple |
//! | quantised floats | `quantised`, → of the float, → of the integer, the bits of min and of max |
//! | other types with the encoding of one of these: `Box<T>`, `Arc<str>`, `VecDeque<T>` | as that one |
//! | `Result<T, E>` | as an enum with the variants `Ok(T)`, tag 0, and `Err(E)`, tag 1 |
//! | a struct or enum inside 16 others | `…`: types may contain themselves |
//!
//! An event is a struct, followed by the version of each field that was added later than in version 1.
//!
//! A fingerprint of names has, besides, the name of each field before its → (`0` in tuples), and the
//! name of each variant after its tag. A name is its length, then its UTF-8.

use super::tuples::for_each_tuple;
use super::types::Layout;
use core::marker::PhantomData;

/// The two fingerprints of a type.
pub trait Print {
    /// Of the layout of the bytes.
    const LAYOUT: u64;
    /// Of the names of fields and variants as well.
    const NAMES: u64;
}

/// How many more levels of structs and enums are included.
pub trait Depth: 'static {
    /// The fingerprints of a struct or enum at this level.
    type Enter<T: Named>: Print;
}

/// No level: the end.
#[derive(Debug)]
pub struct End;

/// One level more than `D`.
#[derive(Debug)]
pub struct Deeper<D>(PhantomData<D>);

impl Depth for End {
    type Enter<T: Named> = TooDeep;
}

impl<D: Depth> Depth for Deeper<D> {
    type Enter<T: Named> = T::Parts<D>;
}

type Four<D> = Deeper<Deeper<Deeper<Deeper<D>>>>;

/// The depth for an event's fields: 16 levels of structs and enums.
pub type Top = Four<Four<Four<Four<End>>>>;

/// A hash that grows at compile time.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The hash of this text so far.
    #[must_use]
    pub const fn new(kind: &str) -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325).bytes(kind.as_bytes())
    }

    const fn bytes(mut self, bytes: &[u8]) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.0 = (self.0 ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        self
    }

    /// Followed by a number, or by the fingerprint of another type.
    #[must_use]
    pub const fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Followed by a name.
    #[must_use]
    pub const fn name(self, name: &str) -> Self {
        self.number(name.len() as u64).bytes(name.as_bytes())
    }

    /// The fingerprint.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The fingerprints of an event: of its layout, and of the names as well.
pub(crate) const fn of_event(layout: &Layout) -> (u64, u64) {
    let fields = layout.fields();
    let (mut of_layout, mut of_names) = (Fingerprint::new("("), Fingerprint::new("("));
    let mut at = 0;
    while at < fields.len() {
        let field = &fields[at];
        of_layout = of_layout.number(field.layout_fingerprint());
        of_names = of_names.name(field.name()).number(field.names_fingerprint());
        at += 1;
    }
    at = 0;
    while at < fields.len() {
        let since = fields[at].since() as u64;
        if since > 1 {
            (of_layout, of_names) = (of_layout.number(since), of_names.number(since));
        }
        at += 1;
    }
    (of_layout.get(), of_names.get())
}

/// A type without parts.
macro_rules! leaves {
    ($($leaf:ident = $kind:literal,)*) => { $(
        #[derive(Debug)]
        pub struct $leaf;

        impl Print for $leaf {
            const LAYOUT: u64 = Fingerprint::new($kind).get();
            const NAMES: u64 = Self::LAYOUT;
        }
    )* };
}

leaves! {
    U8 = "u8",
    I8 = "i8",
    U16 = "u16",
    I16 = "i16",
    U32 = "u32",
    I32 = "i32",
    U64 = "u64",
    I64 = "i64",
    U128 = "u128",
    I128 = "i128",
    F32 = "f32",
    F64 = "f64",
    Bool = "bool",
    Char = "char",
    Duration = "Duration",
    Ipv4 = "Ipv4Addr",
    Ipv6 = "Ipv6Addr",
    Ip = "IpAddr",
    Text = "String",
    Blob = "Bytes",
    TooDeep = "…",
}

#[cfg(feature = "std")]
leaves! {
    Timestamp = "Timestamp",
}

/// A type with one or two types in it.
macro_rules! wrappers {
    ($($wrapper:ident<$($part:ident),+> = $kind:literal,)*) => { $(
        #[derive(Debug)]
        pub struct $wrapper<$($part),+>(PhantomData<($($part,)+)>);

        impl<$($part: Print),+> Print for $wrapper<$($part),+> {
            const LAYOUT: u64 = Fingerprint::new($kind)$(.number($part::LAYOUT))+.get();
            const NAMES: u64 = Fingerprint::new($kind)$(.number($part::NAMES))+.get();
        }
    )* };
}

wrappers! {
    List<T> = "Vec",
    Set<T> = "Set",
    Optional<T> = "Option",
    NonZero<T> = "NonZero",
    Map<K, V> = "Map",
}

/// `[T; N]`.
#[derive(Debug)]
pub struct Array<T, const N: usize>(PhantomData<T>);

impl<T: Print, const N: usize> Print for Array<T, N> {
    const LAYOUT: u64 = Fingerprint::new("[").number(T::LAYOUT).number(N as u64).get();
    const NAMES: u64 = Fingerprint::new("[").number(T::NAMES).number(N as u64).get();
}

/// A tuple of the types whose fingerprints are in a tuple.
macro_rules! tuples {
    ($($name:literal $part:ident)*) => {
        impl<$($part: Print),*> Print for ($($part,)*) {
            const LAYOUT: u64 = Fingerprint::new("(")$(.number($part::LAYOUT))*.get();
            const NAMES: u64 = Fingerprint::new("(")$(.name($name).number($part::NAMES))*.get();
        }
    };
}

for_each_tuple!(tuples);

/// A struct or an enum.
pub trait Named {
    /// The fingerprints, with the parts to the depth `D`; always [`NamedPrint`].
    type Parts<D: Depth>: Print;
}

/// A struct or an enum, as the derive has described it to a depth.
pub trait Described<D: Depth> {
    /// [`Print::LAYOUT`], with the parts to the depth `D`.
    const LAYOUT: u64;
    /// [`Print::NAMES`], with the parts to the depth `D`.
    const NAMES: u64;
}

/// The fingerprints of a struct or an enum.
#[derive(Debug)]
pub struct NamedPrint<T, D>(PhantomData<(T, D)>);

impl<T: Described<D>, D: Depth> Print for NamedPrint<T, D> {
    const LAYOUT: u64 = T::LAYOUT;
    const NAMES: u64 = T::NAMES;
}
