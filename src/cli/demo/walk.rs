//! The walk through the main job. Each answer is checked: the first one that is not as promised ends it.

use std::io::Write;

use super::super::client::Client;
use super::super::device::qr;
use super::super::failure::Failure;
use super::authenticator::Authenticator;
use super::calls::{self, SUBJECT, request_id, session};
use super::login::{Login, login};
use super::sessions::sessions;
use super::story::Story;
use crate::domain::moment::Moment;
use crate::domain::secret::SecretText;
use crate::env::{Clock as _, SystemClock};
use crate::wire::convert::moment;
use crate::wire::pb;
use crate::wire::pb::enroll_device_request::Setup;
use crate::wire::pb::{DeviceState, Outcome, RejectReason};

/// Walks. Gives recovery codes that are still good.
pub(super) async fn walk(
    client: &Client,
    over_unix: &Client,
    out: &mut dyn Write,
) -> Result<Vec<SecretText>, Failure> {
    let mut story = Story::new(out);
    let (device, app) = enroll_app(client, &mut story).await?;
    let Login { context, verified } = login(client, &mut story, &device, &app).await?;
    let retry_at = replay(client, &mut story, verified).await?;
    throttle(client, &mut story, &context, (&device, &app), retry_at).await?;
    let spare = recover(client, &mut story, &context).await?;
    sessions(client, &mut story, &context).await?;

    story.step("Over the Unix socket: what is known of alice as a whole.")?;
    let summary = calls::subject(over_unix).await?;
    let kinds = [pb::DeviceKind::Totp, pb::DeviceKind::RecoveryCodes];
    let has_both = kinds.iter().all(|kind| summary.active_kinds.contains(&i32::from(*kind)));
    story.holds(has_both, "an active authenticator app and active recovery codes")?;
    let left = u32::try_from(spare.len()).unwrap_or(u32::MAX);
    story.holds(summary.recovery_codes_remaining == left, "all recovery codes but the used one")?;
    story.says(&format!("-> an authenticator app and {left} recovery codes"))?;
    story.shows("Everything was as promised.")?;
    Ok(spare)
}

/// Enrolls an authenticator app and confirms it, when alice signs up.
async fn enroll_app(client: &Client, story: &mut Story<'_>) -> Result<(String, Authenticator), Failure> {
    story.step("Alice signs up, and enrolls an authenticator app. This is what she scans:")?;
    let context = session("s-0", "");
    let setup = pb::TotpSetup::default();
    let enrolled = calls::enroll(client, &context, "phone", Setup::Totp(setup)).await?;
    let device = enrolled.device.ok_or_else(|| story.missing("a device"))?;
    story.holds(device.state() == DeviceState::Pending, "a device that waits to be confirmed")?;
    let Some(pb::enrollment::Material::Oath(oath)) = enrolled.enrollment.and_then(|shown| shown.material)
    else {
        return Err(story.missing("a secret, shown once"));
    };
    story.shows(&qr(&oath.otpauth_uri).ok_or_else(|| story.missing("a URI that fits a QR code"))?)?;
    story.says(&oath.otpauth_uri)?;
    let app = Authenticator::new(&oath.secret_base32, SystemClock.now());
    let app = app.ok_or_else(|| story.missing("a secret in base32"))?;

    let code = app.code(0);
    story.step(&format!("The device is pending. Her app shows {}: confirm it with that.", code.expose()))?;
    let confirmed = calls::confirm(client, &context, &device.id, &code).await?;
    story.expects(Outcome::Accepted, RejectReason::Unspecified, confirmed.verdict.as_ref())?;
    let state = confirmed.device.map(|device| device.state());
    story.holds(state == Some(DeviceState::Active), "an active device")?;
    Ok((device.id, app))
}

