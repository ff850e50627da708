//! Calls by path and in bytes: what no generated stub would send, and what it would not show.

use prost::Message;
use prost::bytes::{Buf as _, BufMut as _};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::service::Interceptor as _;
use tonic::{Request, Status};
use tower::ServiceExt as _;

use super::Client;

/// Messages as the bytes that they are.
#[derive(Clone, Copy, Default)]
struct AsIs;

impl Codec for AsIs {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsIs {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for AsIs {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}

impl Client {
    /// Sends those bytes to a method (`/package.Service/Method`) and gives the first message that comes
    /// back, whether more would follow or not.
    pub(crate) async fn raw(&self, path: &str, body: Vec<u8>) -> Result<Vec<u8>, Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        let path: PathAndQuery = path.parse().unwrap();
        let request = self.token.clone().call(Request::new(())).unwrap().map(|()| body);
        let mut answers = grpc.server_streaming(request, path, AsIs).await?.into_inner();
        let first = answers.message().await?;
        first.ok_or_else(|| Status::data_loss("the stream ended without a message and without an error"))
    }

    /// Sends a message to a method of this API (`DeviceService/GetDevice`).
    pub(crate) async fn send<R: Message + Default>(
        &self,
        method: &str,
        message: &impl Message,
    ) -> Result<R, Status> {
        let answer = self.raw(&format!("/countersign.v1.{method}"), message.encode_to_vec()).await?;
        Ok(R::decode(answer.as_slice()).unwrap())
    }
}

impl Client {
    /// Sends a body that is framed already, or badly, and gives the status that comes back.
    pub(crate) async fn framed(
        &self,
        path: &str,
        body: &'static str,
        encoding: Option<&'static str>,
    ) -> Result<(), Status> {
        let mut request =
            http::Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
        if let Some(encoding) = encoding {
            request = request.header("grpc-encoding", encoding);
        }
        if let Some(token) = self.token.header() {
            request = request.header("authorization", token);
        }
        let body = tonic::body::Body::new(body.to_owned());
        let response = self.channel.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        Status::from_header_map(response.headers()).map_or(Ok(()), Err)
    }
}
