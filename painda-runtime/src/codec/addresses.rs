//! IP addresses: their bytes; behind the version, where it may be either.

use super::error::{DecodeError, Reason};
use super::fingerprint::{self, Depth};
use super::reader::Reader;
use super::sink::Sink;
use super::types::{Special, WireType};
use super::wire::Wire;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

macro_rules! addresses {
    ($($address:ty = $special:ident, $size:literal;)*) => { $(
        impl Wire for $address {
            const TYPE: &'static WireType = &WireType::Special(Special::$special);
            const FIXED_SIZE: Option<usize> = Some($size);
            const MIN_SIZE: usize = $size;
            type Print<D: Depth> = fingerprint::$special;

            #[inline]
            fn size(&self) -> usize {
                $size
            }

            #[inline]
            fn write<S: Sink>(&self, out: &mut S) {
                out.put(&self.octets());
            }

            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from(*reader.array::<$size>()?))
            }
        }
    )* };
}

addresses! {
    Ipv4Addr = Ipv4, 4;
    Ipv6Addr = Ipv6, 16;
}

impl Wire for IpAddr {
    const TYPE: &'static WireType = &WireType::Special(Special::Ip);
    const FIXED_SIZE: Option<usize> = None;
    const MIN_SIZE: usize = 5;
    type Print<D: Depth> = fingerprint::Ip;

    #[inline]
    fn size(&self) -> usize {
        match self {
            IpAddr::V4(_) => 5,
            IpAddr::V6(_) => 17,
        }
    }

    #[inline]
    fn write<S: Sink>(&self, out: &mut S) {
        match self {
            IpAddr::V4(address) => {
                out.put(&[4]);
                address.write(out);
            }
            IpAddr::V6(address) => {
                out.put(&[6]);
                address.write(out);
            }
        }
    }

    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        match reader.tag()? {
            4 => Ipv4Addr::read(reader).map(IpAddr::V4),
            6 => Ipv6Addr::read(reader).map(IpAddr::V6),
            version => Err(DecodeError::new(Reason::Address(version), offset)),
        }
    }
}
