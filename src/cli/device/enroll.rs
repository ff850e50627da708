//! `countersign device enroll`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Answer, Exchange, Failure, print, qr};
use crate::cli::typed;
use crate::domain::kind::Kind;
use crate::wire::convert::duration;
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;
use crate::wire::pb::enroll_device_request::Setup;

/// A hash, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Enroll {
    /// The user
    subject: String,
    /// What to enroll: an authenticator app (totp), a token that counts (hotp), or a list of codes
    #[arg(long, value_name = "KIND", value_parser = typed::kind())]
    kind: Kind,
    /// The user's own name for it. Left out, one is made from the kind
    #[arg(long)]
    name: Option<String>,
    /// How many recovery codes: 1 to 50
    #[arg(long, value_name = "N")]
    count: Option<u32>,
    /// Digits of a code: 6 to 8 (totp, hotp)
    #[arg(long, value_name = "N")]
    digits: Option<u32>,
    /// The time step: 15s to 120s (totp)
    #[arg(long, value_name = "TIME", value_parser = typed::span)]
    period: Option<Duration>,
    /// The hash (totp, hotp). Every authenticator app understands sha1, the default
    #[arg(long, value_enum, value_name = "HASH")]
    algorithm: Option<Algorithm>,
    /// The first counter (hotp)
    #[arg(long, value_name = "N")]
    counter: Option<u64>,
    /// Steps accepted each way (totp): at most the setting totp.tolerance
    #[arg(long, value_name = "N")]
    tolerance: Option<u32>,
    /// Counters accepted ahead (hotp): at most the setting hotp.look_ahead
    #[arg(long, value_name = "N")]
    look_ahead: Option<u32>,
    /// What the app shows as the account. Left out, the subject (totp, hotp)
    #[arg(long, value_name = "ACCOUNT")]
    account_name: Option<String>,
    /// A file with a secret that was made elsewhere, in base32; - for standard input (totp, hotp)
    #[arg(long, value_name = "FILE")]
    secret_base32_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
The secret is shown now and never again. A totp or hotp device is pending until `device confirm`, for 15 minutes.
An operator's call: it needs the role admin. For users who add devices themselves, call EnrollDevice with their session.

Examples:
  countersign device enroll alice --kind totp --name phone
  countersign device enroll alice --kind hotp --digits 8 --secret-base32-file token.txt
  countersign device enroll alice --kind recovery-codes --count 8";

impl Enroll {
    /// Whether the options are ones of this kind.
    pub(super) fn check(&self) -> Result<(), Failure> {
        const OATH: &[&str] = &["totp", "hotp"];
        let options: [(&str, bool, &[&str]); 9] = [
            ("--count", self.count.is_some(), &["recovery_codes"]),
            ("--digits", self.digits.is_some(), OATH),
            ("--period", self.period.is_some(), &["totp"]),
            ("--algorithm", self.algorithm.is_some(), OATH),
            ("--counter", self.counter.is_some(), &["hotp"]),
            ("--tolerance", self.tolerance.is_some(), &["totp"]),
            ("--look-ahead", self.look_ahead.is_some(), &["hotp"]),
            ("--account-name", self.account_name.is_some(), OATH),
            ("--secret-base32-file", self.secret_base32_file.is_some(), OATH),
        ];
        for (option, is_given, kinds) in options {
            if is_given && !kinds.contains(&self.kind.as_str()) {
                let kinds = kinds.join(" or ").replace('_', "-");
                return Err(Failure::Usage(format!("{option} goes with --kind {kinds}")));
            }
        }
        Ok(())
    }

    fn setup(&self) -> Result<Setup, Failure> {
        let secret = self.secret_base32_file.as_deref().map(typed::secret).transpose()?;
        let secret = secret.map(|secret| secret.expose().to_vec()).unwrap_or_default();
        let algorithm = self.algorithm.map_or(pb::OathAlgorithm::Unspecified, |algorithm| match algorithm {
            Algorithm::Sha1 => pb::OathAlgorithm::Sha1,
            Algorithm::Sha256 => pb::OathAlgorithm::Sha256,
            Algorithm::Sha512 => pb::OathAlgorithm::Sha512,
        });
        let account_name = self.account_name.clone().unwrap_or_default();
        let digits = self.digits.unwrap_or_default();
        Ok(match self.kind.as_str() {
            "totp" => Setup::Totp(pb::TotpSetup {
                algorithm: algorithm.into(),
                digits,
                period: self.period.map(duration),
                secret,
                account_name,
                tolerance: self.tolerance,
                start_time: None,
            }),
            "hotp" => Setup::Hotp(pb::HotpSetup {
                algorithm: algorithm.into(),
                digits,
                counter: self.counter.unwrap_or_default(),
                secret,
                account_name,
                look_ahead: self.look_ahead,
            }),
            "recovery_codes" => {
                Setup::RecoveryCodes(pb::RecoveryCodesSetup { count: self.count.unwrap_or_default() })
            }
            other => return Err(Failure::Usage(format!("{other} devices are not enrolled by this command"))),
        })
    }

    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let request = pb::EnrollDeviceRequest {
            setup: Some(self.setup()?),
            subject: self.subject,
            name: self.name.unwrap_or_default(),
            request_id: exchange.request_id(),
            ..Default::default()
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                DeviceServiceClient::new(channel).enroll_device(request).await
            })
            .await?;
        exchange.show(&answer, |out| shown(out, &answer))?;
        Ok(Answer::Yes)
    }
}

fn shown(out: &mut dyn Write, answer: &pb::EnrollDeviceResponse) -> io::Result<()> {
    use pb::enrollment::Material;
    match answer.enrollment.as_ref().and_then(|enrollment| enrollment.material.as_ref()) {
        Some(Material::Oath(oath)) => {
            if let Some(code) = qr(&oath.otpauth_uri) {
                writeln!(out, "{code}")?;
            }
            let lines = [("uri", oath.otpauth_uri.clone()), ("secret", oath.secret_base32.clone())];
            print::fields(out, &lines)?;
        }
        Some(Material::RecoveryCodes(codes)) => print::codes(out, Some(codes))?,
        None => {}
    }
    let Some(device) = &answer.device else { return Ok(()) };
    let lines =
        [("device", device.id.clone()), ("name", device.name.clone()), ("state", print::state(device.state))];
    print::fields(out, &lines)?;
    if device.state() == pb::DeviceState::Pending {
        writeln!(
            out,
            "confirm it with: countersign device confirm {} {} CODE",
            print::word(&device.subject),
            device.id
        )?;
    }
    Ok(())
}
