//! Fields that many messages have.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use crate::domain::client::ClientToken;
use crate::domain::context::{Context, Reach};
use crate::domain::evidence::TransactionDigest;
use crate::domain::ids::{DeviceId, DeviceName, SessionId, Subject};
use crate::domain::kind::Capability;
use crate::domain::proof::Offered;
use crate::domain::violation::{Problem, Violations};
use crate::error::Error;
use crate::kinds;
use crate::service::Question;
use crate::wire::pb;

/// The longest client token that is looked at, in bytes. What is shorter and still none is no client's.
const TOKEN_MAX: usize = 1024;
/// Requirements in one question at most.
const REQUIREMENTS_MAX: usize = 16;
/// Attributes of a question at most.
const ATTRIBUTES_MAX: usize = 64;
/// The bytes of all names and values of a question's attributes at most.
const ATTRIBUTES_BYTES_MAX: usize = 16 * 1024;
/// Capabilities of a client at most. More than there are: a client may be newer than the server.
const CAPABILITIES_MAX: usize = 32;
/// The longest name of a requirement or an attribute, in bytes.
const NAME_MAX: usize = 63;
/// The messages of a page at most, in bytes.
const PAGE_BYTES: usize = 64 << 10;
/// The longest value of an attribute, in bytes.
const VALUE_MAX: usize = 4096;

/// The subject.
pub(super) fn subject(violations: &mut Violations, text: &str) -> Option<Subject> {
    violations.take("subject", Subject::parse(text))
}

/// A device that must be named.
pub(super) fn device_id(violations: &mut Violations, text: &str) -> Option<DeviceId> {
    violations.take("device_id", DeviceId::parse(text))
}

/// A device that may be left out.
pub(super) fn device_id_or_none(violations: &mut Violations, text: &str) -> Option<DeviceId> {
    if text.is_empty() { None } else { device_id(violations, text) }
}

/// A name that may be left out.
pub(super) fn name_or_none(violations: &mut Violations, text: &str) -> Option<DeviceName> {
    if text.is_empty() { None } else { violations.take("name", DeviceName::parse(text)) }
}

/// A proof.
pub(super) fn proof(violations: &mut Violations, proof: Option<pb::Proof>) -> Option<Offered> {
    kinds::wire::offered(proof, violations)
}

/// Numbers of an enum, each known and set, at most `most` of them.
pub(super) fn all<T>(
    violations: &mut Violations,
    (field, most): (&str, usize),
    numbers: Vec<i32>,
    of: impl Fn(i32) -> Option<T>,
) -> Vec<T> {
    let known = |number| of(number).ok_or_else(|| Problem::new(format!("{number} is not known")));
    violations.each(field, most, numbers, known)
}

/// Where. Left out, it is an operator's call, or nowhere.
pub(super) fn context(violations: &mut Violations, context: Option<pb::Context>) -> Option<Context> {
    let context = context?;
    let session = match context.session.as_str() {
        "" => None,
        text => violations.take("context.session", SessionId::parse(text)),
    };
    let transaction = match context.transaction_digest.len() {
        0 => None,
        length => {
            let digest = context.transaction_digest.try_into().map(TransactionDigest);
            let problem = |_| Problem::new(format!("must be a SHA-256: 32 bytes, and has {length}"));
            violations.take("context.transaction_digest", digest.map_err(problem))
        }
    };
    if context.client_token.len() > TOKEN_MAX {
        let problem = format!("must be at most {TOKEN_MAX} bytes, and has {}", context.client_token.len());
        violations.push("context.client_token", Problem::new(problem));
    }
    let client = ClientToken::read(&context.client_token);
    Some(Context { session, client, transaction })
}

/// Where evidence is given, and how far it is to reach. What that needs must be in the context; a client's token
/// that is no longer known is not the caller's mistake.
pub(super) fn place(
    violations: &mut Violations,
    context: Option<pb::Context>,
    scope: i32,
) -> (Option<Context>, Reach) {
    let given = context.as_ref();
    let has = [
        given.is_some_and(|context| !context.session.is_empty()),
        given.is_some_and(|context| !context.transaction_digest.is_empty()),
        given.is_some_and(|context| !context.client_token.is_empty()),
    ];
    let context = self::context(violations, context);
    (context, reach(violations, scope, has))
}

fn reach(violations: &mut Violations, scope: i32, has: [bool; 3]) -> Reach {
    let [has_session, has_transaction, has_token] = has;
    let (reach, needs) = match pb::EvidenceScope::try_from(scope) {
        Ok(pb::EvidenceScope::Unspecified) => return Reach::Usual,
        Ok(pb::EvidenceScope::Session) => (Reach::Session, (has_session, "session")),
        Ok(pb::EvidenceScope::Transaction) => (Reach::Transaction, (has_transaction, "transaction_digest")),
        Ok(pb::EvidenceScope::Client) => (Reach::Client, (has_token, "client_token")),
        Err(_) => {
            violations.push("scope", Problem::new(format!("{scope} is not known")));
            return Reach::Usual;
        }
    };
    if !needs.0 {
        violations.push("scope", Problem::new(format!("needs context.{}", needs.1)));
    }
    reach
}

