//! The limit: what a relay costs that does nothing else. One thread, one epoll, no features, the wire format of painda.
//!
//! A client's event goes to everybody else in its room by one `send` for each of them, and over Redis to the other nodes
//! as the message that the runtime would publish. Nothing is checked, coalesced, registered or kept alive.
//!
//! `relay --listen ADDR [--redis redis://ADDR]`; prints the address like `arena` does.

mod client;
mod redis;
mod relay;

use std::{error::Error, net::TcpListener};

use lexopt::{Arg::Long, ValueExt};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut listen, mut redis) = ("127.0.0.1:0".to_owned(), None::<String>);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("listen") => listen = args.value()?.string()?,
            Long("redis") => redis = Some(args.value()?.string()?),
            other => {
                return Err(
                    format!("{}\nusage: relay [--listen ADDR] [--redis redis://ADDR]", other.unexpected()).into()
                );
            }
        }
    }
    // As many idle connections as the runtime is measured with.
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: files.maximum, ..files };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)?;

    let listener = TcpListener::bind(listen)?;
    println!("relay is on http://{}", listener.local_addr()?);
    relay::Relay::new(listener, redis.as_deref())?.run()?;
    Ok(())
}
