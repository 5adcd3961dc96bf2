//! The ways to a Redis: TLS, users and databases, unix sockets; and what the adapter says when one is barred.

use std::{path::Path, process::Command};

use painda_runtime::{
    PPAdapter, RedisAdapter,
    adapter::{AdapterError, redis::RedisBuilder},
};
use painda_tests::{
    adapter::{Subscriber, degraded, healthy, number},
    redis::{Port, RedisServer},
    within,
};
use redis::Value;
use tempfile::TempDir;

/// Two nodes with the same settings receive from each other, and keep members.
async fn works(builder: impl Fn() -> RedisBuilder) {
    let connect = async || within("an adapter to connect", builder().connect()).await.expect("connects");
    let (one, other) = (connect().await, connect().await);
    let (mut subscriber, callback) = Subscriber::new();
    within("a subscription", other.subscribe("room", callback)).await.expect("subscribes");
    one.publish("room", &number(1, 2), None).expect("queued");
    assert_eq!(subscriber.next_number().await, (1, 2));
    within("a member", one.add_to_room("room", "c1")).await.expect("written");
    let members = within("the members", other.get_clients_in_room("room")).await.expect("answers");
    assert!(members.contains("c1"), "{members:?}");
    for node in [one, other] {
        assert_eq!(node.stats().last_error, None);
        within("the close", node.close()).await.expect("closes");
    }
}

async fn refused(builder: RedisBuilder) -> String {
    match within("a refusal", builder.connect()).await {
        Ok(_) => panic!("connected"),
        Err(AdapterError::Config { setting, why }) => format!("{setting}: {why}"),
        Err(other) => other.to_string(),
    }
}

#[tokio::test]
async fn a_user_needs_what_the_documentation_says_and_no_more() {
    let server = RedisServer::start().await;
    let commands = "+publish +subscribe +unsubscribe +pubsub +sadd +srem +smembers +srandmember +set +exists +del \
                    +client|info +client|kill";
    let mut words =
        vec!["ACL", "SETUSER", "node", "on", ">secret", "resetkeys", "resetchannels", "~pp:*", "&pp:*", "-@all"];
    words.extend(commands.split_ascii_whitespace());
    server.ask(&words).await;
    let builder = || RedisAdapter::builder().host("127.0.0.1").port(server.port());
    works(|| builder().username("node").password("secret")).await;
    let wrong = refused(builder().username("node").password("wrong")).await;
    assert!(wrong.starts_with("password: "), "{wrong}");
    server.ask(&["ACL", "SETUSER", "mute", "on", ">secret", "+@all", "~pp:*", "resetchannels"]).await;
    let mute = refused(builder().username("mute").password("secret")).await;
    assert!(mute.starts_with("username: ") && mute.contains("SUBSCRIBE"), "{mute}");
}

#[tokio::test]
async fn members_are_in_the_database_that_was_asked_for() {
    let server = RedisServer::start().await;
    let connecting = RedisAdapter::connect(format!("{}/3", server.url()));
    let node = within("an adapter to connect", connecting).await.expect("connects");
    within("a member", node.add_to_room("room", "c1")).await.expect("written");
    assert_eq!(server.ask(&["DBSIZE"]).await, Value::Int(0));
    let seen = server.command_as(&format!("{}/3", server.url()), &[b"SMEMBERS", b"pp:room:room"]).await;
    assert_eq!(painda_tests::redis::text(&seen), "c1");
}

#[tokio::test]
async fn a_unix_socket() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("redis.sock");
    let path = path.to_str().expect("a plain path");
    let _server = RedisServer::start_with(&["--unixsocket", path]).await;
    works(|| RedisAdapter::builder().url(format!("redis+unix://{path}"))).await;
}

