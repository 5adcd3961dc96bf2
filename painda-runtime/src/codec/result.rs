//! Results, as an enum that is declared like `Result`: the same bytes, descriptions and fingerprints.

use super::error::DecodeError;
use super::fingerprint::{Depth, Described, Fingerprint, Named, NamedPrint, Print};
use super::generated::{in_variant, unknown_tag};
use super::reader::Reader;
use super::sink::Sink;
use super::types::{EnumType, Field, Layout, Shape, TypeRef, Variant, WireType};
use super::wire::Wire;

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    const TYPE: &'static WireType = &WireType::Enum(
        EnumType::new(
            "Result",
            "core::result::Result",
            &[
                Variant::new("Ok", 0, Layout::new(Shape::Tuple, &[Field::with_type("0", TypeRef::of::<T>())])),
                Variant::new("Err", 1, Layout::new(Shape::Tuple, &[Field::with_type("0", TypeRef::of::<E>())])),
            ],
        )
        .with_args(&[TypeRef::of::<T>(), TypeRef::of::<E>()]),
    );
    const FIXED_SIZE: Option<usize> = None;
    const MIN_SIZE: usize = 1;
    const PROBLEM: Option<&'static str> = match T::PROBLEM {
        None => E::PROBLEM,
        problem => problem,
    };
    type Print<D: Depth> = D::Enter<Self>;

    #[inline]
    fn size(&self) -> usize {
        1 + match self {
            Ok(value) => value.size(),
            Err(error) => error.size(),
        }
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        match self {
            Ok(value) => {
                out.put(&[0]);
                value.write(out);
            }
            Err(error) => {
                out.put(&[1]);
                error.write(out);
            }
        }
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.nested(|reader| match reader.tag()? {
            0 => in_variant(reader, "Ok", |reader| T::read_field(reader, "0").map(Ok)),
            1 => in_variant(reader, "Err", |reader| E::read_field(reader, "0").map(Err)),
            tag => Err(unknown_tag(reader, tag)),
        })
    }
}

impl<T: Wire, E: Wire> Named for Result<T, E> {
    type Parts<D: Depth> = NamedPrint<Self, D>;
}

impl<T: Wire, E: Wire, D: Depth> Described<D> for Result<T, E> {
    const LAYOUT: u64 = Fingerprint::new("enum")
        .number(0)
        .number(<(T::Print<D>,)>::LAYOUT)
        .number(1)
        .number(<(E::Print<D>,)>::LAYOUT)
        .get();
    const NAMES: u64 = Fingerprint::new("enum")
        .number(0)
        .name("Ok")
        .number(<(T::Print<D>,)>::NAMES)
        .number(1)
        .name("Err")
        .number(<(E::Print<D>,)>::NAMES)
        .get();
}
