//! A unary gRPC call over a bare HTTP/2 connection: as little between the clock and the server as will do.

use std::path::Path;

use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

use crate::Failed;

/// What came back.
pub struct Reply {
    /// The gRPC status.
    pub code: u32,
    /// The message.
    pub message: Bytes,
}

/// A connection, and what every call over it says.
#[derive(Clone)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    token: HeaderValue,
    deadline: Option<HeaderValue>,
    uri: Uri,
}

impl Connection {
    /// Connects to a Unix socket, to call that method with that deadline, in milliseconds.
    pub async fn open(
        socket: &Path,
        token: &str,
        method: &str,
        deadline: Option<u64>,
    ) -> Result<Self, Failed> {
        let stream = UnixStream::connect(socket).await?;
        let (sender, driver) =
            http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        let mut token: HeaderValue = format!("Bearer {token}").parse()?;
        token.set_sensitive(true);
        let deadline = deadline.map(|ms| HeaderValue::try_from(format!("{ms}m"))).transpose()?;
        Ok(Self { sender, token, deadline, uri: format!("http://localhost{method}").parse()? })
    }

    /// Sends a message that is framed already.
    pub async fn call(&mut self, framed: Bytes) -> Result<Reply, Failed> {
        let mut request = Request::post(self.uri.clone())
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .header("authorization", self.token.clone());
        if let Some(deadline) = &self.deadline {
            request = request.header("grpc-timeout", deadline.clone());
        }
        let request = request.body(Full::new(framed))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let collected = body.collect().await?;
        let status = collected.trailers().and_then(|t| t.get("grpc-status"));
        let status = status.or_else(|| head.headers.get("grpc-status"));
        let code =
            status.and_then(|code| code.to_str().ok()?.parse().ok()).ok_or("a reply without status")?;
        let body = collected.to_bytes();
        Ok(Reply { code, message: if body.len() > FRAME { body.slice(FRAME..) } else { Bytes::new() } })
    }
}

/// Bytes before a message: whether it is compressed, and its length.
const FRAME: usize = 5;

/// Frames a message.
pub fn frame(message: &impl prost::Message) -> Bytes {
    let mut framed = vec![0; FRAME];
    framed[1..].copy_from_slice(&u32::try_from(message.encoded_len()).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend_from_slice(&message.encode_to_vec());
    framed.into()
}
