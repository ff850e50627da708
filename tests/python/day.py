"""A day in a few calls: each request to the test server says what time it is.

    day.py TARGET TOKEN NOW        as caller.py says; the server is countersign-test-server
"""

import datetime
import time
import uuid

import grpc

from caller import channel, expect, hotp, now, outcome, refused
from countersign.v1 import assurance_service_pb2, assurance_service_pb2_grpc, context_pb2, decision_pb2
from countersign.v1 import device_service_pb2, device_service_pb2_grpc, proof_pb2
from countersign.v1 import verification_service_pb2, verification_service_pb2_grpc

devices = device_service_pb2_grpc.DeviceServiceStub(channel)
verification = verification_service_pb2_grpc.VerificationServiceStub(channel)
assurance = assurance_service_pb2_grpc.AssuranceServiceStub(channel)
secret = b"12345678901234567890"
subject = f"alice-{uuid.uuid4()}"
context = context_pb2.Context(session="s-1")
DAY = 24 * 3600


def at(seconds):
    """The time, in microseconds."""
    return [("countersign-test-time", str(seconds * 1_000_000))]


def at_rfc3339(seconds):
    return [("countersign-test-time", datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat())]


def code(seconds):
    return proof_pb2.Proof(code=hotp(secret, seconds // 30))


def verify(seconds, metadata):
    request = verification_service_pb2.VerifyRequest(subject=subject, proof=code(seconds), context=context)
    return outcome(verification.Verify(request, metadata=metadata, timeout=10))


def decision(metadata):
    question = assurance_service_pb2.EvaluateRequest(subject=subject, context=context, requirements=["totp_now"])
    answer = assurance.Evaluate(question, metadata=metadata, timeout=10).decisions[0].outcome
    return decision_pb2.DecisionOutcome.Name(answer).removeprefix("DECISION_OUTCOME_")


setup = device_service_pb2.TotpSetup(secret=secret)
enroll = device_service_pb2.EnrollDeviceRequest(subject=f"bob-{uuid.uuid4()}", totp=setup)
phone = devices.EnrollDevice(enroll, timeout=10).device
proof = code(int(time.time()))
confirm = device_service_pb2.ConfirmDeviceRequest(subject=enroll.subject, device_id=phone.id, proof=proof)
expect("before any request said one, the time is the system's", outcome(devices.ConfirmDevice(confirm, timeout=10)), "ACCEPTED")

enroll = device_service_pb2.EnrollDeviceRequest(subject=subject, totp=setup)
phone = devices.EnrollDevice(enroll, metadata=at(now), timeout=10).device
expect("the device was made at the time that the request said", phone.create_time.seconds, now)
confirm = device_service_pb2.ConfirmDeviceRequest(subject=subject, device_id=phone.id, proof=code(now))
expect("it is confirmed", outcome(devices.ConfirmDevice(confirm, metadata=at(now), timeout=10)), "ACCEPTED")
expect("the next code verifies", verify(now + 30, at(now + 30)), "ACCEPTED")
expect("and is evidence", decision(at(now + 30)), "SATISFIED")
expect("for an hour and no longer", decision(at(now + 3700)), "STEP_UP_REQUIRED")
expect("a day later the code of a day ago is wrong", verify(now + 60, at(now + DAY)), "REJECTED")
expect("a day later the code of then is right", verify(now + DAY, at_rfc3339(now + DAY + 2)), "ACCEPTED")
expect("and is evidence then", decision(at(now + DAY + 2)), "SATISFIED")
expect("a request that says no time has the last one", decision([]), "SATISFIED")
bad = refused(
    lambda: decision([("countersign-test-time", "tomorrow")]),
    grpc.StatusCode.INVALID_ARGUMENT,
    "ERROR_REASON_INVALID_REQUEST",
)
fields = [violation.field for violation in bad["BadRequest"].field_violations]
expect("a time that is none is named", fields, ["countersign-test-time"])
print("done")
