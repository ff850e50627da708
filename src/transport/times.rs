//! How long a peer may leave undone what HTTP/2 or gRPC asks of it.

use std::time::Duration;

/// The times. A connection is looked at each second, so that it may last a second longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Until it has acknowledged the server's SETTINGS, which it does after its connection preface: 5 s.
    pub acknowledgement: Duration,
    /// Until it has read an answer: 10 s.
    pub unread: Duration,
    /// Without a request, before it is told to go: 5 min.
    pub idle: Duration,
    /// Without a frame, before a PING asks whether it is there: 20 s.
    pub ping_after: Duration,
    /// Until it has answered that PING: 20 s.
    pub ping_answer: Duration,
    /// Until it has gone, after it was told to: 5 s.
    pub leave: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            acknowledgement: seconds(5),
            unread: seconds(10),
            idle: seconds(300),
            ping_after: seconds(20),
            ping_answer: seconds(20),
            leave: seconds(5),
        }
    }
}
