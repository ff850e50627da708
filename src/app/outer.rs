//! The bound on the outermost layer, which another program may put around the server: `tests/server` does.

use tonic::service::Routes;

use crate::rpc::layer::Door;
use crate::transport::Service;

/// A layer that each request reaches before all others. The shipped program has none: [`tower_layer::Identity`].
pub trait Outer: tower_layer::Layer<Door<Routes>, Service = Self::Wrapped> + Clone + Send + 'static {
    /// The server inside this layer.
    type Wrapped: Service;
}

impl<L, W> Outer for L
where
    L: tower_layer::Layer<Door<Routes>, Service = W> + Clone + Send + 'static,
    W: Service,
{
    type Wrapped = W;
}
