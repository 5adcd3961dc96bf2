//! What lets a node in, and changes while it runs: passwords that are rotated, for Redis and for its sentinels.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex, PoisonError},
};

use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::{AdapterError, redis::Health},
};
use painda_tests::{
    adapter::{degraded, healthy, reconnected},
    logs::Logs,
    redis::{Admin, RedisServer},
    topology::Watched,
    within,
};
use tracing_subscriber::filter::LevelFilter;

/// Where the password is that is valid now, as a file or a vault would have it.
#[derive(Clone)]
struct Vault(Arc<Mutex<Result<String, String>>>);

impl Vault {
    fn new(password: &str) -> Self {
        Self(Arc::new(Mutex::new(Ok(password.to_owned()))))
    }

    fn set(&self, answer: Result<&str, &str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answer.map(str::to_owned).map_err(str::to_owned);
    }

    /// A provider for a user.
    fn of(&self, user: &'static str) -> impl Fn() -> Ready<Result<(String, String), String>> + Send + Sync + 'static {
        let vault = self.0.clone();
        move || {
            let password = vault.lock().unwrap_or_else(PoisonError::into_inner).clone();
            ready(password.map(|password| (user.to_owned(), password)))
        }
    }
}

/// Waits until Redis has refused as many with this code.
async fn refused(admin: &mut Admin, code: &str, times: u64) {
    admin.info_reaches("errorstats", &format!("errorstat_{code}:count="), times).await;
}

fn reason(node: &RedisAdapter) -> String {
    match node.health() {
        Health::Degraded { reason, .. } => reason.to_string(),
        _ => String::new(),
    }
}

const USER: &str = "ACL SETUSER node on +@all ~* &* resetpass";

#[tokio::test]
async fn a_password_that_is_rotated_is_asked_for_at_each_connect() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    admin.tell(&format!("{USER} >one")).await;
    let vault = Vault::new("one");
    let node = RedisAdapter::builder().url(server.url()).credentials(vault.of("node"));
    let node = within("an adapter to connect", node.connect()).await.expect("connects");
    within("a member", node.add_to_room("arena", "c")).await.expect("written");

    // Redis has the new one before the vault has it.
    admin.tell(&format!("{USER} >two")).await;
    admin.tell("CLIENT KILL USER node").await;
    refused(&mut admin, "WRONGPASS", 8).await;
    degraded(&node, &["WRONGPASS"]).await;
    let why = reason(&node);
    assert!(["credentials: ", "`node`", "asked again"].iter().all(|word| why.contains(word)), "{why}");
    vault.set(Err("the vault is sealed"));
    degraded(&node, &["the vault is sealed"]).await;
    vault.set(Ok("two"));
    healthy(&node, true).await;
    within("a member", node.add_to_room("arena", "d")).await.expect("written");
    assert_eq!(log.with(&["WARN", "WRONGPASS"]).len(), 2, "one for each connection");
    assert_eq!(log.with(&["reconnected"]).len(), 2);

    // And where the vault was first.
    vault.set(Ok("three"));
    admin.tell(&format!("{USER} >three")).await;
    admin.tell("CLIENT KILL USER node").await;
    reconnected(&node, 4).await;
}

#[tokio::test]
async fn a_password_that_stays_and_is_rotated_is_logged_once_with_what_to_do() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    admin.tell(&format!("{USER} >one")).await;
    let url = server.url().replace("redis://", "redis://node:one@");
    let node = within("an adapter to connect", RedisAdapter::connect(url)).await.expect("connects");
    admin.tell(&format!("{USER} >two")).await;
    admin.tell("CLIENT KILL USER node").await;
    refused(&mut admin, "WRONGPASS", 10).await;
    let why = reason(&node);
    assert!(["password: ", "WRONGPASS", "`credentials`"].iter().all(|word| why.contains(word)), "{why}");
    assert!(!why.contains("one@"), "{why}");
    assert_eq!(log.with(&["WARN", "WRONGPASS", "`credentials`"]).len(), 2, "one for each connection");
    // Redis takes the old one back.
    admin.tell(&format!("{USER} >one")).await;
    healthy(&node, true).await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_password_from_now_on() {
    let log = Logs::capture(LevelFilter::INFO);
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    let vault = Vault::new("secret");
    let with = RedisAdapter::builder().url(server.url()).credentials(vault.of("default"));
    let (with, without) =
        (within("an adapter to connect", with.connect()).await.expect("connects"), server.adapter().await);
    admin.tell("CONFIG SET requirepass secret").await;
    admin.tell("CLIENT KILL TYPE normal").await;
    admin.tell("CLIENT KILL TYPE pubsub").await;
    degraded(&without, &["NOAUTH"]).await;
    assert!(reason(&without).contains("password: "), "{}", reason(&without));
    reconnected(&with, 2).await;
    refused(&mut admin, "NOAUTH", 10).await;
    assert_eq!(log.with(&["WARN", "NOAUTH"]).len(), 2, "one for each connection");
}

#[tokio::test]
async fn a_provider_that_fails_or_panics_says_so() {
    let server = RedisServer::start().await;
    let fails = RedisAdapter::builder().url(server.url()).credentials(|| ready(Err("no such secret")));
    let error = within("an adapter to connect", fails.connect()).await.expect_err("it has none");
    assert!(
        matches!(&error, AdapterError::Unavailable(why) if why.contains("credentials: ") && why.contains("no such secret")),
        "{error}"
    );
    let none: Option<(String, String)> = None;
    let panics = move || ready(Ok::<_, Infallible>(none.clone().expect("somebody's bug")));
    let error =
        within("an adapter to connect", RedisAdapter::builder().url(server.url()).credentials(panics).connect())
            .await
            .expect_err("it panics");
    assert!(matches!(&error, AdapterError::Unavailable(why) if why.contains("panicked")), "{error}");
}

#[tokio::test]
async fn sentinels_whose_password_is_rotated() {
    let mut watched = Watched::start().await;
    let mut admin = watched.sentinel.admin().await;
    admin.tell("ACL SETUSER default resetpass >one").await;
    let vault = Vault::new("one");
    let builder = || RedisAdapter::builder().sentinel(Watched::NAME, [watched.sentinel()]);
    let (with, without) = (builder().sentinel_credentials(vault.of("default")), builder().sentinel_password("one"));
    let (with, without) = (
        within("an adapter to connect", with.connect()).await.expect("connects"),
        within("an adapter to connect", without.connect()).await.expect("connects"),
    );
    vault.set(Ok("two"));
    admin.tell("ACL SETUSER default resetpass >two").await;
    watched.master.kill().await;
    degraded(&without, &["WRONGPASS"]).await;
    let why = reason(&without);
    assert!(["sentinel_password: ", "`sentinel_credentials`"].iter().all(|word| why.contains(word)), "{why}");
    watched.replica.until(&["INFO", "replication"], |info| info.contains("role:master")).await;
    drop(with.add_to_room("arena", "c"));
    watched.replica.until(&["SMEMBERS", "pp:room:arena"], |members| members == "c").await;
    healthy(&with, true).await;
}