/// Asks again under the same request id, and offers the code again. Gives the moment at which the next try is
/// due.
async fn replay(
    client: &Client,
    story: &mut Story<'_>,
    (request, first): (pb::VerifyRequest, pb::VerifyResponse),
) -> Result<Moment, Failure> {
    story.step("Was the answer lost? The same request_id gets the same answer, and uses nothing up.")?;
    let again = calls::offer(client, request.clone()).await?;
    story.expects(Outcome::Accepted, RejectReason::Unspecified, again.verdict.as_ref())?;
    story.holds(first == again, "the same answer to the letter")?;

    story.step("Somebody looked over her shoulder, and sends the same code from a session of their own.")?;
    let elsewhere = pb::Context { session: "s-9".to_owned(), ..pb::Context::default() };
    let replayed =
        pb::VerifyRequest { request_id: request_id(), context: Some(elsewhere), scope: 0, ..request };
    let replayed = calls::offer(client, replayed).await?;
    story.expects(Outcome::Rejected, RejectReason::Replayed, replayed.verdict.as_ref())?;
    retry_at(replayed.verdict.as_ref()).ok_or_else(|| story.missing("the moment at which to try again"))
}

fn retry_at(verdict: Option<&pb::Verdict>) -> Option<Moment> {
    verdict.and_then(|verdict| verdict.retry_time.as_ref()).map(moment)
}

/// Offers the right code too soon after that failure, and again when it is time.
async fn throttle(
    client: &Client,
    story: &mut Story<'_>,
    context: &pb::Context,
    (device, app): (&str, &Authenticator),
    due: Moment,
) -> Result<(), Failure> {
    let code = app.code(2);
    story.step(
        "That was a failure, so the next try has to wait. At once, not even a right code is looked at.",
    )?;
    let soon = calls::verify(client, context, device, &code).await?;
    let accepted = soon.verdict.as_ref().is_some_and(|verdict| verdict.outcome() == Outcome::Accepted);
    if accepted && SystemClock.now() >= due {
        return Ok(story.says("-> accepted: this machine was so slow that the wait was over")?);
    }
    story.expects(Outcome::Throttled, RejectReason::Unspecified, soon.verdict.as_ref())?;
    story.holds(retry_at(soon.verdict.as_ref()) == Some(due), "the same moment at which to try again")?;

    story.step(
        "At that moment the same code is good: it was not used up. The wait doubles with each failure.",
    )?;
    tokio::time::sleep(due.since(SystemClock.now())).await;
    let later = calls::verify(client, context, device, &code).await?;
    story.expects(Outcome::Accepted, RejectReason::Unspecified, later.verdict.as_ref())
}

/// Issues recovery codes, uses one, and gives the others.
async fn recover(
    client: &Client,
    story: &mut Story<'_>,
    context: &pb::Context,
) -> Result<Vec<SecretText>, Failure> {
    story.step(
        "Recovery codes, for the day that her phone is gone: she has just proved a device, so she may.",
    )?;
    let setup = Setup::RecoveryCodes(pb::RecoveryCodesSetup::default());
    let issued = calls::enroll(client, context, "recovery codes", setup).await?;
    let state = issued.device.as_ref().map(pb::Device::state);
    story.holds(state == Some(DeviceState::Active), "a list that is active at once")?;
    let Some(pb::enrollment::Material::RecoveryCodes(list)) =
        issued.enrollment.and_then(|shown| shown.material)
    else {
        return Err(story.missing("recovery codes, shown once"));
    };
    let mut codes = list.codes.into_iter().map(SecretText::new);
    let code = codes.next().ok_or_else(|| story.missing("at least one recovery code"))?;
    let spare: Vec<_> = codes.collect();
    story.says(&format!("{} and {} more", code.expose(), spare.len()))?;

    story.step("She types one, as people do: in capitals, and without dashes. No device is named.")?;
    let typed = SecretText::new(code.expose().replace('-', "").to_uppercase());
    let used = calls::verify(client, context, "", &typed).await?;
    story.expects(Outcome::Accepted, RejectReason::Unspecified, used.verdict.as_ref())?;
    let subject = used.device.map(|device| device.subject);
    story.holds(subject.as_deref() == Some(SUBJECT), "the list that accepted it")?;
    Ok(spare)
}
