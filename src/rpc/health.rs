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

/// Sets the health of all services at once. Watch streams end when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Reporter(watch::Sender<bool>);

impl Reporter {
    /// A reporter that begins with `SERVING`, and the health service.
    #[must_use]
    pub fn new() -> (Self, HealthServer<impl Health>) {
        let (sender, is_serving) = watch::channel(true);
        (Self(sender), HealthServer::new(Service { is_serving }))
    }

    /// Sets `SERVING` or `NOT_SERVING`, and sends it to every watcher.
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
                    // Without a sender the server is stopping.
                    changes.changed().await.ok()?;
                    let is_serving = *changes.borrow_and_update();
                    // An unknown service stays unknown: its only message was the first.
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
