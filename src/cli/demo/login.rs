//! A login in two steps: what is missing is asked of the server, and not decided by who calls.

use super::super::client::Client;
use super::super::failure::Failure;
use super::authenticator::Authenticator;
use super::calls::{self, session};
use super::settings::{LOGIN, REQUIREMENT};
use super::story::Story;
use crate::wire::pb;
use crate::wire::pb::step::Step;
use crate::wire::pb::{Outcome, RejectReason};

/// What a login leaves behind.
pub(super) struct Login {
    /// Where it was.
    pub(super) context: pb::Context,
    /// The verification of it, as it was asked for and answered.
    pub(super) verified: (pb::VerifyRequest, pb::VerifyResponse),
}

/// A password, then the code of an app. The browser is remembered.
pub(super) async fn login(
    client: &Client,
    story: &mut Story<'_>,
    device: &str,
    app: &Authenticator,
) -> Result<Login, Failure> {
    story.step(&format!("Alice logs in. The server's settings say: {REQUIREMENT} = \"{LOGIN}\"."))?;
    story.says("Her password was right; whoever checked it records that, for her session s-1.")?;
    let context = session("s-1", "");
    let recorded = calls::record_password(client, &context).await?.evidence;
    story.gains(recorded.as_ref())?;

    story
        .step("Is that enough? What is missing is the server's to say, with the devices that could do it.")?;
    let asked = calls::evaluate(client, &context).await?;
    story.decides(pb::DecisionOutcome::StepUpRequired, asked.decisions.first())?;
    let only = Step::Device(pb::DeviceStep {
        kind: pb::DeviceKind::Totp.into(),
        device_ids: vec![device.to_owned()],
        user_verification: false,
    });
    story.holds(steps(asked.decisions.first()) == [[only]], "her app as the one thing that is missing")?;

    story.step("She ticks \"remember this browser\". That proves nothing: evidence is found again by it.")?;
    let remembered = calls::remember(client, "Firefox on Linux").await?;
    let name = remembered.client.map(|client| client.name).unwrap_or_default();
    story.holds(!remembered.client_token.is_empty(), "a token for the browser")?;
    story.says(&format!("-> a token for a cookie of {name}"))?;
    let context = session("s-1", &remembered.client_token);

    let code = app.code(1);
    story.step(&format!(
        "She types the code that her app shows, {}. One call verifies it, for this browser, and decides.",
        code.expose()
    ))?;
    let request = pb::VerifyRequest {
        requirements: vec![REQUIREMENT.to_owned()],
        scope: pb::EvidenceScope::Client.into(),
        ..calls::offered(&context, device, &code)
    };
    let verified = calls::offer(client, request.clone()).await?;
    story.expects(Outcome::Accepted, RejectReason::Unspecified, verified.verdict.as_ref())?;
    story.gains(verified.evidence.as_ref())?;
    story.decides(pb::DecisionOutcome::Satisfied, verified.decisions.first())?;
    Ok(Login { context, verified: (request, verified) })
}

/// The steps of each plan of a decision.
pub(super) fn steps(decision: Option<&pb::Decision>) -> Vec<Vec<Step>> {
    let plans = decision.map(|decision| decision.plans.as_slice()).unwrap_or_default();
    plans.iter().map(|plan| plan.steps.iter().filter_map(|step| step.step.clone()).collect()).collect()
}
