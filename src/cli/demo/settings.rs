//! The settings of the demonstration: what has to be proved for what.

/// The requirement that the walk is about.
pub(super) const REQUIREMENT: &str = "login";
/// What it asks for.
pub(super) const LOGIN: &str = "password and (totp or recovery_codes)";

/// The file, as an operator would write it.
pub(super) fn file() -> String {
    format!(
        "[policy]
issuer = \"Countersign\"
# A window of five codes instead of three, so that the walk need not wait for the next code. A guess is likelier, so
# there are fewer devices to guess at.
totp.tolerance = 2
devices_per_subject = 3

# What the caller checks itself, and what that is worth.
[methods.password]
factor_types = [\"knowledge\"]
amr = [\"pwd\"]

[requirements]
{REQUIREMENT} = \"{LOGIN}\"
"
    )
}
