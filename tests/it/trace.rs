//! One Verify as a trace: the real binary exports it over OTLP to a collector, under the caller's own trace.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::Notify;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use crate::faults::tls::Certificates;
use crate::harness::{Process, code, eventually, proof};

const SECRET: &[u8] = b"canary-secret-of-a-trace";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector {
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    more: Arc<Notify>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.requests.lock().unwrap().push(request.into_inner());
        self.more.notify_one();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let (collector, port) = Self::behind(Server::builder()).await;
        (collector, format!("http://127.0.0.1:{port}"))
    }

    /// Behind that server, with its port.
    async fn behind(mut server: Server) -> (Self, u16) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let collector = Self::default();
        let server = server
            .add_service(TraceServiceServer::new(collector.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        (collector, port)
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|s| s.spans.clone()).collect()
    }

    /// The spans of the caller's trace, when there are that many.
    async fn wait_for(&self, count: usize) -> Vec<Span> {
        let arrived = async {
            loop {
                let spans: Vec<Span> =
                    self.spans().into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
                if spans.len() >= count {
                    return spans;
                }
                self.more.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), arrived).await.expect("the spans must arrive")
    }
}

#[tokio::test]
async fn a_verify_is_one_trace_under_its_callers_and_holds_no_secret() {
    let (collector, endpoint) = Collector::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("COUNTERSIGN_LOG_LEVEL", "trace"),
    ];
    let process = Process::start(&environment).await;
    let client = process.client().await;
    let now = process.now();
    let device = client.enroll_totp("alice", "phone", SECRET).await;
    // The codes of this step and the next: both stand, even if a step begins meanwhile.
    client.confirm("alice", &device.id, &code(SECRET, now, 0)).await.unwrap();

    let mut request = Request::new(countersign::wire::pb::VerifyRequest {
        subject: "alice".to_owned(),
        device_id: device.id.clone(),
        proof: Some(proof(&code(SECRET, now, 1))),
        ..Default::default()
    });
    let parent = format!("00-{TRACE}-{PARENT}-01");
    request.metadata_mut().insert("traceparent", parent.parse().unwrap());
    let verified = client.verification.clone().verify(request).await.unwrap().into_inner();
    assert_eq!(verified.verdict.unwrap().outcome(), countersign::wire::pb::Outcome::Accepted);

    let spans = collector.wait_for(3).await;
    let named = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}: {spans:?}"))
    };
    let rpc = named("countersign.v1.VerificationService/Verify");
    assert_eq!(hex(&rpc.parent_span_id), PARENT);
    assert_eq!(rpc.kind, 2, "a server's span");
    for inner in ["judge", "commit"] {
        assert_eq!(named(inner).parent_span_id, rpc.span_id, "{inner}");
    }
    assert_eq!(spans.len(), 3, "{spans:?}");

    let log = process.stop().await;
    assert!(log.contains(TRACE), "the log names the trace");
    let everything = format!("{:?}\n{log}", collector.spans());
    let base32 = data_encoding::BASE32_NOPAD.encode(SECRET);
    for canary in [std::str::from_utf8(SECRET).unwrap(), &base32] {
        assert!(!everything.contains(canary), "{canary} is in a span or in the log");
    }
    for code in [code(SECRET, now, 0), code(SECRET, now, 1)] {
        assert!(!holds_code(&everything, &code), "{code} is in a span or in the log");
        assert!(holds_code(&format!("{everything} {code}"), &code), "it would be found");
    }
}

/// Whether a text holds a code. The digits of a longer number or of a fraction, such as those of a moment, are none.
fn holds_code(text: &str, code: &str) -> bool {
    text.match_indices(code).any(|(at, _)| {
        let is_inside = text[..at].ends_with(|c: char| c.is_ascii_digit() || c == '.');
        !is_inside && !text[at + code.len()..].starts_with(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn a_code_is_told_from_the_digits_of_a_moment() {
    for text in ["code: 299424", "\"299424\"", "299424.", "a299424b"] {
        assert!(holds_code(text, "299424"), "{text}");
    }
    for text in ["02:42:01.299424Z", "1299424", "2994240", "0.299424"] {
        assert!(!holds_code(text, "299424"), "{text}");
    }
}

#[tokio::test]
async fn traces_go_over_tls_to_a_collector_whose_authority_is_named() {
    let certificates = Certificates::make().await;
    let pem = |name: &str| std::fs::read(certificates.path(name)).unwrap();
    let identity = Identity::from_pem(pem("server.pem"), pem("server.key"));
    let tls = ServerTlsConfig::new().identity(identity);
    let (collector, port) = Collector::behind(Server::builder().tls_config(tls).unwrap()).await;
    for endpoint in [format!("https://localhost:{port}"), format!("localhost:{port}")] {
        let before = collector.spans().len();
        let authority = certificates.path("ca.pem");
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", authority.to_str().unwrap()),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ];
        let process = Process::start(&environment).await;
        process.client().await.enroll_totp("alice", "phone", SECRET).await;
        eventually("a span arrives", async || collector.spans().len() > before).await;
        process.stop().await;
    }
}

#[tokio::test]
async fn an_exporter_that_cannot_work_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path().join("data"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
    command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    let ended = tokio::time::timeout(Duration::from_secs(30), command.kill_on_drop(true).output());
    let refused = ended.await.expect("it is refused, and does not serve").unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("OTEL_EXPORTER_OTLP_PROTOCOL: is \"http/protobuf\", and traces are sent by gRPC only"),
        "{said}"
    );
    assert!(!dir.path().join("data").exists(), "nothing was made");
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
