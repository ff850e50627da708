//! `countersign device`: one file a command.

mod confirm;
mod delete;
mod enroll;
mod list;
mod qr;
mod resync;
mod show;
mod unlock;
mod update;

use std::io::Write;

use clap::{Args, Subcommand};

use super::environment::Environment;
use super::exchange::{Connection, Exchange};
use super::failure::Failure;
use super::{Answer, print};
use crate::wire::pb;
pub(super) use qr::qr;

/// Enrolls, lists, changes and removes devices, as an operator: what changes a user's protection names no session, so
/// the user is asked to prove nothing, and the caller needs the role admin.
#[derive(Debug, Args)]
pub(super) struct Device {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List a subject's devices, in the order in which to offer them
    List(list::List),
    /// Show all that is known of a device
    Show(show::Show),
    /// Enroll a device, and show its secret, once (role admin)
    Enroll(Box<enroll::Enroll>),
    /// Prove that the user holds a pending device, and activate it (role admin)
    Confirm(confirm::Confirm),
    /// Give a device another name
    Rename(update::Rename),
    /// Set a device aside: it proves nothing until it is resumed (role admin)
    Suspend(update::Suspend),
    /// Use a suspended device again (role admin)
    Resume(update::Resume),
    /// Offer a device before the subject's others
    Prefer(update::Prefer),
    /// Remove a device for good (role admin)
    Delete(delete::Delete),
    /// Find a device again that ran out of its window, from consecutive codes
    Resync(resync::Resync),
    /// Clear the failures of a throttled or locked device (role admin)
    Unlock(unlock::Unlock),
}

/// A device of a subject.
#[derive(Debug, Clone, Args)]
struct Which {
    /// The user
    subject: String,
    /// The device's id, as `device list` shows it
    device: String,
}

impl Device {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let Self { what, connection } = self;
        if let What::Enroll(command) = &what {
            // Before anything is connected.
            command.check()?;
        }
        connection.run(environment, out, async |exchange| match what {
            What::List(command) => command.run(exchange).await,
            What::Show(command) => command.run(exchange).await,
            What::Enroll(command) => command.run(exchange).await,
            What::Confirm(command) => command.run(exchange).await,
            What::Rename(command) => command.run(exchange).await,
            What::Suspend(command) => command.run(exchange).await,
            What::Resume(command) => command.run(exchange).await,
            What::Prefer(command) => command.run(exchange).await,
            What::Delete(command) => command.run(exchange).await,
            What::Resync(command) => command.run(exchange).await,
            What::Unlock(command) => command.run(exchange).await,
        })
    }
}

/// A verdict in words, with the device after it.
fn show_tried(
    out: &mut dyn Write,
    verdict: Option<&pb::Verdict>,
    device: Option<&pb::Device>,
) -> std::io::Result<()> {
    writeln!(out, "{}", print::verdict(verdict).0)?;
    device.map_or(Ok(()), |device| writeln!(out, "device {} is {}", device.id, print::state(device.state)))
}

/// A device after a change.
fn show_changed(
    exchange: &mut Exchange<'_>,
    answer: &impl crate::wire::json::Answer,
    device: Option<&pb::Device>,
) -> Result<Answer, Failure> {
    exchange.show(answer, |out| device.map_or(Ok(()), |device| print::device(out, device)))?;
    Ok(Answer::Yes)
}
