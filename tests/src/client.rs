//! A WebSocket client that sends and receives exactly the bytes it is told.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Bytes, Message, client::IntoClientRequest, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

use crate::frames::{hex, json_of};
use crate::within;

/// One connection.
#[derive(Debug)]
pub struct Client<S = MaybeTlsStream<TcpStream>> {
    socket: WebSocketStream<S>,
}

impl Client {
    /// Connects, for example to [`Arena::ws_url`](crate::process::Arena::ws_url).
    pub async fn connect(url: &str) -> Self {
        let what = format!("a WebSocket to {url}");
        let (socket, _) = within(&what, connect_async(url)).await.expect("the node accepts a client");
        Self { socket }
    }

    /// Connects with a subprotocol, which the node must accept.
    pub async fn connect_with_protocol(url: &str, protocol: &str) -> Self {
        let mut request = url.into_client_request().expect("a URL");
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a token"));
        let (socket, answer) = within(url, connect_async(request)).await.expect("the node accepts a client");
        assert_eq!(answer.headers()["sec-websocket-protocol"], protocol);
        Self { socket }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Shakes hands over a stream that leads to a node.
    pub async fn over(stream: S) -> Self {
        let (socket, _) =
            within("a handshake", client_async("ws://localhost/", stream)).await.expect("the node accepts");
        Self { socket }
    }

    /// Starts the closing handshake.
    pub async fn close(&mut self, code: u16) {
        self.send(Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() }))).await;
    }

    /// Sends a binary message.
    pub async fn send_binary(&mut self, bytes: impl Into<Bytes>) {
        self.send(Message::Binary(bytes.into())).await;
    }

    /// Sends a text message.
    pub async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends a text message that need not be text.
    pub async fn send_text_bytes(&mut self, bytes: impl Into<Bytes>) {
        self.send(Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true))).await;
    }

    async fn send(&mut self, message: Message) {
        within("the node to take a message", self.socket.send(message)).await.expect("the connection is open");
    }

    /// Sends a binary message to a node that may close the connection before it has read it all.
    pub async fn send_binary_unconfirmed(&mut self, bytes: impl Into<Bytes>) {
        let sending = self.socket.send(Message::Binary(bytes.into()));
        let _ = within("the node to take or refuse a message", sending).await;
    }

    /// The next message; pings and pongs are none.
    pub async fn next_message(&mut self) -> Message {
        within("a message from the node", self.receive()).await
    }

    /// The next message, if one comes in time. That none comes says nothing: it may be late.
    pub async fn next_message_within(&mut self, patience: Duration) -> Option<Message> {
        timeout(patience, self.receive()).await.ok()
    }

    async fn receive(&mut self) -> Message {
        loop {
            let message = self.socket.next().await.expect("the node keeps the connection open");
            match message.expect("the node speaks WebSocket") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// The next message, which must be a binary one.
    pub async fn next_frame(&mut self) -> Bytes {
        match self.next_message().await {
            Message::Binary(bytes) => bytes,
            other => panic!("expected a binary message, and got {other:?}"),
        }
    }

    /// The JSON of the next message, which must be a JSON frame.
    pub async fn next_json(&mut self) -> Value {
        json_of(&self.next_frame().await)
    }

    /// Expects exactly this frame next. This also shows that something else was kept from this client, without a wait, where order is
    /// promised: of emits of one node, or on one channel of a Redis, whatever came before would have arrived first.
    pub async fn expect_frame(&mut self, expected: &[u8]) {
        assert_eq!(hex(&self.next_frame().await), hex(expected), "this is not the frame that should have come next");
    }

    /// Expects that the node closes the connection next, and returns the code.
    pub async fn next_close(&mut self) -> u16 {
        match self.next_message().await {
            Message::Close(Some(close)) => {
                // Reading on sends our half of the close handshake, after which the node ends the connection.
                let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
                within("the connection to end after its close frame", rest).await;
                close.code.into()
            }
            other => panic!("expected the connection to be closed with a code, and got {other:?}"),
        }
    }
}