/// An authority, and certificates for the server and a client.
fn certificates(directory: &Path) {
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(directory).output().expect("openssl is installed");
        assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    openssl(
        &[&["req", "-x509"], &key[..], &["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority"]]
            .concat(),
    );
    for (name, addresses) in
        [("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"), ("client", "subjectAltName=DNS:node")]
    {
        let (key_file, file, subject) = (format!("{name}.key"), format!("{name}.pem"), format!("/CN={name}"));
        let own = [
            "-keyout",
            &key_file,
            "-out",
            &file,
            "-subj",
            &subject,
            "-addext",
            addresses,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ];
        openssl(&[&["req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key"], &key[..], &own].concat());
    }
}

#[tokio::test]
async fn tls_with_an_authority_of_ones_own_and_a_certificate() {
    let directory = TempDir::new().expect("a directory");
    certificates(directory.path());
    let file = |name: &str| directory.path().join(name).to_str().expect("a plain path").to_owned();
    let pem = |name: &str| std::fs::read(directory.path().join(name)).expect("a file of ours");
    let port = Port::reserve();
    let (number, cert, key, ca) = (port.number().to_string(), file("server.pem"), file("server.key"), file("ca.pem"));
    let options = ["--tls-port", &number, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let _server = RedisServer::start_with(&options).await;
    let url = format!("rediss://localhost:{number}");
    let builder = || RedisAdapter::builder().url(&url);
    works(|| builder().tls_authorities(pem("ca.pem")).tls_identity(pem("client.pem"), pem("client.key"))).await;

    let unknown = refused(builder().tls_identity(pem("client.pem"), pem("client.key"))).await;
    assert!(unknown.to_lowercase().contains("certificate"), "{unknown}");
    let nonsense = refused(builder().tls_identity("no PEM", "no PEM")).await;
    assert!(nonsense.starts_with("tls_identity: "), "{nonsense}");
    let plain = refused(RedisAdapter::builder().tls_authorities(pem("ca.pem"))).await;
    assert!(plain.starts_with("tls_authorities: "), "{plain}");
}

#[tokio::test]
async fn certificates_that_are_replaced_are_read_again() {
    let (old, new, read) = (TempDir::new(), TempDir::new(), TempDir::new());
    let [old, new, read] = [old, new, read].map(|directory| directory.expect("a directory"));
    certificates(old.path());
    certificates(new.path());
    let path = |directory: &TempDir, name: &str| directory.path().join(name).to_str().expect("a plain path").to_owned();
    let install = |from: &TempDir| {
        for name in ["ca.pem", "client.pem", "client.key"] {
            std::fs::copy(from.path().join(name), read.path().join(name)).expect("files of ours");
        }
    };
    let (number, cert, key, ca) =
        (Port::reserve(), path(&old, "server.pem"), path(&old, "server.key"), path(&old, "ca.pem"));
    let number = number.number().to_string();
    let options = ["--tls-port", &number, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let server = RedisServer::start_with(&options).await;
    let builder = || {
        let builder = RedisAdapter::builder().url(format!("rediss://localhost:{number}"));
        let builder = builder.tls_authorities_file(path(&read, "ca.pem"));
        builder.tls_identity_files(path(&read, "client.pem"), path(&read, "client.key"))
    };
    let missing = refused(builder()).await;
    assert!(missing.starts_with("tls_authorities_file: ") && missing.contains("ca.pem"), "{missing}");
    install(&old);
    let node = within("an adapter to connect", builder().connect()).await.expect("connects");

    // The server has the new ones first, and nobody trusts anybody.
    let (cert, key, ca) = (path(&new, "server.pem"), path(&new, "server.key"), path(&new, "ca.pem"));
    server.ask(&["CONFIG", "SET", "tls-cert-file", &cert, "tls-key-file", &key, "tls-ca-cert-file", &ca]).await;
    server.ask(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    degraded(&node, &["ertificate"]).await;
    install(&new);
    healthy(&node, true).await;
    within("a member", node.add_to_room("arena", "c")).await.expect("written");
}
