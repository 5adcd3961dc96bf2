//! Clients, rooms and Redis in one loop.

use std::{collections::HashMap, io, net::TcpListener};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fd::OwnedFd,
};
use wire::{painda, websocket};

use crate::{client::Client, redis::Redis};

/// In the place of a client's number.
const LISTENER: u64 = u64::MAX;
const REDIS: u64 = u64::MAX - 1;
const BATCH: usize = 1024;

/// The node and all it has.
pub(crate) struct Relay {
    epoll: OwnedFd,
    listener: TcpListener,
    redis: Option<Redis>,
    clients: Vec<Option<Client>>,
    rooms: Vec<Room>,
    room_numbers: HashMap<String, usize>,
    /// Begins the ids of this node's clients: half of the 16 characters of an id.
    tag: String,
    scratch: Vec<u8>,
}

struct Room {
    channel: String,
    members: Vec<usize>,
}

impl Relay {
    pub(crate) fn new(listener: TcpListener, redis: Option<&str>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        listener.set_nonblocking(true)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        let redis = redis.map(Redis::connect).transpose()?;
        if let Some(redis) = &redis {
            epoll::add(&epoll, &redis.subscriber, EventData::new_u64(REDIS), EventFlags::IN)?;
        }
        Ok(Self {
            epoll,
            listener,
            redis,
            clients: Vec::new(),
            rooms: Vec::new(),
            room_numbers: HashMap::new(),
            tag: format!("{:08x}", std::process::id()),
            scratch: vec![0; 64 << 10],
        })
    }

    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut ready = Vec::with_capacity(BATCH);
        loop {
            ready.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &ready {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    REDIS => self.receive_from_redis()?,
                    number => self.serve(number as usize, event.flags),
                }
            }
            if let Some(redis) = &mut self.redis {
                redis.flush()?;
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let data = EventData::new_u64(self.clients.len() as u64);
            epoll::add(&self.epoll, &stream, data, EventFlags::IN)?;
            self.clients.push(Some(Client::new(stream)));
        }
    }

    /// A client has sent something, or takes something again.
    fn serve(&mut self, number: usize, flags: EventFlags) {
        let Some(client) = &mut self.clients[number] else { return };
        if flags.contains(EventFlags::OUT) {
            match client.flush() {
                Ok(true) => {}
                Ok(false) => watch(&self.epoll, number, client, EventFlags::IN),
                Err(_) => return self.remove(number),
            }
        }
        if !client.read(&mut self.scratch) || self.take_messages(number).is_err() {
            self.remove(number);
        }
    }

    fn take_messages(&mut self, number: usize) -> io::Result<()> {
        let Some(client) = &mut self.clients[number] else { return Ok(()) };
        let room = match client.room {
            Some(room) => room,
            None => {
                let Some(name) = client.upgrade()? else { return Ok(()) };
                self.join(number, name)?
            }
        };
        while let Some(frame) = self.clients[number].as_mut().map(Client::next_message).transpose()?.flatten() {
            self.deliver(room, Some(number), &frame);
            if let Some(redis) = &mut self.redis {
                let mut message = Vec::with_capacity(64);
                let id = format!("{}{number:08x}", self.tag);
                painda::push_envelope(&mut message, id.as_bytes(), &frame);
                redis.publish(&self.rooms[room].channel, &message);
            }
        }
        Ok(())
    }

    fn join(&mut self, number: usize, name: String) -> io::Result<usize> {
        let next = self.rooms.len();
        let room = *self.room_numbers.entry(name.clone()).or_insert(next);
        if room == next {
            let channel = format!("pp:ch:{name}");
            if let Some(redis) = &mut self.redis {
                redis.subscribe(&channel)?;
            }
            self.rooms.push(Room { channel, members: Vec::new() });
        }
        self.rooms[room].members.push(number);
        if let Some(client) = &mut self.clients[number] {
            client.room = Some(room);
        }
        Ok(room)
    }

    /// Sends a client frame to a room.
    fn deliver(&mut self, room: usize, except: Option<usize>, frame: &[u8]) {
        let mut message = Vec::with_capacity(frame.len() + 4);
        websocket::push(&mut message, websocket::BINARY, None, frame);
        let mut broken = Vec::new();
        for &number in &self.rooms[room].members {
            let Some(client) = &mut self.clients[number] else { continue };
            if Some(number) == except {
                continue;
            }
            match client.send(&message) {
                Ok(false) => {}
                Ok(true) => watch(&self.epoll, number, client, EventFlags::IN | EventFlags::OUT),
                Err(_) => broken.push(number),
            }
        }
        for number in broken {
            self.remove(number);
        }
    }

    /// Messages of other nodes; our own have been delivered.
    fn receive_from_redis(&mut self) -> io::Result<()> {
        let Some(mut redis) = self.redis.take() else { return Ok(()) };
        let mut scratch = std::mem::take(&mut self.scratch);
        let received = redis.receive(&mut scratch, |channel, message| {
            let name = channel.strip_prefix(b"pp:ch:").and_then(|name| std::str::from_utf8(name).ok());
            let room = name.and_then(|name| self.room_numbers.get(name)).copied();
            if let (Some(room), Some((origin, payload))) = (room, painda::split_envelope(message))
                && !origin.starts_with(self.tag.as_bytes())
            {
                self.deliver(room, None, &painda::frame(*payload));
            }
        });
        self.scratch = scratch;
        self.redis = Some(redis);
        received
    }

    fn remove(&mut self, number: usize) {
        if let Some(room) = self.clients[number].take().and_then(|client| client.room) {
            self.rooms[room].members.retain(|member| *member != number);
        }
    }
}

fn watch(epoll: &OwnedFd, number: usize, client: &Client, flags: EventFlags) {
    // It can only fail for a socket that was never added.
    let _ = epoll::modify(epoll, &client.stream, EventData::new_u64(number as u64), flags);
}
