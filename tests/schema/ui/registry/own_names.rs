use painda_runtime::{EventOf, PPEvent, Registry, Schema, schema};

#[derive(PPEvent)]
#[pp(event = "chat:event", id = 1)]
pub struct ChatEvent;

#[derive(PPEvent)]
#[pp(event = "hall", id = 2)]
pub struct Hall;

#[derive(PPEvent)]
#[pp(event = "other", id = 3)]
pub struct Other;

pub mod events {
    #[derive(painda_runtime::PPEvent)]
    #[pp(event = "room:event", id = 4)]
    pub struct RoomEvent;
}

schema! { pub Chat { ChatEvent, Other } }
schema! { pub Hall { self::Hall, Other, Other } }
// In a module it is nobody else.
schema! { pub Room { events::RoomEvent } }

// Nothing else is reported: the rest is there.
fn is_in<S: Schema, E: EventOf<S>>(_: E) -> &'static Registry {
    S::registry()
}

fn main() {
    is_in::<Chat, _>(ChatEvent);
    is_in::<Chat, _>(Other);
    is_in::<Hall, _>(Other);
    is_in::<Room, _>(events::RoomEvent);
    let _ = RoomEvent::from(events::RoomEvent);
    let _ = HallEvent::from(Hall);
}
