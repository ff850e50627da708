//! `grpc.health.v1`, as its specification has it: a watched service that is not known is `SERVICE_UNKNOWN`, and not an
//! error, so that clients with client-side health checks keep the connection.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::domain::refusal::Refusal;
use crate::wire::{SERVICES, status};

/// Says whether the server is ready. All services are ready together. Streams of watchers end when it is dropped.
#[derive(Debug, Clone)]
pub struct Reporter(watch::Sender<bool>);

impl Reporter {
    /// A server that is ready, and the service that says so.
    #[must_use]
    pub fn new() -> (Self, HealthServer<impl Health>) {
        let (sender, is_serving) = watch::channel(true);
        (Self(sender), HealthServer::new(Service { is_serving }))
    }

    /// Tells every watcher.
    pub fn set(&self, is_serving: bool) {
        self.0.send_replace(is_serving);
    }
}

#[derive(Debug)]
struct Service {
    is_serving: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl Health for Service {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        if !is_known(&service) {
            return Err(status::refused(&Refusal::ServiceUnknown { service }));
        }
        Ok(Response::new(answer(serving(*self.is_serving.borrow()))))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let is_known = is_known(&request.into_inner().service);
        let changes =
            stream::unfold((self.is_serving.clone(), true), move |(mut changes, is_first)| async move {
                if is_first {
                    let now = if is_known {
                        serving(*changes.borrow_and_update())
                    } else {
                        ServingStatus::ServiceUnknown
                    };
                    return Some((now, (changes, false)));
                }
                loop {
                    // The sender is gone: the server stops.
                    changes.changed().await.ok()?;
                    let is_serving = *changes.borrow_and_update();
                    // No service comes to be known while the server runs.
                    if is_known {
                        return Some((serving(is_serving), (changes, false)));
                    }
                }
            });
        Ok(Response::new(Box::pin(changes.map(|status| Ok(answer(status))))))
    }
}

/// The empty name is the whole server.
fn is_known(service: &str) -> bool {
    service.is_empty() || SERVICES.contains(&service)
}

fn serving(is_serving: bool) -> ServingStatus {
    if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
