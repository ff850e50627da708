//! What the system says of a process (proc(5)).

use std::io;

use crate::Failed;

/// A KiB in bytes.
const KIB: u64 = 1 << 10;
/// Clock ticks in a second, on every Linux.
const TICKS: f64 = 100.0;

/// Memory that is resident, in bytes.
pub(crate) fn resident(process: u32) -> Result<u64, Failed> {
    status(process, "VmRSS:")
}

/// The most memory that was resident since [`forget_peak`], or since the start, in bytes.
pub(crate) fn peak(process: u32) -> Result<u64, Failed> {
    status(process, "VmHWM:")
}

/// Begins to look for the peak anew. A server, which forbids dumps of its memory, lets only root do so.
pub(crate) fn forget_peak(process: u32) -> Result<(), Failed> {
    match std::fs::write(format!("/proc/{process}/clear_refs"), "5") {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error.into()),
        _ => Ok(()),
    }
}

/// Descriptors that are open. A server shows them to root only: to others it seems to have none.
pub(crate) fn descriptors(process: u32) -> Result<usize, Failed> {
    match std::fs::read_dir(format!("/proc/{process}/fd")) {
        Ok(entries) => Ok(entries.count()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Seconds of processor time so far.
pub(crate) fn processor(process: u32) -> Result<f64, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, which may have any character, ends with the last parenthesis; utime and stime are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(')').ok_or("a strange stat")?;
    let ticks: f64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}

/// Bytes in MiB, for reports.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

fn status(process: u32, field: &str) -> Result<u64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("a strange status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * KIB)
}
