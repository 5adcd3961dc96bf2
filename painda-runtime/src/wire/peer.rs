//! Questions between nodes, and their answers, as types of our own.
//!
//! A question is a message named [`ASK`] on the channel [`CLUSTER`](super::channels::CLUSTER), an answer one named [`REPLY`] on
//! the asker's own channel. Their payloads are the encodings of [`Question`] and [`Answer`], by the same derives that
//! applications use, and `peer.lock` beside this file is their lock file. Asking, waiting and answering is done elsewhere.
//!
//! # Versions
//!
//! Nodes of neighbouring versions are in one cluster during every update, so:
//!
//! - A [`Head`] never changes. A variant that was released never changes, and its tag is never used again. What a variant lacks
//!   comes as a new variant, with the next tag.
//! - [`Question`] and [`Answer`] may get fields at their end (`since`, with a default). Older nodes ignore what follows the fields
//!   that they know.
//! - A request with a tag that a node does not know is answered by [`Reply::Unknown`]. A node that has answered so, or by a reply
//!   with a tag that the asker does not know, counts as one that did not answer: the asker does not wait for it any longer.
//! - Anything else that can't be read is counted as unreadable, and nothing is done about it.

use bytes::Bytes;

use crate::{
    DecodeError, PPEvent, PPType,
    codec::{Reader, Reason, Wire},
};

/// The name of a question.
pub(crate) const ASK: &str = "__pp_ask";
/// The name of an answer.
pub(crate) const REPLY: &str = "__pp_reply";

/// The longest question or answer, in bytes.
pub(crate) const MAX_LEN: usize = 4 << 20;

/// The part of a question or an answer that every version can read.
#[derive(Clone, Debug, PartialEq, Eq, PPType)]
pub(crate) struct Head {
    /// The question's number, which is random. Its answers have the same.
    pub(crate) number: u64,
    /// The id of the node that asks or answers.
    pub(crate) from: String,
}

/// A question of a node to all others.
#[derive(Clone, Debug, PartialEq, Eq, PPEvent)]
#[pp(event = "question", id = 1)]
pub(crate) struct Question {
    pub(crate) head: Head,
    pub(crate) request: Request,
}

/// What is asked. An `audience` has the sockets, as [`Audience::encode_lists`](super::audience::Audience::encode_lists) writes it.
#[derive(Clone, Debug, PartialEq, Eq, PPType)]
pub(crate) enum Request {
    // The tags count up from 0 in the order below: append only.
    /// How many clients the node has. Answered by [`Reply::Node`].
    Node,
    /// Which schema the node has. Answered by [`Reply::SameSchema`] or [`Reply::Schema`].
    Schema {
        /// The asker's.
        fingerprint: u64,
    },
    /// Which sockets there are. Answered by [`Reply::Sockets`].
    Sockets { audience: Bytes },
    /// Puts sockets into a room. Answered by [`Reply::Done`], once emits of all nodes reach them.
    Join { audience: Bytes, room: String },
    /// Takes sockets out of a room. Answered by [`Reply::Done`].
    Leave { audience: Bytes, room: String },
    /// Closes sockets. Answered by [`Reply::Done`].
    Disconnect {
        audience: Bytes,
        /// The close code; one that must not be sent is sent as 1000.
        code: u16,
        /// Cut at 123 bytes.
        reason: String,
    },
}

/// A node's answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, PPEvent)]
#[pp(event = "answer", id = 2)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) reply: Reply,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, PPType)]
pub(crate) enum Reply {
    // As above: append only.
    /// The node does not know this request: it is of an older version.
    Unknown,
    /// The node itself.
    Node {
        /// How many clients are connected to it.
        connections: u64,
    },
    /// The node has the asker's schema.
    SameSchema,
    /// The node has another schema.
    Schema {
        /// All of it, as JSON text: see [`Registry::describe`](crate::Registry::describe).
        json: Bytes,
    },
    /// Sockets of the node.
    Sockets {
        sockets: Vec<SocketInRooms>,
        /// Whether there are more of them than an answer names.
        cut: bool,
    },
    /// The node has done what was asked.
    Done {
        /// To so many sockets.
        sockets: u64,
    },
}

/// A socket and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PPType)]
pub(crate) struct SocketInRooms {
    /// The client's id.
    pub(crate) id: String,
    pub(crate) rooms: Vec<String>,
}

impl Head {
    /// The head of a question or an answer, whatever follows it; `None` where there is none.
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        if payload.len() > MAX_LEN { None } else { Self::read(&mut Reader::new(payload)).ok() }
    }
}

/// The rest of a question, or why it can't be read.
pub(crate) fn request(payload: &Bytes) -> Result<Request, Unread> {
    Ok(Question::decode_bytes(payload.clone())?.request)
}

/// The rest of an answer, or why it can't be read.
pub(crate) fn reply(payload: &Bytes) -> Result<Reply, Unread> {
    Ok(Answer::decode_bytes(payload.clone())?.reply)
}

/// Why the rest of a question or an answer can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It has a tag of a later version.
    Newer,
    /// It is broken.
    Broken,
}

impl From<DecodeError> for Unread {
    fn from(error: DecodeError) -> Self {
        if matches!(error.reason(), Reason::Tag(_)) { Self::Newer } else { Self::Broken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::audience::Audience;

    crate::schema! { Peers { Question, Answer } }

    #[cfg(feature = "tools")]
    #[test]
    fn the_types_are_those_of_the_lock_file() {
        crate::schema::lock::check::<Peers>("src/wire/peer.lock");
    }

    fn head() -> Head {
        Head { number: 7, from: "ab".to_owned() }
    }

    /// These bytes are what other nodes send: they must stay readable.
    #[test]
    fn bytes_are_as_documented() {
        let audience = Audience::room("a").encode_lists().expect("it fits").into();
        let question = Question { head: head(), request: Request::Join { audience, room: "b".to_owned() } };
        let bytes = b"\0\0\0\0\0\0\0\x07\x02ab\x03\x0a\0\x01\x01a\0\0\0\0\0\0\x01b";
        assert_eq!(question.to_bytes(), bytes.as_slice());
        assert_eq!(request(&question.to_bytes()), Ok(question.request));

        let sockets = vec![SocketInRooms { id: "c".to_owned(), rooms: vec!["a".to_owned()] }];
        let answer = Answer { head: head(), reply: Reply::Sockets { sockets, cut: false } };
        let bytes = b"\0\0\0\0\0\0\0\x07\x02ab\x04\x01\x01c\x01\x01a\0";
        assert_eq!(answer.to_bytes(), bytes.as_slice());
        assert_eq!(reply(&answer.to_bytes()), Ok(answer.reply));
    }

    #[test]
    fn the_head_of_a_later_version_is_read() {
        let known = Question { head: head(), request: Request::Node }.to_bytes();
        let appended = Bytes::from([&known[..], b"more"].concat());
        assert_eq!((Head::of(&appended), request(&appended)), (Some(head()), Ok(Request::Node)));

        let mut newer = Vec::new();
        head().write(&mut newer);
        newer.extend([200, 1, 2, 3]);
        let newer = Bytes::from(newer);
        assert_eq!((Head::of(&newer), request(&newer)), (Some(head()), Err(Unread::Newer)));
        assert_eq!(reply(&newer), Err(Unread::Newer));
    }

    #[test]
    fn a_truncated_answer_is_broken() {
        let whole = Answer { head: head(), reply: Reply::Done { sockets: 3 } }.to_bytes();
        for len in 0..whole.len() {
            assert_eq!(reply(&whole.slice(..len)), Err(Unread::Broken), "{len} bytes");
        }
    }
}
