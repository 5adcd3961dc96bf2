//! The audience of an emit, and our own message for audiences that the published envelope can't express.
//!
//! An emit to one room or to everybody, with at most one client excluded, is an [envelope] on its own channel. Every other
//! emit is one message on the channel [`CLUSTER`], named [`EMIT_TO`]: four lists of names, then the
//! envelope. A list is a count (2 bytes), then each name's length (1 byte) and UTF-8; the lists have at most [`MAX_NAMES`]
//! together. Knows no sockets and no adapters.

use std::{collections::HashSet, fmt};

use bytes::Bytes;

use super::{
    channels::{BROADCAST, CLUSTER, RoomNameError, check_room},
    envelope::{self, EnvelopeError},
};
use crate::Message;

/// The name of the message of an emit to any other audience; its payload is binary.
pub(crate) const EMIT_TO: &str = "__pp_to";

/// The most names that the four lists of an [`EMIT_TO`] message have together.
pub(crate) const MAX_NAMES: usize = 65535;

/// Up to so many names are searched one by one; beyond that they get an index.
const FEW: usize = 16;

/// NameSet, each once, in the order they were added. Mostly none or one: these cost no allocation.
#[derive(Clone, Default)]
pub(crate) struct NameSet<'a> {
    first: Option<&'a str>,
    // Boxed, because an audience has four sets and is moved with each call that adds to it.
    more: Option<Box<More<'a>>>,
}

#[derive(Clone, Default)]
struct More<'a> {
    list: Vec<&'a str>,
    /// The same names, once they are many: without it, a long list would cost the square of its length.
    index: Option<HashSet<&'a str>>,
}

impl<'a> NameSet<'a> {
    /// Adds a name, unless it is there.
    pub(crate) fn add(&mut self, name: &'a str) {
        match self.first {
            None => self.first = Some(name),
            Some(first) if first == name => {}
            Some(_) => self.more.get_or_insert_default().add(name),
        }
    }

    /// The names, in the order they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.first.into_iter().chain(self.more().iter().copied())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more().len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The only name, if there is exactly one.
    pub(crate) fn only(&self) -> Option<&'a str> {
        self.first.filter(|_| self.more.is_none())
    }

    fn more(&self) -> &[&'a str] {
        self.more.as_ref().map_or(&[], |more| &more.list)
    }
}

impl<'a> More<'a> {
    fn add(&mut self, name: &'a str) {
        let new = match &mut self.index {
            None => !self.list.contains(&name),
            Some(index) => index.insert(name),
        };
        if new {
            self.list.push(name);
            if self.list.len() == FEW {
                self.index = Some(self.list.iter().copied().collect());
            }
        }
    }
}

impl PartialEq for NameSet<'_> {
    /// In the same order.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for NameSet<'_> {}

impl fmt::Debug for NameSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<&'a str> for NameSet<'a> {
    fn from_iter<T: IntoIterator<Item = &'a str>>(names: T) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.add(name));
        all
    }
}

/// The audience of an emit: the clients that are in one of the rooms or are named themselves, or all clients where both lists are
/// empty; without those that are in one of the excepted rooms or are excepted themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audience<'a> {
    /// The rooms.
    pub(crate) rooms: NameSet<'a>,
    /// The ids of single clients.
    pub(crate) clients: NameSet<'a>,
    /// The rooms whose members must not get it.
    pub(crate) except_rooms: NameSet<'a>,
    /// The ids of clients that must not get it.
    pub(crate) except_clients: NameSet<'a>,
}

impl<'a> Audience<'a> {
    /// A room's members.
    pub(crate) fn room(room: &'a str) -> Self {
        let mut audience = Self::default();
        audience.rooms.add(room);
        audience
    }

    /// A single client, on whatever node it is.
    pub(crate) fn client(id: &'a str) -> Self {
        let mut audience = Self::default();
        audience.clients.add(id);
        audience
    }

    /// Whether it is for everybody who is not excepted.
    pub(crate) fn is_everybody(&self) -> bool {
        self.rooms.is_empty() && self.clients.is_empty()
    }

