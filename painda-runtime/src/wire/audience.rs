//! Whom an emit is for, and the message of our own for emits that the published envelope can't express.
//!
//! An emit to one room or to everybody, with at most one client excluded, is an [envelope] on its own channel. Every other
//! emit is one message on the channel [`CLUSTER`], named [`EMIT_TO`]: four lists of names, then the
//! envelope. A list is a count (2 bytes), then each name's length (1 byte) and UTF-8; the lists have at most [`MAX_NAMES`]
//! together. Knows no sockets and no adapters.

use std::{collections::HashSet, fmt};

use bytes::Bytes;

use super::{
    channels::{BROADCAST, CLUSTER, room_problem},
    envelope::{self, EnvelopeError},
};
use crate::Message;

/// The name of the message that carries an aimed emit; its payload is binary.
pub const EMIT_TO: &str = "__pp_to";

/// The most names that the four lists of an [`EMIT_TO`] message have together.
pub const MAX_NAMES: usize = 65535;

/// Up to so many names are looked through; beyond that they get an index.
const FEW: usize = 16;

/// NameSet, each once, in the order they were added. Mostly none or one: these cost no allocation.
#[derive(Clone, Default)]
pub struct NameSet<'a> {
    first: Option<&'a str>,
    // Boxed, because an audience has four lists and is moved with each call that adds to it.
    more: Option<Box<More<'a>>>,
}

#[derive(Clone, Default)]
struct More<'a> {
    list: Vec<&'a str>,
    /// The same, once they are many: a long list costs its length, and not the square of it.
    index: Option<HashSet<&'a str>>,
}

impl<'a> NameSet<'a> {
    /// Adds a name, unless it is there.
    pub fn add(&mut self, name: &'a str) {
        match self.first {
            None => self.first = Some(name),
            Some(first) if first == name => {}
            Some(_) => self.more.get_or_insert_default().add(name),
        }
    }

