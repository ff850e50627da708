//! An attack by questions that take long to answer: requirements whose plans are searched among many methods.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use super::connection::{Connection, Target};
use super::{streams, wire};

const EVALUATE: &str = "/countersign.v1.AssuranceService/Evaluate";
/// Requirements of one Evaluate at most.
const REQUIREMENTS: usize = 16;
/// External methods, each worth another set of properties.
const METHODS: usize = 28;
/// Selectors of a requirement.
const LEAVES: usize = 12;
const FACTORS: [&str; 3] = ["knowledge", "possession", "inherence"];
const FLAGS: [&str; 3] = ["phishing_resistant", "hardware_bound", "user_verified"];
/// Longer than any trial.
const LONG: Duration = Duration::from_secs(3600);

/// The settings of the server: methods, and requirements that take all the steps that a search may take.
pub(super) fn settings() -> String {
    let mut text = String::new();
    for method in 0..METHODS {
        let factors = FACTORS.iter().enumerate().filter(|(bit, _)| method >> bit & 1 == 1);
        let factors: Vec<&str> = factors.map(|(_, factor)| *factor).collect();
        let [resistant, bound, verified] =
            [method >> 3 & 1 == 1, method >> 4 & 1 == 1, method.is_multiple_of(3)];
        let _ = writeln!(
            text,
            "[methods.m{method}]\nfactor_types = {factors:?}\nphishing_resistant = {resistant}\n\
             hardware_bound = {bound}\nuser_verified = {verified}"
        );
    }
    text.push_str("[requirements]\n");
    let properties: &[&str] = &[FACTORS, FLAGS].concat();
    let pair = |a: usize| properties[a + 1..].iter().map(move |two| format!("{} & {two}", properties[a]));
    let pairs: Vec<String> = (0..properties.len()).flat_map(pair).collect();
    for (number, name) in names().enumerate() {
        let leaves: Vec<&str> = pairs.iter().cycle().skip(number).take(LEAVES).map(String::as_str).collect();
        let _ = writeln!(text, "{name} = \"{}\"", leaves.join(" and "));
    }
    text
}

fn names() -> impl Iterator<Item = String> {
    (0..REQUIREMENTS).map(|number| format!("heavy_{number}"))
}

/// The name of one of the methods.
pub(super) fn method(number: usize) -> String {
    format!("m{}", number % METHODS)
}

/// An `EvaluateRequest` of all requirements, for the subject in that message.
pub(super) fn question(subject: &[u8]) -> Vec<u8> {
    let mut message = subject.to_vec();
    for name in names() {
        // Field 3, a string.
        message.extend([3 << 3 | 2, name.len() as u8]);
        message.extend(name.as_bytes());
    }
    message
}

/// Evaluates all of them again and again, as many at a time as the server takes.
pub(super) async fn heavy(target: &Target) -> io::Result<()> {
    let mut connection = Connection::open(target, &[]).await?;
    let evaluate = wire::headers(EVALUATE, Some(&target.reader), &[]);
    let message = wire::message(&question(streams::ALICE));
    loop {
        while connection.room() > 0 {
            connection.call(&evaluate, &message).await?;
        }
        connection.attend(LONG).await?;
    }
}
