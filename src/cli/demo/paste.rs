//! Lines to paste into another terminal.

use std::io::{self, Write};

use super::super::print;
use super::calls::SUBJECT;
use super::settings::REQUIREMENT;
use crate::domain::secret::SecretText;

/// Writes calls of the server that runs, in three clients' words. Each has a recovery code of its own: a code
/// works once.
pub(super) fn lines(
    out: &mut dyn Write,
    tcp: &str,
    unix: &str,
    token: &SecretText,
    spare: &[SecretText],
) -> io::Result<()> {
    let mut codes = spare.iter().map(SecretText::expose).cycle();
    let mut code = || codes.next().unwrap_or_default();
    writeln!(
        out,
        "
export TOKEN={token}

# With buf:

buf curl --protocol grpc --header \"authorization: Bearer $TOKEN\" \\
  --reflect-header '*' --data '{{\"subject\": \"{SUBJECT}\", \"proof\": {{\"code\": \"{first}\"}}}}' \\
  http://{tcp}/countersign.v1.VerificationService/Verify

# With grpcurl:

grpcurl -plaintext -H \"authorization: Bearer $TOKEN\" \\
  -d '{{\"subject\": \"{SUBJECT}\", \"proof\": {{\"code\": \"{second}\"}}}}' \\
  {tcp} countersign.v1.VerificationService/Verify

# Has she proved enough? In session s-2 her password, and her app only where the browser's token is shown:

grpcurl -plaintext -H \"authorization: Bearer $TOKEN\" \\
  -d '{{\"subject\": \"{SUBJECT}\", \"requirements\": [\"{REQUIREMENT}\"], \"context\": {{\"session\": \"s-2\"}}}}' \\
  {tcp} countersign.v1.AssuranceService/Evaluate

# With Python (pip install grpcio grpcio-reflection):

python3 - <<'END'
import os, grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    def sign(self, details):
        return details._replace(metadata=[(\"authorization\", \"Bearer \" + os.environ[\"TOKEN\"])])
    def intercept_unary_unary(self, go, details, request):
        return go(self.sign(details), request)
    def intercept_stream_stream(self, go, details, requests):
        return go(self.sign(details), requests)

channel = grpc.intercept_channel(grpc.insecure_channel(\"{tcp}\"), Bearer())
pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
method = pool.FindServiceByName(\"countersign.v1.VerificationService\").methods_by_name[\"Verify\"]
Request, Response = (message_factory.GetMessageClass(m) for m in (method.input_type, method.output_type))
verify = channel.unary_unary(\"/countersign.v1.VerificationService/Verify\",
                             Request.SerializeToString, Response.FromString)
print(verify(Request(subject=\"{SUBJECT}\", proof={{\"code\": \"{third}\"}})))
END

# With this program, over the Unix socket:

export COUNTERSIGN_TOKEN=$TOKEN COUNTERSIGN_SERVER={unix}
{program} requirements explain {REQUIREMENT} --subject {SUBJECT} --session s-2
{program} verify {SUBJECT} {fourth} --session s-2 --require {REQUIREMENT}
{program} device list {SUBJECT}
",
        program = program(),
        token = token.expose(),
        first = code(),
        second = code(),
        third = code(),
        fourth = code(),
    )
}

/// This program, as a shell finds it.
fn program() -> String {
    let path = std::env::current_exe().ok().and_then(|path| path.to_str().map(print::word));
    path.unwrap_or_else(|| "countersign".to_owned())
}