    /// Checks the names of all rooms. The error has the first one that can't be a room's, and why.
    pub(crate) fn check_rooms(&self) -> Result<(), (&'a str, RoomNameError)> {
        let lists = [&self.rooms, &self.except_rooms].into_iter().filter(|names| !names.is_empty());
        lists.flat_map(NameSet::iter).try_for_each(|room| check_room(room).map_err(|error| (room, error)))
    }

    /// The rooms, the clients, the excepted rooms and the excepted clients: the order of the wire.
    pub(crate) fn lists(&self) -> [&NameSet<'a>; 4] {
        [&self.rooms, &self.clients, &self.except_rooms, &self.except_clients]
    }

    /// Checks that other nodes take so many names: all lists together may have [`MAX_NAMES`].
    pub(crate) fn check_count(&self) -> Result<(), EnvelopeError> {
        check_count(self.lists().map(NameSet::len).iter().sum())
    }

    /// The channel of a plain envelope that says the same, and the client that it excludes; `None` where no envelope does.
    pub(crate) fn plain(&self) -> Option<(&'a str, Option<&'a str>)> {
        let few = self.rooms.more.is_none() && self.except_clients.more.is_none();
        let fits = few && self.clients.is_empty() && self.except_rooms.is_empty();
        fits.then(|| (self.rooms.first.unwrap_or(BROADCAST), self.except_clients.first))
    }

    /// What to publish for other nodes: the channel, the message, and the client that its envelope excludes.
    ///
    /// # Errors
    /// As [`envelope::encode`], and for other audiences than a [plain](Self::plain) one where the lists have over [`MAX_NAMES`] names, or
    /// one of these is longer than 255 bytes.
    pub(crate) fn publication(&self, message: &Message) -> Result<(&'a str, Message, Option<&'a str>), EnvelopeError> {
        match self.plain() {
            Some((channel, exclude)) => Ok((channel, message.clone(), exclude)),
            None => Ok((CLUSTER, Message::named(EMIT_TO, self.encode(message)?), None)),
        }
    }

    /// The payload of an [`EMIT_TO`] message.
    pub(crate) fn encode(&self, message: &Message) -> Result<Bytes, EnvelopeError> {
        let mut out = self.encode_lists()?;
        out.extend_from_slice(&envelope::encode(message, None)?);
        Ok(out.into())
    }

    /// The four lists alone, which are what an [`EMIT_TO`] message begins with.
    ///
    /// # Errors
    /// Over [`MAX_NAMES`] names, or one of them longer than 255 bytes.
    pub(crate) fn encode_lists(&self) -> Result<Vec<u8>, EnvelopeError> {
        self.check_count()?;
        let mut out = Vec::with_capacity(64);
        for names in self.lists() {
            // `check_count` has made sure that it fits.
            let count = u16::try_from(names.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&count.to_be_bytes());
            for name in names.iter() {
                let too_long = EnvelopeError::TooLong { field: "name", len: name.len(), max: 255 };
                out.push(u8::try_from(name.len()).map_err(|_| too_long)?);
                out.extend_from_slice(name.as_bytes());
            }
        }
        Ok(out)
    }

    /// Takes the payload of an [`EMIT_TO`] message apart; the emit's own payload shares its memory.
    ///
    /// # Errors
    /// A message that ends early, over [`MAX_NAMES`] names, or a name that is not UTF-8.
    pub(crate) fn decode(bytes: &'a Bytes) -> Result<(Self, Message), EnvelopeError> {
        let (audience, rest) = Self::decode_lists(bytes)?;
        let message = envelope::decode(&bytes.slice_ref(rest))?.message;
        Ok((audience, message))
    }

