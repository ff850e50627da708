//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors beside connections to clients and to the database: files, listeners, pipes, the runtime's own.
const OTHERS: u64 = 32;
/// Connections that a server must be able to have open.
const LEAST: u64 = 8;
/// The limit that is asked for, if the system allows that much.
const WANTED: u64 = 65_536;

/// The limit of open files is too low.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the limit of open files is {limit}, and must be at least {least}: raise it with `ulimit -n`, LimitNOFILE or the \
     container's settings"
)]
pub struct TooFew {
    /// The limit.
    limit: u64,
    /// What is needed.
    least: u64,
}

/// Raises the limit of open files as far as the system allows, and gives how many connections fit under it beside
/// `database` descriptors: at most `wanted`.
///
/// # Errors
/// The limit is too low.
pub fn connections(wanted: usize, database: u64) -> Result<usize, TooFew> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let mut limit = current.unwrap_or(u64::MAX);
    let raised = WANTED.min(maximum.unwrap_or(WANTED));
    if raised > limit && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok() {
        limit = raised;
    }
    let fitting = fitting(limit, database)?;
    let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
    if fitting < wanted {
        tracing::warn!(
            connections = fitting,
            "fewer connections than configured: the limit of open files is {limit}"
        );
    }
    Ok(fitting.min(wanted))
}

fn fitting(limit: u64, database: u64) -> Result<u64, TooFew> {
    let least = LEAST + database + OTHERS;
    if limit < least { Err(TooFew { limit, least }) } else { Ok(limit - database - OTHERS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_the_database_and_the_rest_leave() {
        assert_eq!(fitting(1024, 8), Ok(984));
        assert_eq!(fitting(48, 8), Ok(8));
        let error = fitting(47, 8).unwrap_err();
        assert_eq!(error, TooFew { limit: 47, least: 48 });
        assert!(error.to_string().contains("open files is 47, and must be at least 48"));
    }
}
