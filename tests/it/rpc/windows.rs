//! The window of codes of a device: no wider than the tenant's policy allows, since the start-up check counts on that.

use countersign::domain::ids::Tenant;
use countersign::domain::policy::Policies;
use countersign::kinds::hotp::settings::LOOK_AHEAD;
use countersign::kinds::totp::settings::TOLERANCE;
use countersign::wire::pb;
use countersign::wire::pb::enroll_device_request::Setup;
use tonic::Code;

use crate::harness::answers::refused;
use crate::harness::{Client, Harness, Wish};

fn totp(tolerance: u32) -> Setup {
    Setup::Totp(pb::TotpSetup { tolerance: Some(tolerance), ..Default::default() })
}

fn hotp(look_ahead: u32) -> Setup {
    Setup::Hotp(pb::HotpSetup { look_ahead: Some(look_ahead), ..Default::default() })
}

async fn enrolled(client: &Client, setup: Setup) -> String {
    match client.enroll("alice", "", setup).await {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => format!("{:?} {}", refusal.code(), refused(&refusal)),
    }
}

#[tokio::test]
async fn an_enrollment_may_ask_for_a_window_as_wide_as_the_policy_and_no_wider() {
    let mut policies = Policies::default();
    policies.default.devices_per_subject = 32;
    let mut wide = policies.default.clone();
    wide.kinds.set(&TOLERANCE, 3);
    wide.kinds.set(&LOOK_AHEAD, 9);
    policies.tenants.insert(Tenant::parse("other").unwrap(), wide);
    let harness = Harness::start_with(Wish { policies, ..Wish::default() }).await;
    let (client, stranger) = (harness.client().await, harness.stranger().await);
    for (caller, tolerance, look_ahead) in [(&client, 1, 2), (&stranger, 3, 9)] {
        for less in 0..=tolerance {
            assert_eq!(enrolled(caller, totp(less)).await, "ok");
        }
        for less in 0..=look_ahead {
            assert_eq!(enrolled(caller, hotp(less)).await, "ok");
        }
        let before = harness.dump().await;
        let refused = |field: &str| format!("{:?} INVALID_REQUEST {field}", Code::InvalidArgument);
        assert_eq!(enrolled(caller, totp(tolerance + 1)).await, refused("totp.tolerance"));
        assert_eq!(enrolled(caller, hotp(look_ahead + 1)).await, refused("hotp.look_ahead"));
        assert_eq!(harness.dump().await, before);
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_retry_of_an_enrollment_is_answered_under_a_policy_that_is_narrower_now() {
    let mut policies = Policies::default();
    policies.default.kinds.set(&TOLERANCE, 4);
    let harness = Harness::start_with(Wish { policies, ..Wish::default() }).await;
    let request = pb::EnrollDeviceRequest {
        subject: "alice".to_owned(),
        setup: Some(totp(4)),
        request_id: "1b4e28ba-2fa1-4d2a-883f-0016d3cca427".to_owned(),
        ..Default::default()
    };
    let first: pb::EnrollDeviceResponse =
        harness.client().await.send("DeviceService/EnrollDevice", &request).await.unwrap();
    let harness = harness.restart().await;
    let client = harness.client().await;
    let again: pb::EnrollDeviceResponse = client.send("DeviceService/EnrollDevice", &request).await.unwrap();
    assert_eq!(again, first);
    let fresh = pb::EnrollDeviceRequest { request_id: String::new(), ..request };
    let refusal = client.devices.clone().enroll_device(fresh).await.unwrap_err();
    assert_eq!(refused(&refusal), "INVALID_REQUEST totp.tolerance");
    harness.stop().await;
}
