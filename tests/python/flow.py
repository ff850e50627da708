"""The whole flow by a caller in another language: grpcio, with stubs made from the protobuf files.

    flow.py TARGET TOKEN NOW        TARGET: 127.0.0.1:PORT or unix:PATH; NOW: seconds since the epoch
"""

import base64
import uuid
from urllib.parse import parse_qs, urlsplit

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from caller import bare, channel, expect, hotp, now, outcome, refused
from countersign.v1 import device_pb2, device_service_pb2, device_service_pb2_grpc
from countersign.v1 import proof_pb2, subject_service_pb2, subject_service_pb2_grpc
from countersign.v1 import verification_service_pb2, verification_service_pb2_grpc

devices = device_service_pb2_grpc.DeviceServiceStub(channel)
verification = verification_service_pb2_grpc.VerificationServiceStub(channel)
subjects = subject_service_pb2_grpc.SubjectServiceStub(channel)


def verify(subject, code, device_id="", request_id=""):
    request = verification_service_pb2.VerifyRequest(
        subject=subject, device_id=device_id, proof=proof_pb2.Proof(code=code), request_id=request_id
    )
    return verification.Verify(request, timeout=10)


health = health_pb2_grpc.HealthStub(bare).Check(health_pb2.HealthCheckRequest(), timeout=10)
expect("health needs no credential", health.status, health_pb2.HealthCheckResponse.SERVING)
services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
expect("reflection names the services", "countersign.v1.VerificationService" in services, True)

# TOTP: enroll, confirm, verify, replay, throttle.
subject = f"alice-{uuid.uuid4()}"
enrolled = devices.EnrollDevice(
    device_service_pb2.EnrollDeviceRequest(
        subject=subject, name="phone", totp=device_service_pb2.TotpSetup(account_name="alice@example.com")
    ),
    timeout=10,
)
phone = enrolled.device.id
expect("a new device is pending", enrolled.device.state, device_pb2.DEVICE_STATE_PENDING)
uri = urlsplit(enrolled.enrollment.oath.otpauth_uri)
text = parse_qs(uri.query)["secret"][0]
expect("the URI holds the secret", text, enrolled.enrollment.oath.secret_base32)
expect("the QR code is a PNG", enrolled.enrollment.oath.qr_png[:4], b"\x89PNG")
expect("the QR code is an SVG", enrolled.enrollment.oath.qr_svg.lstrip().startswith("<svg"), True)
secret = base64.b32decode(text + "=" * (-len(text) % 8))
step = now // 30
before, current, ahead = (hotp(secret, step + i) for i in (-1, 0, 1))
confirmed = devices.ConfirmDevice(
    device_service_pb2.ConfirmDeviceRequest(subject=subject, device_id=phone, proof=proof_pb2.Proof(code=before)),
    timeout=10,
)
expect("the code of the step before confirms", outcome(confirmed), "ACCEPTED")
expect("it is active", confirmed.device.state, device_pb2.DEVICE_STATE_ACTIVE)
name = str(uuid.uuid4())
expect("a code verifies", outcome(verify(subject, current, phone, name)), "ACCEPTED")
expect("a retry with the same request id gets the same answer", outcome(verify(subject, current, phone, name)), "ACCEPTED")
refused(lambda: verify(subject, ahead, phone, name), grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_REQUEST_ID_REUSED")
expect("the next code verifies without naming the device", outcome(verify(subject, ahead)), "ACCEPTED")
expect("it does not verify again", outcome(verify(subject, ahead, phone)), "REJECTED")
expect("and now it is too soon", outcome(verify(subject, ahead, phone)), "THROTTLED")
unlocked = devices.UnlockDevice(device_service_pb2.UnlockDeviceRequest(subject=subject, device_id=phone), timeout=10)
expect("an operator clears the failures", unlocked.device.throttle.failure_count, 0)

# HOTP.
clicker = devices.EnrollDevice(
    device_service_pb2.EnrollDeviceRequest(
        subject=subject, name="clicker", hotp=device_service_pb2.HotpSetup(secret=b"12345678901234567890")
    ),
    timeout=10,
).device.id
confirmed = devices.ConfirmDevice(
    device_service_pb2.ConfirmDeviceRequest(subject=subject, device_id=clicker, proof=proof_pb2.Proof(code="755224")),
    timeout=10,
)
expect("counter 0 of RFC 4226 confirms", outcome(confirmed), "ACCEPTED")
expect("counter 3 verifies, within the look-ahead", outcome(verify(subject, "969429", clicker)), "ACCEPTED")
resynced = devices.ResyncDevice(
    device_service_pb2.ResyncDeviceRequest(
        subject=subject, device_id=clicker, codes=[hotp(b"12345678901234567890", n) for n in (60, 61)]
    ),
    timeout=10,
)
expect("two codes in a row find it again", (outcome(resynced), resynced.device.hotp.counter), ("ACCEPTED", 62))

# Recovery codes.
issued = devices.IssueRecoveryCodes(device_service_pb2.IssueRecoveryCodesRequest(subject=subject), timeout=10)
codes = issued.recovery_codes.codes
expect("ten recovery codes", len(codes), 10)
used = verify(subject, codes[3].upper())
expect("one is used, in whatever case", (outcome(used), used.device.recovery_codes.remaining), ("ACCEPTED", 9))
expect("it does not work twice", outcome(verify(subject, codes[3], issued.device.id)), "REJECTED")
summary = subjects.GetSubject(subject_service_pb2.GetSubjectRequest(subject=subject), timeout=10)
expect("the subject is summed up", (summary.has_active_device, summary.recovery_codes_remaining), (True, 9))
listed = devices.ListDevices(device_service_pb2.ListDevicesRequest(subject=subject), timeout=10).devices
expect("three devices", sorted(d.name for d in listed), ["Recovery codes", "clicker", "phone"])

# Bad input.
bad = refused(lambda: verify("", ""), grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_REQUEST")
fields = [violation.field for violation in bad["BadRequest"].field_violations]
expect("each bad field is named", fields, ["subject", "proof.code"])
refused(
    lambda: verification_service_pb2_grpc.VerificationServiceStub(bare).Verify(
        verification_service_pb2.VerifyRequest(subject=subject), timeout=10
    ),
    grpc.StatusCode.UNAUTHENTICATED,
    "ERROR_REASON_CALLER_UNKNOWN",
)
devices.DeleteDevice(device_service_pb2.DeleteDeviceRequest(subject=subject, device_id=phone), timeout=10)
refused(lambda: verify(subject, current, phone), grpc.StatusCode.NOT_FOUND, "ERROR_REASON_DEVICE_NOT_FOUND")
print("done")
