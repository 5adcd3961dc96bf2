//! The server's own listener: plain HTTP/1.1, every request to the service.

use std::{net::SocketAddr, time::Duration};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::{PPServer, upgrade};
use crate::schema::Schema;

/// Accepts connections until the server closes.
pub(crate) async fn run<S: Schema>(server: PPServer<S>, listener: TcpListener) {
    loop {
        tokio::select! {
            () = server.closed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => drop(tokio::spawn(serve(server.clone(), stream, remote))),
                Err(error) => {
                    // Mostly "too many open files": others may close theirs meanwhile.
                    tracing::warn!(target: "painda::server", %error, "can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

async fn serve<S: Schema>(server: PPServer<S>, stream: TcpStream, remote: SocketAddr) {
    let timeout = server.node().config.handshake_timeout;
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(remote);
        let server = server.clone();
        async move { Ok::<_, std::convert::Infallible>(upgrade::answer(&server, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(target: "painda::server", %remote, %error, "a handshake failed");
    }
}
