use std::collections::HashMap;

use tonic::Code;
use tonic_types::ErrorDetails;

use super::*;

fn told(status: &Status) -> String {
    Failure::refused(status).to_string()
}

#[test]
fn each_field_that_is_wrong_has_its_line() {
    let mut details =
        ErrorDetails::with_error_info("ERROR_REASON_INVALID_REQUEST", "countersign", HashMap::new());
    details.add_bad_request_violation("subject", "must not be empty");
    details.add_bad_request_violation("totp.digits", "must be 6, 7 or 8");
    let status = Status::with_error_details(Code::InvalidArgument, "subject must not be empty; …", details);
    assert_eq!(
        told(&status),
        "error: the request is not right\n  subject: must not be empty\n  totp.digits: must be 6, 7 or 8\n  \
         reason: ERROR_REASON_INVALID_REQUEST (INVALID_ARGUMENT)"
    );
}

#[test]
fn when_to_try_again_and_where_to_look_is_told() {
    let mut details =
        ErrorDetails::with_error_info("ERROR_REASON_STORE_UNAVAILABLE", "countersign", HashMap::new());
    details.set_retry_info(Some(Duration::from_millis(1500)));
    details.set_request_info("r-1", "");
    let status = Status::with_error_details(Code::Unavailable, "the database does not answer", details);
    assert_eq!(
        told(&status),
        "error: the database does not answer\n  reason: ERROR_REASON_STORE_UNAVAILABLE (UNAVAILABLE)\n  \
         try again in 1.5s\n  in the server's log: request r-1"
    );
    let json = Failure::refused(&status).json();
    assert_eq!(
        json,
        json!({ "error": {
            "code": "UNAVAILABLE", "message": "the database does not answer", "field_violations": [],
            "reason": "ERROR_REASON_STORE_UNAVAILABLE", "retry_after": "1.5s", "request_id": "r-1",
        } })
    );
}

/// A step-up as the server says it.
fn step_up() -> Status {
    use crate::domain::decision::{Decided, Decision, Plan, Step};
    use crate::domain::ids::DeviceId;
    use crate::domain::method::MethodName;
    let step = Step::Device {
        kind: MethodName::trusted("totp"),
        devices: vec![DeviceId::trusted("d1")],
        user_verification: false,
    };
    status::refused(&crate::domain::refusal::Refusal::StepUpRequired(Box::new(Decided {
        requirement: "countersign.enroll".to_owned(),
        applied: vec!["countersign.enroll".to_owned()],
        revision: "1".to_owned(),
        decision: Decision::StepUp { plans: vec![Plan { steps: vec![step] }] },
        grace_until: None,
        any_device_retry_at: None,
        explanation: "step-up required".to_owned(),
    })))
}

#[test]
fn a_step_up_shows_what_the_user_must_do() {
    assert_eq!(
        told(&step_up()),
        "error: the user must prove more first: countersign.enroll asks for it\n  \
         countersign.enroll: step-up required\n    plan 1: totp (d1)\n  \
         reason: ERROR_REASON_STEP_UP_REQUIRED (FAILED_PRECONDITION)"
    );
    let json = Failure::refused(&step_up()).json();
    assert_eq!(json["error"]["reason"], "ERROR_REASON_STEP_UP_REQUIRED");
    assert_eq!(json["error"]["decision"]["plans"][0]["steps"][0]["device"]["device_ids"][0], "d1");
}

#[test]
fn every_mistake_in_settings_is_an_item() {
    let mistake = |place: &str, problem: &str| crate::config::Mistake {
        place: place.to_owned(),
        problem: problem.to_owned(),
    };
    let mistakes = vec![mistake("a.toml", "is wrong\nhere"), mistake("A_B", "too"), mistake("C", "as well")];
    let failure = Failure::Settings(ConfigError { mistakes });
    assert_eq!(failure.to_string(), "error: a.toml: is wrong\nhere\n\nA_B: too\nC: as well");
    let json = failure.json();
    assert_eq!(json["error"]["mistakes"][1], json!({ "place": "A_B", "problem": "too" }));
    assert_eq!(failure.status(), 2);
}

#[test]
fn an_error_of_another_kind_of_server_is_told_by_its_code() {
    assert_eq!(told(&Status::unimplemented("no such thing")), "error: no such thing\n  code: UNIMPLEMENTED");
}

#[test]
fn only_an_unknown_caller_gets_the_hint() {
    let hinted = |status: &Status| {
        Failure::refused(status).with_hint_for_unknown_caller("look at the token").to_string()
    };
    assert!(hinted(&Status::unauthenticated("who?")).ends_with("\n  hint: look at the token"));
    assert!(!hinted(&Status::not_found("what?")).contains("hint"));
}

#[test]
fn every_failure_has_its_status() {
    let status = |failure: Failure| failure.status();
    assert_eq!(status(Failure::Usage(String::new())), 64);
    assert_eq!(status(Failure::Surprise(String::new())), 1);
    assert_eq!(status(Failure::Error(String::new())), 2);
    assert_eq!(status(Failure::refused(&Status::internal(""))), 2);
    assert_eq!(status(Failure::Output(io::ErrorKind::BrokenPipe.into())), 2);
}

#[test]
fn codes_are_spelled_as_in_the_specification() {
    let spelled = [Code::Ok, Code::NotFound, Code::FailedPrecondition].map(name);
    assert_eq!(spelled, ["OK", "NOT_FOUND", "FAILED_PRECONDITION"]);
}