    /// Whether a name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.first == Some(name) || self.more.as_ref().is_some_and(|more| more.contains(name))
    }

    /// The names, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.first.into_iter().chain(self.more().iter().copied())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The only name, if there is exactly one.
    #[must_use]
    pub fn only(&self) -> Option<&'a str> {
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

    fn contains(&self, name: &str) -> bool {
        match &self.index {
            None => self.list.contains(&name),
            Some(index) => index.contains(name),
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

/// Whom an emit is for: whoever is in one of the rooms or is one of the clients, or everybody where both are empty; less those
/// who are in one of the excepted rooms or are one of the excepted clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience<'a> {
    /// The rooms.
    pub rooms: NameSet<'a>,
    /// The ids of single clients.
    pub clients: NameSet<'a>,
    /// The rooms whose members must not get it.
    pub except_rooms: NameSet<'a>,
    /// The ids of clients that must not get it.
    pub except_clients: NameSet<'a>,
}

impl<'a> Audience<'a> {
    /// A room's members.
    #[must_use]
    pub fn room(room: &'a str) -> Self {
        let mut audience = Self::default();
        audience.rooms.add(room);
        audience
    }

    /// A single client, on whatever node it is.
    #[must_use]
    pub fn client(id: &'a str) -> Self {
        let mut audience = Self::default();
        audience.clients.add(id);
        audience
    }

    /// Whether it is for everybody who is not excepted.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.rooms.is_empty() && self.clients.is_empty()
    }

    /// A name among the rooms that can't be a room's, and why.
    #[must_use]
    pub fn problem(&self) -> Option<(&'a str, &'static str)> {
        let lists = [&self.rooms, &self.except_rooms].into_iter().filter(|names| !names.is_empty());
        lists.flat_map(NameSet::iter).find_map(|room| Some((room, room_problem(room)?)))
    }

    /// The rooms, the clients, the excepted rooms and the excepted clients: the order of the wire.
    #[must_use]
    pub fn lists(&self) -> [&NameSet<'a>; 4] {
        [&self.rooms, &self.clients, &self.except_rooms, &self.except_clients]
    }

    /// Whether other nodes take so many names.
    ///
    /// # Errors
    /// [`EnvelopeError::TooManyNames`] where all lists together have over [`MAX_NAMES`].
    pub fn check_count(&self) -> Result<(), EnvelopeError> {
        check_count(self.lists().map(NameSet::len).iter().sum())
    }

    /// The channel of a plain envelope that says the same, and the client that it excludes; `None` where no envelope does.
    #[must_use]
    pub fn plain(&self) -> Option<(&'a str, Option<&'a str>)> {
        let few = self.rooms.more.is_none() && self.except_clients.more.is_none();
        let fits = few && self.clients.is_empty() && self.except_rooms.is_empty();
        fits.then(|| (self.rooms.first.unwrap_or(BROADCAST), self.except_clients.first))
    }

    /// What to publish for other nodes: the channel, the message, and the client that its envelope excludes.
    ///
    /// # Errors
    /// As [`envelope::encode`], and for other audiences than a [plain](Self::plain) one where the lists have over [`MAX_NAMES`] names, or
    /// one of these is longer than 255 bytes.
    pub fn publication(&self, message: &Message) -> Result<(&'a str, Message, Option<&'a str>), EnvelopeError> {
        match self.plain() {
            Some((channel, exclude)) => Ok((channel, message.clone(), exclude)),
            None => Ok((CLUSTER, Message::named(EMIT_TO, self.encode(message)?), None)),
        }
    }

    /// The payload of an [`EMIT_TO`] message.
    ///
    /// # Errors
    /// As [`publication`](Self::publication).
    pub fn encode(&self, message: &Message) -> Result<Bytes, EnvelopeError> {
        let mut out = self.encode_lists()?;
        out.extend_from_slice(&envelope::encode(message, None)?);
        Ok(out.into())
    }

    /// The four lists alone, which are what an [`EMIT_TO`] message begins with.
    ///
    /// # Errors
    /// Over [`MAX_NAMES`] names, or one of them longer than 255 bytes.
    pub fn encode_lists(&self) -> Result<Vec<u8>, EnvelopeError> {
        self.check_count()?;
        let mut out = Vec::with_capacity(64);
        for names in self.lists() {
            // All of them together are no more.
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
    pub fn decode(bytes: &'a Bytes) -> Result<(Self, Message), EnvelopeError> {
        let (audience, rest) = Self::decode_lists(bytes)?;
        let message = envelope::decode(&bytes.slice_ref(rest))?.message;
        Ok((audience, message))
    }

    /// Reads the four lists, and returns what follows them.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_lists(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), EnvelopeError> {
        let mut rest = bytes;
        let mut total = 0;
        let mut list = || -> Result<NameSet<'a>, EnvelopeError> {
            let count = envelope::take_u16(&mut rest, "list of names")?;
            total += usize::from(count);
            check_count(total)?;
            let mut names = NameSet::default();
            // A name takes a byte at least, so a count that lies ends with the bytes.
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

/// The names of a list that came in another form, for an [`Audience`] that outlives it.
#[must_use]
pub fn names(list: &[String]) -> NameSet<'_> {
    list.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Message {
        Message::event(7, Bytes::from_static(b"abcd"))
    }

    #[test]
    fn plain_aims_are_envelopes() {
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
    fn other_aims_come_back_as_they_were() {
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
    fn a_name_is_there_once_however_many_there_are() {
        let texts: Vec<String> = (0..3 * FEW).map(|number| number.to_string()).collect();
        for count in 0..texts.len() {
            let mut names: NameSet<'_> = texts[..count].iter().chain(&texts[..count]).map(String::as_str).collect();
            assert_eq!((names.len(), names.is_empty()), (count, count == 0));
            assert!(names.iter().eq(texts[..count].iter()), "in the order they were added");
            assert!(texts.iter().enumerate().all(|(at, text)| names.contains(text) == (at < count)));
            assert_eq!(names.only(), (count == 1).then_some("0"));
            names.add(&texts[count]);
            assert_eq!(names.len(), count + 1);
        }
    }

    /// A linear search for each would take many minutes.
    #[test]
    fn names_cost_their_length() {
        let texts: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
        let all = names(&texts);
        assert_eq!(all.len(), texts.len());
        assert!(texts.iter().all(|text| all.contains(text)));
    }

    #[test]
    fn so_many_names_are_refused_and_no_fewer() {
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
