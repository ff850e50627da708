//! Decisions in words.

use super::{Answer, kind};
use crate::wire::convert::rfc3339;
use crate::wire::pb;

/// A decision in words, a line each, and as an answer: only what is satisfied is a yes.
pub(in crate::cli) fn decided(decision: &pb::Decision) -> (Vec<String>, Answer) {
    let applied = &decision.applied_requirements;
    let name = match decision.requirement.as_str() {
        "" => "all together".to_owned(),
        // Rules apply others instead.
        name if !applied.is_empty() && *applied != [name] => format!("{name} ({})", applied.join(", ")),
        name => name.to_owned(),
    };
    let until = |what: &str, time: Option<String>| time.map_or(String::new(), |time| format!("{what}{time}"));
    let time = |time: &Option<_>| time.as_ref().map(rfc3339);
    let valid = until(" until ", time(&decision.valid_until_time));
    // What the server says of it in words, where that is more than the name of the outcome.
    let said = decision.explanation.lines().next().unwrap_or_default();
    let said = |otherwise: &str| if said.is_empty() { otherwise.to_owned() } else { said.to_owned() };
    let head = match decision.outcome() {
        pb::DecisionOutcome::Satisfied => return (vec![format!("{name}: satisfied{valid}")], Answer::Yes),
        pb::DecisionOutcome::StepUpRequired => {
            let retry = until("; without naming a device from ", time(&decision.any_device_retry_time));
            format!("step-up required{retry}")
        }
        pb::DecisionOutcome::EnrollmentRequired => {
            let grace = until("; let in all the same until ", time(&decision.grace_until_time));
            format!("{}{grace}", said("enrollment required"))
        }
        pb::DecisionOutcome::Unavailable => {
            format!("{}{}", said("unavailable"), until("; next try at ", time(&decision.retry_time)))
        }
        pb::DecisionOutcome::Unspecified => "an answer that this version does not know".to_owned(),
    };
    let plans = (1..).zip(&decision.plans);
    let plans = plans.map(|(number, plan): (u32, _)| format!("  plan {number}: {}", self::plan(plan)));
    (std::iter::once(format!("{name}: {head}")).chain(plans).collect(), Answer::No)
}

/// Why there is no decision on all requirements together, in words.
pub(in crate::cli) fn joint_absence(absence: pb::JointAbsence) -> Option<String> {
    match absence {
        pb::JointAbsence::Unspecified => None,
        pb::JointAbsence::TooComplex => {
            Some("all together: not decided, since there are too many ways to compare".to_owned())
        }
    }
}

/// Its steps, in the order in which to take them.
fn plan(plan: &pb::Plan) -> String {
    use pb::step::Step;
    let steps = plan.steps.iter().map(|step| match &step.step {
        Some(Step::Device(device)) => {
            let verified = if device.user_verification { ", user verified" } else { "" };
            // As requirements write it, which stand beside it.
            let kind = kind(device.kind).replace('-', "_");
            format!("{kind} ({}{verified})", device.device_ids.join(" or "))
        }
        Some(Step::External(name)) => name.clone(),
        None => "a step that this version does not know".to_owned(),
    });
    steps.collect::<Vec<_>>().join(", then ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(outcome: pb::DecisionOutcome) -> pb::Decision {
        let applied_requirements = strings(&["login"]);
        let requirement = "login".into();
        pb::Decision { requirement, applied_requirements, outcome: outcome.into(), ..Default::default() }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 1 })
    }

    fn step(step: pb::step::Step) -> pb::Step {
        pb::Step { step: Some(step) }
    }

    #[test]
    fn what_is_satisfied_says_until_when() {
        let satisfied = pb::Decision { valid_until_time: at(0), ..decision(pb::DecisionOutcome::Satisfied) };
        let (lines, answer) = decided(&satisfied);
        assert_eq!(lines, ["login: satisfied until 1970-01-01T00:00:00Z"]);
        assert_eq!(answer, Answer::Yes);
        let by_rules =
            pb::Decision { applied_requirements: strings(&["strict", "abroad"]), ..satisfied.clone() };
        assert_eq!(decided(&by_rules).0, ["login (strict, abroad): satisfied until 1970-01-01T00:00:00Z"]);
        let joint = pb::Decision { requirement: String::new(), ..satisfied };
        assert_eq!(decided(&joint).0, ["all together: satisfied until 1970-01-01T00:00:00Z"]);
    }

    #[test]
    fn a_joint_decision_that_is_absent_says_why() {
        let said = "all together: not decided, since there are too many ways to compare";
        assert_eq!(joint_absence(pb::JointAbsence::TooComplex).as_deref(), Some(said));
        assert_eq!(joint_absence(pb::JointAbsence::Unspecified), None);
    }

    #[test]
    fn a_step_up_has_a_line_for_each_plan() {
        let device = |kind: pb::DeviceKind, ids: &[&str], user_verification| {
            let device_ids = ids.iter().map(|id| (*id).to_owned()).collect();
            let kind = kind.into();
            step(pb::step::Step::Device(pb::DeviceStep { kind, device_ids, user_verification }))
        };
        let password = step(pb::step::Step::External("password".into()));
        let plans = vec![
            pb::Plan { steps: vec![device(pb::DeviceKind::Totp, &["d1", "d2"], false), password] },
            pb::Plan { steps: vec![device(pb::DeviceKind::RecoveryCodes, &["d3"], true)] },
        ];
        let (lines, answer) =
            decided(&pb::Decision { plans, ..decision(pb::DecisionOutcome::StepUpRequired) });
        let expected = [
            "login: step-up required",
            "  plan 1: totp (d1 or d2), then password",
            "  plan 2: recovery_codes (d3, user verified)",
        ];
        assert_eq!(lines, expected);
        assert_eq!(answer, Answer::No);
    }

    #[test]
    fn what_the_user_cannot_do_now_is_told_with_what_would_help() {
        let enroll = pb::Decision {
            explanation: "enrollment required: totp or hotp".into(),
            grace_until_time: at(60),
            ..decision(pb::DecisionOutcome::EnrollmentRequired)
        };
        let said = "login: enrollment required: totp or hotp; let in all the same until 1970-01-01T00:01:00Z";
        assert_eq!(decided(&enroll), (vec![said.to_owned()], Answer::No));
        let password = pb::Plan { steps: vec![step(pb::step::Step::External("password".into()))] };
        let first = pb::Decision { grace_until_time: None, plans: vec![password], ..enroll };
        let said = ["login: enrollment required: totp or hotp", "  plan 1: password"];
        assert_eq!(decided(&first), (said.map(str::to_owned).to_vec(), Answer::No));
        let later = pb::Decision {
            explanation: "unavailable: totp is throttled for 60s".into(),
            retry_time: at(60),
            ..decision(pb::DecisionOutcome::Unavailable)
        };
        let said = "login: unavailable: totp is throttled for 60s; next try at 1970-01-01T00:01:00Z";
        assert_eq!(decided(&later), (vec![said.to_owned()], Answer::No));
        assert_eq!(decided(&decision(pb::DecisionOutcome::Unavailable)).0, ["login: unavailable"]);
        let newer = pb::Decision { outcome: 99, ..decision(pb::DecisionOutcome::Unspecified) };
        assert_eq!(decided(&newer).0, ["login: an answer that this version does not know"]);
    }
}