/// What is to be decided.
pub(super) fn question(
    violations: &mut Violations,
    requirements: Vec<String>,
    attributes: BTreeMap<String, String>,
    capabilities: Vec<i32>,
) -> Question {
    let mut named = BTreeSet::new();
    let requirements = violations.each("requirements", REQUIREMENTS_MAX, requirements, |name| {
        if !(1..=NAME_MAX).contains(&name.len()) {
            return Err(Problem::new(format!("must be 1 to {NAME_MAX} bytes")));
        }
        if !named.insert(name.clone()) {
            return Err(Problem::new("must differ from the names before it"));
        }
        Ok(name)
    });
    if violations.at_most("attributes", ATTRIBUTES_MAX, attributes.len()) {
        violations.take("attributes", check_attributes(&attributes));
    }
    let capability = |number| match pb::ClientCapability::try_from(number) {
        Ok(pb::ClientCapability::Unspecified) => None,
        Ok(pb::ClientCapability::Code) => Some(Capability::Code),
        Ok(pb::ClientCapability::Webauthn) => Some(Capability::WebAuthn),
        // A client that is newer than the server may send capabilities that the server does not know.
        Err(_) => Some(Capability::Unknown),
    };
    let capabilities = all(violations, ("capabilities", CAPABILITIES_MAX), capabilities, capability);
    Question { requirements, attributes, capabilities, explain: false }
}

/// Checks the lengths of attributes, one by one and together.
fn check_attributes(attributes: &BTreeMap<String, String>) -> Result<(), Problem> {
    let mut total = 0;
    for (name, value) in attributes {
        if name.is_empty() || name.len() > NAME_MAX || value.len() > VALUE_MAX {
            let problem =
                format!("must have names of 1 to {NAME_MAX} bytes and values of at most {VALUE_MAX}");
            return Err(Problem::new(problem));
        }
        total += name.len() + value.len();
    }
    if total > ATTRIBUTES_BYTES_MAX {
        let problem = format!(
            "must be at most {ATTRIBUTES_BYTES_MAX} bytes, names and values together, and are {total}"
        );
        return Err(Problem::new(problem));
    }
    Ok(())
}

/// Everything that is parsed, or everything that is wrong.
pub(super) fn checked<T>(violations: Violations, parsed: Option<T>) -> Result<T, Error> {
    match parsed {
        Some(parsed) if violations.is_empty() => Ok(parsed),
        _ if violations.is_empty() => Err(Violations::one("request", "is not complete").into()),
        _ => Err(violations.into()),
    }
}

/// How many a page holds.
pub(super) fn page_size(violations: &mut Violations, asked: i32, usual: usize, most: usize) -> Option<usize> {
    match usize::try_from(asked) {
        Ok(0) => Some(usual),
        Ok(size) => Some(size.min(most)),
        Err(_) => {
            violations.push("page_size", Problem::new("must not be negative"));
            None
        }
    }
}

/// The page after that token, as messages, and the token for the one after it: the id of the last one seen. The page ends
/// after [`PAGE_BYTES`], and has one message at least.
pub(super) fn page<T, M: Message>(
    all: &[T],
    size: usize,
    token: &str,
    id: impl Fn(&T) -> String,
    write: impl Fn(&T) -> Result<M, Error>,
) -> Result<(Vec<M>, String), Error> {
    let start = match token {
        "" => 0,
        token => {
            1 + all.iter().position(|one| id(one) == token).ok_or_else(|| {
                Violations::one("page_token", "is not one that this listing gave: start anew")
            })?
        }
    };
    let (mut page, mut bytes) = (Vec::new(), 0);
    let rest = all.get(start..).unwrap_or_default();
    for one in rest.iter().take(size) {
        let message = write(one)?;
        bytes += message.encoded_len();
        if bytes > PAGE_BYTES && !page.is_empty() {
            break;
        }
        page.push(message);
    }
    let last = page.len().checked_sub(1).filter(|_| page.len() < rest.len());
    let next = last.and_then(|last| rest.get(last)).map_or_else(String::new, id);
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pb::Client;

    /// The names of each page of a listing of clients whose names have these lengths.
    fn pages(lengths: &[usize], size: usize) -> Vec<Vec<usize>> {
        let all: Vec<_> = lengths.iter().enumerate().collect();
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let write = |one: &(usize, &usize)| Ok(Client { name: "x".repeat(*one.1), ..Default::default() });
            let (page, next) = page(&all, size, &token, |one| one.0.to_string(), write).unwrap();
            pages.push(page.iter().map(|client| client.name.len()).collect());
            token = next;
            if token.is_empty() {
                return pages;
            }
        }
    }

    #[test]
    fn a_page_ends_at_its_size_and_at_its_bytes() {
        let (half, more) = (PAGE_BYTES / 2 - 10, PAGE_BYTES + 1);
        assert_eq!(pages(&[], 2), [[0; 0]]);
        assert_eq!(pages(&[1, 2, 3], 2), [vec![1, 2], vec![3]]);
        assert_eq!(pages(&[1, 2], 2), [[1, 2]]);
        assert_eq!(pages(&[half, half, half, 1], 9), [vec![half, half], vec![half, 1]]);
        assert_eq!(pages(&[1, more, more, 1], 9), [[1], [more], [more], [1]], "one at least");
    }
}
