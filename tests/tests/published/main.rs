//! What is published: the pages of the documentation, and the byte vectors of the contract. Needs no server.

mod book;
mod protocol;
mod vectors;
