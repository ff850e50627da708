//! The settings of a tenant for TOTP devices.

use crate::domain::kind::Guessing;
use crate::domain::setting::Setting;

/// Digits of a code, unless an enrollment asks for others.
pub static DIGITS: Setting = Setting::number("totp.digits", 6, 6, 8);
/// Length of a step, unless an enrollment asks for another.
pub static PERIOD: Setting = Setting::seconds("totp.period", 30, 15, 120);
/// Steps accepted each way: the default, and the most that an enrollment may ask for.
pub static TOLERANCE: Setting = Setting::number("totp.tolerance", 1, 0, 4);
/// Whether a device's drift is learned from the codes that it gives.
pub static LEARN_DRIFT: Setting = Setting::flag("totp.learn_drift", true);
/// How far learning moves the drift either way, in steps.
pub static MAX_DRIFT: Setting = Setting::number("totp.max_drift", 1, 0, 10);

/// Every setting.
pub(super) static ALL: [&Setting; 5] = [&DIGITS, &PERIOD, &TOLERANCE, &LEARN_DRIFT, &MAX_DRIFT];

/// Drift and resynchronizing move the window; they do not widen it for a single code.
pub(super) static GUESSING: Guessing =
    Guessing { window: |settings| 2 * settings.number(&TOLERANCE) + 1, setting: &TOLERANCE };
