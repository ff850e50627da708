"""The second question by a caller in another language: has this user proved enough?

    step_up.py TARGET TOKEN NOW        as flow.py
"""

import hashlib
import uuid

import grpc

from caller import channel, expect, hotp, outcome, refused
from countersign.v1 import assurance_service_pb2, assurance_service_pb2_grpc, context_pb2, decision_pb2
from countersign.v1 import device_pb2, device_service_pb2, device_service_pb2_grpc, evidence_pb2, proof_pb2
from countersign.v1 import verification_service_pb2, verification_service_pb2_grpc

assurance = assurance_service_pb2_grpc.AssuranceServiceStub(channel)
devices = device_service_pb2_grpc.DeviceServiceStub(channel)
verification = verification_service_pb2_grpc.VerificationServiceStub(channel)
subject = f"alice-{uuid.uuid4()}"
secret = b"12345678901234567890"
# Everything is asked for in a context, as a browser's session is one.
here = context_pb2.Context(session="s-1")


def answer(decision):
    return decision_pb2.DecisionOutcome.Name(decision.outcome).removeprefix("DECISION_OUTCOME_")


def evaluate(context, *requirements, **more):
    request = assurance_service_pb2.EvaluateRequest(
        subject=subject, context=context, requirements=requirements, **more
    )
    return assurance.Evaluate(request, timeout=10)


def password(context):
    request = assurance_service_pb2.RecordEvidenceRequest(
        subject=subject, context=context, method="password", source="a test"
    )
    return assurance.RecordEvidence(request, timeout=10).evidence


def enroll(context, name):
    setup = device_service_pb2.HotpSetup(secret=secret)
    request = device_service_pb2.EnrollDeviceRequest(subject=subject, name=name, hotp=setup, context=context)
    return devices.EnrollDevice(request, timeout=10).device


def steps(decision):
    named = lambda step: step.external or device_pb2.DeviceKind.Name(step.device.kind)
    return [[named(step) for step in plan.steps] for plan in decision.plans]


# Who has no device has to enroll one.
recorded = password(here)
expect("a password is evidence", (recorded.method.external, recorded.source), ("password", "a test"))
decision = evaluate(here, "login").decisions[0]
expect("it is not enough", answer(decision), "ENROLLMENT_REQUIRED")
expect("a token would help", device_pb2.DEVICE_KIND_HOTP in decision.enrollable_kinds, True)
token = enroll(here, "token").id
confirmed = devices.ConfirmDevice(
    device_service_pb2.ConfirmDeviceRequest(
        subject=subject, device_id=token, proof=proof_pb2.Proof(code=hotp(secret, 0)), context=here
    ),
    timeout=10,
)
expect("to confirm it is evidence", (outcome(confirmed), confirmed.evidence.device_id), ("ACCEPTED", token))
decision = evaluate(here, "login").decisions[0]
expect("now it is enough", answer(decision), "SATISFIED")
expect("by both", sorted(decision.evidence_ids), sorted([recorded.id, confirmed.evidence.id]))
expect("until the password is a day old", decision.valid_until_time, recorded.expire_time)

# Another session, which has proved a password only.
there = context_pb2.Context(session="s-2")
password(there)
decision = evaluate(there, "login").decisions[0]
expect("a password alone is not", (answer(decision), steps(decision)), ("STEP_UP_REQUIRED", [["DEVICE_KIND_HOTP"]]))
details = refused(
    lambda: enroll(there, "a thief's"), grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_STEP_UP_REQUIRED"
)
decision = details["Decision"]
expect("the decision is in the details", decision.requirement, "countersign.enroll")
expect("with what would do", list(decision.plans[0].steps[0].device.device_ids), [token])

# A code, and what it opens, in one call.
client = assurance.RememberClient(
    assurance_service_pb2.RememberClientRequest(subject=subject, name="Firefox"), timeout=10
)
browser = context_pb2.Context(session="s-2", client_token=client.client_token)
request = verification_service_pb2.VerifyRequest(
    subject=subject,
    device_id=token,
    proof=proof_pb2.Proof(code=hotp(secret, 1)),
    context=browser,
    scope=evidence_pb2.EVIDENCE_SCOPE_CLIENT,
    requirements=["login"],
    request_id=str(uuid.uuid4()),
)
verified = verification.Verify(request, timeout=10)
expect("a code is right", outcome(verified), "ACCEPTED")
expect("and enough", answer(verified.decisions[0]), "SATISFIED")
expect("a retry gets the same", verification.Verify(request, timeout=10), verified)

# The same browser, in a session of the next day; and another browser.
next_day = context_pb2.Context(session="s-3", client_token=client.client_token)
expect("in it a password is missing", steps(evaluate(next_day, "login").decisions[0]), [["password"]])
password(next_day)
expect("and enough", answer(evaluate(next_day, "login").decisions[0]), "SATISFIED")
elsewhere = context_pb2.Context(session="s-4", client_token="csc_" + "A" * 64)
password(elsewhere)
expect("elsewhere it is not", answer(evaluate(elsewhere, "login").decisions[0]), "STEP_UP_REQUIRED")

# Once, for one transaction.
digest = hashlib.sha256(b"200 EUR to Bob").digest()
paying = context_pb2.Context(session="s-3", transaction_digest=digest)
both = evaluate(paying, "payout", "login")
expect("several are decided together", answer(both.joint), "STEP_UP_REQUIRED")
password(paying)
expect("it is satisfied", answer(evaluate(paying, "payout").decisions[0]), "SATISFIED")
expect("once", answer(evaluate(paying, "payout").decisions[0]), "STEP_UP_REQUIRED")

# Signed out everywhere.
request = assurance_service_pb2.RevokeEvidenceRequest(subject=subject, everything=True)
expect("much is revoked", assurance.RevokeEvidence(request, timeout=10).revoked_count >= 5, True)
request = assurance_service_pb2.ListEvidenceRequest(subject=subject)
expect("nothing is left", list(assurance.ListEvidence(request, timeout=10).evidence), [])
request = assurance_service_pb2.ListClientsRequest(subject=subject)
expect("and no client", list(assurance.ListClients(request, timeout=10).clients), [])
refused(lambda: evaluate(here, "logn"), grpc.StatusCode.NOT_FOUND, "ERROR_REASON_REQUIREMENT_NOT_FOUND")
names = [one.name for one in assurance.ListRequirements(assurance_service_pb2.ListRequirementsRequest()).requirements]
expect("requirements are listed", "login" in names and "countersign.enroll" in names, True)
print("done")
