use painda_runtime::{PPEvent, PPServer, Socket};
use schemas::Arena;

#[derive(PPEvent)]
#[pp(event = "chat:line")]
pub struct ChatLine {
    size: u8,
}

fn emit(server: &PPServer<Arena>) {
    let _ = server.to("arena").emit(&ChatLine { size: 1 });
    let _ = server.broadcast(&ChatLine { size: 1 });
}

fn handle(socket: &Socket<Arena>) {
    socket.on(async |_, _: ChatLine| {});
}

fn main() {}
