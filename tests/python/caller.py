"""What each caller in these tests needs: a channel that shows a token, codes, and words for what was answered.

    SCRIPT TARGET TOKEN NOW        TARGET: 127.0.0.1:PORT or unix:PATH; NOW: seconds since the epoch
"""

import hmac
import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from countersign.v1 import decision_pb2, proof_pb2

target, token, now = sys.argv[1], sys.argv[2], int(sys.argv[3])


class WithToken(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    def _details(self, details):
        metadata = list(details.metadata or []) + [("authorization", f"Bearer {token}")]
        return details._replace(metadata=metadata)

    def intercept_unary_unary(self, call, details, request):
        return call(self._details(details), request)

    def intercept_stream_stream(self, call, details, requests):
        return call(self._details(details), requests)


# gRPC's C core makes an `:authority` of the socket's path, which is none (RFC 9113, 8.3.1), and the server's
# HTTP/2 refuses it: so a client that speaks over a Unix socket says whom it means.
options = [("grpc.default_authority", "localhost")] if target.startswith("unix:") else []
bare = grpc.insecure_channel(target, options=options)
channel = grpc.intercept_channel(bare, WithToken())


def hotp(secret, counter, digits=6):
    digest = hmac.new(secret, counter.to_bytes(8, "big"), "sha1").digest()
    offset = digest[19] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def outcome(response):
    return proof_pb2.Outcome.Name(response.verdict.outcome).removeprefix("OUTCOME_")


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, wanted {wanted!r}")
    print(f"ok: {what}")


def refused(call, code, reason):
    try:
        call()
    except grpc.RpcError as error:
        details = {}
        for any_ in rpc_status.from_call(error).details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, decision_pb2.Decision):
                if any_.Is(kind.DESCRIPTOR):
                    message = kind()
                    any_.Unpack(message)
                    details[kind.__name__] = message
        expect(f"code of {reason}", error.code(), code)
        expect(f"reason of {reason}", details["ErrorInfo"].reason, reason)
        expect(f"domain of {reason}", details["ErrorInfo"].domain, "countersign")
        return details
    sys.exit(f"{reason}: the call was not refused")
