//! Other sessions: what was proved counts where it was given, and nowhere else.

use super::super::client::Client;
use super::super::failure::Failure;
use super::calls::{self, session};
use super::login::steps;
use super::story::Story;
use crate::wire::pb;
use crate::wire::pb::enroll_device_request::Setup;
use crate::wire::pb::step::Step;

/// The next day in the same browser, and somebody else in another one.
pub(super) async fn sessions(
    client: &Client,
    story: &mut Story<'_>,
    remembered: &pb::Context,
) -> Result<(), Failure> {
    story.step("The next day: another session, s-2, in the same browser. What was proved for it counts.")?;
    let context = session("s-2", &remembered.client_token);
    let asked = calls::evaluate(client, &context).await?;
    story.decides(pb::DecisionOutcome::StepUpRequired, asked.decisions.first())?;
    let only = Step::External("password".to_owned());
    story
        .holds(steps(asked.decisions.first()) == [[only]], "the password as the one thing that is missing")?;

    story.step("With her password she is in, and is asked for no code.")?;
    calls::record_password(client, &context).await?;
    let asked = calls::evaluate(client, &context).await?;
    story.decides(pb::DecisionOutcome::Satisfied, asked.decisions.first())?;

    story.step("Somebody stole her password, and logs in elsewhere: session s-3, another browser.")?;
    let elsewhere = session("s-3", "");
    calls::record_password(client, &elsewhere).await?;
    let asked = calls::evaluate(client, &elsewhere).await?;
    story.decides(pb::DecisionOutcome::StepUpRequired, asked.decisions.first())?;

    story.step("They try to add an authenticator app of their own. The sidecar guards itself.")?;
    let setup = Setup::Totp(pb::TotpSetup::default());
    match calls::enroll(client, &elsewhere, "my phone too", setup).await {
        Err(failure) if failure.reason() == Some(pb::ErrorReason::StepUpRequired.as_str_name()) => {
            story.says(&format!("-> {failure}"))?;
            Ok(())
        }
        Err(failure) => Err(failure),
        Ok(_) => Err(story.missing("that a password alone adds no device")),
    }
}
