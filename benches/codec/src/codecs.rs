//! Those who are compared, each used as its documentation says: into a buffer that is reused, and back into an owned value.

use painda_runtime::PPEvent;
use serde::{Serialize, de::DeserializeOwned};

/// Something that turns a `T` into bytes and back.
pub(crate) trait Codec<T> {
    const NAME: &'static str;

    /// Replaces what is in `out`.
    fn encode(value: &T, out: &mut Vec<u8>);

    /// Of bytes that are right.
    fn decode(bytes: &[u8]) -> T;
}

pub(crate) struct Painda;
pub(crate) struct Prost;
pub(crate) struct Postcard;
pub(crate) struct Bitcode;
pub(crate) struct Wincode;
pub(crate) struct Rkyv;
pub(crate) struct Borsh;
pub(crate) struct MessagePack;
pub(crate) struct Json;

const OWN: &str = "its own bytes are right";

impl<T: PPEvent> Codec<T> for Painda {
    const NAME: &'static str = "painda";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        value.encode(out);
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        T::decode(bytes).expect(OWN)
    }
}

impl<T: prost::Message + Default> Codec<T> for Prost {
    const NAME: &'static str = "prost";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        value.encode(out).expect("a Vec grows");
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        T::decode(bytes).expect(OWN)
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    const NAME: &'static str = "postcard";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        postcard::to_io(value, out).expect("a Vec grows");
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        postcard::from_bytes(bytes).expect(OWN)
    }
}

impl<T: bitcode::Encode + bitcode::DecodeOwned> Codec<T> for Bitcode {
    const NAME: &'static str = "bitcode";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&bitcode::encode(value));
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        bitcode::decode(bytes).expect(OWN)
    }
}

impl<T> Codec<T> for Wincode
where
    T: wincode::SchemaWrite<wincode::config::DefaultConfig, Src = T>,
    T: for<'de> wincode::SchemaRead<'de, wincode::config::DefaultConfig, Dst = T>,
{
    const NAME: &'static str = "wincode";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        wincode::serialize_into(out, value).expect("a Vec grows");
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        wincode::deserialize(bytes).expect(OWN)
    }
}

impl<T> Codec<T> for Rkyv
where
    T: rkyv::Archive
        + for<'a> rkyv::Serialize<
            rkyv::api::high::HighSerializer<Vec<u8>, rkyv::ser::allocator::ArenaHandle<'a>, rkyv::rancor::Error>,
        >,
    T::Archived: rkyv::Deserialize<T, rkyv::api::high::HighDeserializer<rkyv::rancor::Error>>
        + for<'a> rkyv::bytecheck::CheckBytes<rkyv::api::high::HighValidator<'a, rkyv::rancor::Error>>,
{
    const NAME: &'static str = "rkyv";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        let mut buffer = std::mem::take(out);
        buffer.clear();
        *out = rkyv::api::high::to_bytes_in::<_, rkyv::rancor::Error>(value, buffer).expect("a Vec grows");
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        // What arrives from a network is not aligned.
        let mut aligned = rkyv::util::AlignedVec::<16>::with_capacity(bytes.len());
        aligned.extend_from_slice(bytes);
        rkyv::from_bytes::<T, rkyv::rancor::Error>(&aligned).expect(OWN)
    }
}

impl<T: borsh::BorshSerialize + borsh::BorshDeserialize> Codec<T> for Borsh {
    const NAME: &'static str = "borsh";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        borsh::to_writer(out, value).expect("a Vec grows");
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        borsh::from_slice(bytes).expect(OWN)
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for MessagePack {
    const NAME: &'static str = "rmp-serde";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        rmp_serde::encode::write(out, value).expect("a Vec grows");
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        rmp_serde::from_slice(bytes).expect(OWN)
    }
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    const NAME: &'static str = "serde_json";

    #[inline]
    fn encode(value: &T, out: &mut Vec<u8>) {
        out.clear();
        serde_json::to_writer(out, value).expect("a Vec grows");
    }

    #[inline]
    fn decode(bytes: &[u8]) -> T {
        serde_json::from_slice(bytes).expect(OWN)
    }
}
