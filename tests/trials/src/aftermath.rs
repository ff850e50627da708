//! Looks at what is there after a trial: the devices over the API, the audit log in the database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use countersign::app;
use countersign::crypto::keyring::Keyring;
use countersign::domain::moment::Moment;
use countersign::domain::secret::SecretText;
use countersign::env::{Entropy, SystemEntropy};
use countersign::store::{Audit, Options};
use countersign::wire::pb;
use countersign::wire::pb::device::Detail;
use sea_orm::QueryResult;

use crate::Failed;
use crate::authenticator::patiently;
use crate::checker::{Aftermath, Noted, Seen, What};
use crate::client::{Client, Place};
use crate::database::sql;
use crate::history::History;

/// What is there now. `places`: the devices that may be there.
///
/// # Errors
/// Nobody answers.
pub async fn look(
    clients: &[Client],
    history: &History,
    places: &[Place],
    url: &str,
    keyring: &Path,
) -> Result<Aftermath, Failed> {
    let mut devices = BTreeMap::new();
    for place in places {
        let device = patiently(clients, |client| async move { client.device(place).await }).await;
        if let Some(device) = device.map_err(|answer| format!("reading a device: {answer:?}"))? {
            devices.insert(place.device.clone(), seen(&device));
        }
    }
    // Not before: what runs out while the others are read may be gone.
    let at = history.now();
    let meant: BTreeSet<&Arc<str>> = places.iter().map(|place| &place.device).collect();
    let is_meant = |event: &Noted| meant.contains(&event.device);
    let events = events(url).await?.into_iter().filter(is_meant).collect();
    Ok(Aftermath { at, devices, events, broken: chains(url, keyring).await? })
}

fn seen(device: &pb::Device) -> Seen {
    let next = match &device.detail {
        Some(Detail::Hotp(hotp)) => hotp.counter,
        Some(Detail::Totp(totp)) => totp.last_step.map_or(0, |step| u64::try_from(step + 1).unwrap_or(0)),
        Some(Detail::RecoveryCodes(codes)) => u64::from(codes.remaining),
        None => 0,
    };
    Seen { is_confirmed: device.state() != pb::DeviceState::Pending, next }
}

async fn events(url: &str) -> Result<Vec<Noted>, Failed> {
    let rows = sql::rows(url, "SELECT device, at, what, details FROM event WHERE device <> ''").await?;
    rows.into_iter().map(|row| noted(&row)).collect()
}

fn noted(row: &QueryResult) -> Result<Noted, Failed> {
    let (device, what): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(2)?);
    let what = match what.as_str() {
        "proof.accepted" => What::Accepted,
        "proof.rejected" => {
            let details: serde_json::Value = serde_json::from_str(&row.try_get_by_index::<String>(3)?)?;
            let failures = details["failures"].as_str().and_then(|failures| failures.parse().ok());
            What::Rejected(failures.ok_or("a failure without its number")?)
        }
        "device.unlocked" => What::Unlocked,
        _ => What::Other,
    };
    Ok(Noted { device: device.into(), at: Moment::from_micros(row.try_get_by_index(1)?), what })
}

/// Where a chain is broken.
async fn chains(url: &str, keyring: &Path) -> Result<Option<String>, Failed> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let dir = tempfile::tempdir()?;
    let url = if url.starts_with("sqlite:") { copy(url, dir.path()).await? } else { url.to_owned() };
    let options = Options { max_connections: 4, ..Options::of(SecretText::new(url)) };
    let store = app::open(&options, Arc::new(Keyring::load(keyring)?), &entropy).await?;
    let audit = store.audit().await;
    store.close().await;
    drop(dir);
    Ok(match audit? {
        Audit::Whole { .. } => None,
        Audit::Broken(broken) => Some(format!("{broken:?}")),
    })
}

/// Copies a SQLite database, which the process that serves it shares with no other. Gives the URL of the copy.
async fn copy(url: &str, dir: &Path) -> Result<String, Failed> {
    let copy = dir.join("copy.db");
    sql::rows(url, &format!("VACUUM INTO '{}'", copy.display())).await?;
    std::fs::set_permissions(&copy, Permissions::from_mode(0o600))?;
    Ok(format!("sqlite:{}", copy.display()))
}
