"""Runs the worked example of a page: of the guide to the API, or of the README.

    guide.py TARGET TOKEN NOW PAGE LEAST   NOW: seconds since the epoch; PAGE: the Markdown file;
                                           LEAST: how many lines it shows at least

Blocks of ```python are carried out, blocks of ```pycon are held to what they show. What is said to happen later
happens when whoever started this has moved the server's clock: a line `later SECONDS` is answered with another.
"""

import builtins
import doctest
import hmac
import pathlib
import re
import sys

import grpc

from countersign.v1 import device_service_pb2, device_service_pb2_grpc, proof_pb2

target, token, now, guide = sys.argv[1], sys.argv[2], int(sys.argv[3]), pathlib.Path(sys.argv[4])
least = int(sys.argv[5])
secret = b"12345678901234567890"
chapters = dict(chapter.split("\n", 1) for chapter in guide.read_text().split("\n## ")[1:])
# What a first call needs, the second question needs too.
section = chapters.get("A first call", "") + chapters["Has this user proved enough?"]
# As the guide has them: where the server listens, and where its token lies.
pathlib.Path("countersign-data").mkdir()
pathlib.Path("countersign-data/caller-token").write_text(token + "\n")
channel = grpc.insecure_channel(target)
grpc.insecure_channel = {"127.0.0.1:7443": channel}.__getitem__
metadata = [("authorization", f"Bearer {token}")]


def later(seconds):
    global now
    print(f"later {seconds}", file=sys.__stdout__, flush=True)
    sys.stdin.readline()
    now += seconds


def code(prompt=""):
    """What the app shows next."""
    later(30)
    digest = hmac.new(secret, (now // 30).to_bytes(8, "big"), "sha1").digest()
    offset = digest[19] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**6).zfill(6)


builtins.input = code
builtins.later, builtins.minutes, builtins.hours = later, 60, 3600
devices = device_service_pb2_grpc.DeviceServiceStub(channel)
setup = device_service_pb2.TotpSetup(secret=secret)
enroll = device_service_pb2.EnrollDeviceRequest(subject="alice", name="phone", totp=setup)
phone = devices.EnrollDevice(enroll, metadata=metadata).device.id
confirm = device_service_pb2.ConfirmDeviceRequest(
    subject="alice", device_id=phone, proof=proof_pb2.Proof(code=code())
)
devices.ConfirmDevice(confirm, metadata=metadata)

blocks = re.findall(r"^```(python|pycon)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
shared = {"__name__": "guide"}
# Definitions first: the page shows what they do before how.
for kind, text in blocks:
    if kind == "python":
        exec(compile(text, str(guide), "exec"), shared)
runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
for number, (kind, text) in enumerate(blocks):
    if kind == "pycon":
        text = re.sub(r"^>>> # (\d+) (minutes|hours) later$", r">>> later(\1 * \2)", text, flags=re.MULTILINE)
        test = doctest.DocTestParser().get_doctest(text, shared, f"block {number}", str(guide), 0)
        runner.run(test, clear_globs=False)
        shared = test.globs
results = runner.summarize()
if results.failed or results.attempted < least:
    sys.exit(f"{results}")
print("done")
