//! `attack --node ADDR --redis ADDR --seconds S NAME...`: attacks in these ways at once, and says what it has sent:
//! `sent BYTES opened CONNECTIONS closed CONNECTIONS`.

use std::{error::Error, thread, time::Duration};

use attack::{ATTACKS, Ground};
use lexopt::{
    Arg::{Long, Value},
    ValueExt,
};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut node, mut redis, mut seconds, mut names) = (None, None, 10.0, Vec::new());
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("node") => node = Some(args.value()?.parse()?),
            Long("redis") => redis = Some(args.value()?.parse()?),
            Long("seconds") => seconds = args.value()?.parse()?,
            Value(name) => names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    load::process::allow_files()?;
    let (node, redis) = node.zip(redis).ok_or("--node and --redis are needed")?;
    // The threads use it until the process ends.
    let ground: &'static Ground = Box::leak(Box::new(Ground::new(node, redis)));
    for name in names {
        let attack = ATTACKS.iter().find(|attack| attack.name == name);
        attack.ok_or_else(|| format!("there is no attack `{name}`"))?.start(ground);
    }
    thread::sleep(Duration::from_secs_f64(seconds));
    let (opened, closed) = ground.connections();
    println!("sent {} opened {opened} closed {closed}", ground.bytes());
    Ok(())
}
