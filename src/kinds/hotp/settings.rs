//! The settings of a tenant for HOTP devices.

use crate::domain::kind::Guessing;
use crate::domain::setting::Setting;

/// Digits of a code, unless an enrollment asks for others.
pub static DIGITS: Setting = Setting::number("hotp.digits", 6, 6, 8);
/// Counters accepted ahead: the default, and the most that an enrollment may ask for.
pub static LOOK_AHEAD: Setting = Setting::number("hotp.look_ahead", 2, 0, 20);

/// Every setting.
pub(super) static ALL: [&Setting; 2] = [&DIGITS, &LOOK_AHEAD];

/// Resynchronizing moves the window; it does not widen it for a single code.
pub(super) static GUESSING: Guessing =
    Guessing { window: |settings| settings.number(&LOOK_AHEAD) + 1, setting: &LOOK_AHEAD };
