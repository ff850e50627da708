//! The tasks that a server needs for as long as it runs.

use std::sync::Arc;

use tokio::sync::SetOnce;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Tasks that run beside the requests until the server stops. One that ends before, by a panic or by itself, leaves work
/// undone that nothing else does: the server must not go on as if it were well.
pub struct Tasks {
    tasks: Vec<JoinHandle<()>>,
    died: Arc<SetOnce<&'static str>>,
    stop: CancellationToken,
}

/// Says that its task has ended, when it is dropped: a panic drops it too.
struct Ended {
    name: &'static str,
    died: Arc<SetOnce<&'static str>>,
    stop: CancellationToken,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            // Refused if another task died before: the first is the one to tell.
            let _ = self.died.set(self.name);
        }
    }
}

impl Tasks {
    /// None yet. They may end after `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { tasks: Vec::new(), died: Arc::default(), stop }
    }

    /// Starts a task that runs until the server stops.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let ended = Ended { name, died: self.died.clone(), stop: self.stop.clone() };
        self.tasks.push(tokio::spawn(async move {
            let _ended = ended;
            task.await;
        }));
    }

    /// Waits until a task has ended before its time. Gives its name.
    pub async fn died(&self) -> &'static str {
        self.died.wait().await
    }

    /// Ends all of them.
    pub fn abort(self) {
        for task in self.tasks {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_by_itself_has_died() {
        for does_panic in [true, false] {
            let mut tasks = Tasks::new(CancellationToken::new());
            tasks.spawn("well", std::future::pending());
            tasks.spawn("bad", async move { assert!(!does_panic, "as it must") });
            assert_eq!(timeout(Duration::from_secs(30), tasks.died()).await, Ok("bad"));
            // It stays so, for who asks later.
            assert_eq!(tasks.died().await, "bad");
        }
    }

    #[tokio::test]
    async fn a_task_that_ends_with_the_server_has_not_died() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        tasks.spawn("well", stop.clone().cancelled_owned());
        stop.cancel();
        for task in tasks.tasks.drain(..) {
            task.await.unwrap();
        }
        assert!(timeout(Duration::ZERO, tasks.died()).await.is_err());
    }
}
