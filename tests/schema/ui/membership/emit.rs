use painda_runtime::{EventOf, schema};
use schemas::{PlayerHit, PlayerMove};

schema! { pub Arena { PlayerMove } }

fn emit<E: EventOf<Arena>>(_: &E) {}

pub struct NotAnEvent;

fn main() {
    emit(&PlayerMove { x: 1.5, y: 2.5 });
    emit(&PlayerHit { attacker: 1, target: 2, damage: 3 });
    emit(&NotAnEvent);
}