    /// Reads the four lists, and returns what follows them.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub(crate) fn decode_lists(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), EnvelopeError> {
        let mut rest = bytes;
        let mut total = 0;
        let mut list = || -> Result<NameSet<'a>, EnvelopeError> {
            let count = envelope::take_u16(&mut rest, "list of names")?;
            total += usize::from(count);
            check_count(total)?;
            let mut names = NameSet::default();
            // A name takes a byte at least, so a wrong count ends with the bytes.
            for _ in 0..count {
                let len = envelope::take(&mut rest, 1, "name's length")?[0];
                names.add(envelope::text(&mut rest, usize::from(len), "name")?);
            }
            Ok(names)
        };
        let audience = Self { rooms: list()?, clients: list()?, except_rooms: list()?, except_clients: list()? };
        Ok((audience, rest))
    }
}

fn check_count(count: usize) -> Result<(), EnvelopeError> {
    if count > MAX_NAMES { Err(EnvelopeError::TooManyNames { count, max: MAX_NAMES }) } else { Ok(()) }
}

/// The names of a list, for an [`Audience`] that borrows from it.
#[cfg(test)]
pub(crate) fn names(list: &[String]) -> NameSet<'_> {
    list.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Message {
        Message::event(7, Bytes::from_static(b"abcd"))
    }

    #[test]
    fn plain_audiences_are_envelopes() {
        assert_eq!(Audience::default().plain(), Some((BROADCAST, None)));
        let mut audience = Audience::room("a");
        audience.rooms.add("a");
        audience.except_clients.add("me");
        assert_eq!(audience.plain(), Some(("a", Some("me"))));
        audience.except_rooms.add("b");
        assert_eq!(audience.plain(), None);
        assert_eq!(Audience::client("c").plain(), None);
    }

    #[test]
    fn other_audiences_are_read_as_they_were_written() {
        let mut audience = Audience { rooms: ["a", "b", "grüß"].into_iter().collect(), ..Audience::default() };
        audience.except_rooms.add("c");
        audience.except_clients.add("me");
        audience.clients.add("you");
        let bytes = audience.encode(&event()).expect("encodes");
        assert_eq!(Audience::decode(&bytes), Ok((audience.clone(), event())));
        for len in 0..bytes.len() - 4 {
            let cut = bytes.slice(..len);
            assert!(Audience::decode(&cut).is_err(), "{len} bytes");
        }
        let long = "x".repeat(256);
        audience.clients.add(&long);
        assert!(audience.encode(&event()).is_err());
    }

    #[test]
    fn a_set_has_each_name_once() {
        let texts: Vec<String> = (0..3 * FEW).map(|number| number.to_string()).collect();
        for count in 0..texts.len() {
            let mut names: NameSet<'_> = texts[..count].iter().chain(&texts[..count]).map(String::as_str).collect();
            assert_eq!((names.len(), names.is_empty()), (count, count == 0));
            assert!(names.iter().eq(texts[..count].iter()), "in the order they were added");
            assert_eq!(names.only(), (count == 1).then_some("0"));
            names.add(&texts[count]);
            assert_eq!(names.len(), count + 1);
        }
    }

    /// A linear search for each would take many minutes.
    #[test]
    fn a_long_list_of_names_costs_its_length() {
        let texts: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
        let all = names(&texts);
        assert_eq!(all.len(), texts.len());
        assert!(all.iter().eq(texts.iter()));
    }

    #[test]
    fn one_name_too_many_is_refused() {
        let texts: Vec<String> = (0..=MAX_NAMES).map(|number| number.to_string()).collect();
        let mut audience = Audience { rooms: names(&texts[..40_000]), ..Audience::default() };
        audience.except_rooms = names(&texts[40_000..MAX_NAMES]);
        let bytes = audience.encode(&event()).expect("as many as may be");
        assert_eq!(Audience::decode(&bytes).map(|(back, _)| back == audience), Ok(true));
        audience.clients.add("one");
        let refused = EnvelopeError::TooManyNames { count: MAX_NAMES + 1, max: MAX_NAMES };
        assert_eq!(audience.encode(&event()), Err(refused));
        // A list for which the bytes that follow would do.
        let one_more = [&[0xff, 0xff][..], &[0; MAX_NAMES], &[0, 1, 0, 0, 0, 0, 0, 0, 0, 7]].concat();
        assert_eq!(Audience::decode(&one_more.into()), Err(refused));
    }
}
