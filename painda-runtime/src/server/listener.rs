//! The server's own listener: plain HTTP/1.1, every request to the service.

use std::{net::SocketAddr, time::Duration};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

use super::{PPServer, upgrade};
use crate::schema::Schema;

/// Accepts connections until the server closes.
pub(crate) async fn run<S: Schema>(server: PPServer<S>, listener: TcpListener) {
    loop {
        tokio::select! {
            () = server.closed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => {
                    let server = server.clone();
                    tokio::spawn(async move { server.serve_connection(stream, Some(remote)).await });
                }
                Err(error) => {
                    // Mostly "too many open files": others may close theirs meanwhile.
                    tracing::warn!(target: "painda::server", %error, "can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

impl<S: Schema> PPServer<S> {
    /// Serves one connection that somebody else has accepted, such as a TLS stream, until it is over. The remote address, where
    /// it is known, is what the connect hook and the limits per address see.
    ///
    /// ```no_run
    /// # use painda_runtime::{PPEvent, PPServer, schema};
    /// # #[derive(PPEvent)] #[pp(event = "player:move", id = 1)] pub struct PlayerMove { x: f32 }
    /// # schema! { pub Arena { PlayerMove } }
    /// # async fn example(config: std::sync::Arc<tokio_rustls::rustls::ServerConfig>) -> Result<(), Box<dyn std::error::Error>> {
    /// let server = PPServer::<Arena>::builder().build().await?;
    /// let tls = tokio_rustls::TlsAcceptor::from(config);
    /// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
    /// loop {
    ///     let (stream, remote) = listener.accept().await?;
    ///     let (server, tls) = (server.clone(), tls.clone());
    ///     tokio::spawn(async move {
    ///         if let Ok(stream) = tls.accept(stream).await {
    ///             server.serve_connection(stream, Some(remote)).await;
    ///         }
    ///     });
    /// }
    /// # }
    /// ```
    pub async fn serve_connection<T>(&self, stream: T, remote: Option<SocketAddr>)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            if let Some(remote) = remote {
                request.extensions_mut().insert(remote);
            }
            let server = self.clone();
            async move { Ok::<_, std::convert::Infallible>(upgrade::answer(&server, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.node().config.handshake_timeout)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        if let Err(error) = connection.await {
            tracing::debug!(target: "painda::server", ?remote, %error, "a handshake failed");
        }
    }
}
