//! Each rule finds what is planted, and nothing in what is right.

use super::rules::{broken, long_files, naming_kind};
use super::source::Source;

/// What is found in a file, as `line: what`.
fn found(path: &str, text: &str) -> Vec<String> {
    let found = broken(&[Source::new(path, text)]);
    let short = |line: &String| {
        let what = line.split(';').next().unwrap_or_default();
        what.strip_prefix(path).unwrap_or(what).trim_start_matches(':').trim_start().to_owned()
    };
    found.iter().map(short).collect()
}

#[test]
fn a_kind_that_is_named_outside_its_folder_is_found_unless_in_comments_and_tests() {
    let source = Source::new;
    let sources = [
        source("src/kinds/hotp/mod.rs", "struct Hotp;"),
        source("src/config/keys.rs", "const KEY: &str = \"hotp.digits\";"),
        source("src/rpc/view.rs", "fn f(kind: HotpDetail) {}"),
        source(
            "src/cli/print.rs",
            "// hotp\nfn f() {}\n#[cfg(test)]\nmod tests { const A: &str = \"hotp {\"; }",
        ),
        source("src/wire/json.rs", "#[cfg(test)]\nmod tests;\n/* hotp */"),
        source("src/wire/json/tests.rs", "fn hotp() {}"),
    ];
    let found = naming_kind(&sources, "hotp", &["kinds/hotp/"]);
    assert_eq!(found, ["src/config/keys.rs", "src/rpc/view.rs"]);
}

#[test]
fn a_migration_that_takes_something_away_says_so_in_its_name() {
    let drops = "async fn up() { manager.drop_table(table) }\nasync fn down() {}";
    let makes =
        "async fn up() { manager.create_table(table) }\nasync fn down() { manager.drop_table(table) }";
    assert_eq!(found("migrations/src/m0012_drop_later.rs", drops), ["drop_"]);
    assert_eq!(found("migrations/src/m0012_drop_later_from_m0011.rs", drops), [""; 0]);
    assert_eq!(found("migrations/src/m0012_later.rs", makes), [""; 0]);
}

#[test]
fn an_import_that_the_table_does_not_allow_is_found() {
    assert_eq!(found("src/service/verify.rs", "\nuse crate::crypto::seal;"), ["2: crypto::seal"]);
    assert_eq!(found("src/domain/ids.rs", "use crate::error::Error;"), ["1: error::Error"]);
    assert_eq!(found("src/kinds/totp/mod.rs", "use crate::store::Store;"), ["1: store::Store"]);
    assert_eq!(found("src/rpc/device.rs", "use crate::store;"), ["1: store"]);
    assert_eq!(found("src/cli/verify.rs", "fn f() { crate::service::verify() }"), ["1: service::verify"]);
    assert_eq!(found("src/main.rs", "fn main() { countersign::store::open() }"), ["1: store::open"]);
    assert_eq!(found("src/lib.rs", "pub use crate::domain::ids;"), ["1: domain::ids"]);
    assert_eq!(found("src/rpc/device.rs", "use crate::*;"), ["1: *"]);
}

#[test]
fn an_import_that_the_table_allows_is_not_found() {
    let nothing = [""; 0];
    assert_eq!(
        found("src/service/verify.rs", "use crate::{auth::Grant, domain::ids, service::unit};"),
        nothing
    );
    assert_eq!(found("src/app/open.rs", "use crate::store::Store; use crate::crypto::keyring;"), nothing);
    assert_eq!(found("src/main.rs", "fn main() { countersign::cli::main() }"), nothing);
    assert_eq!(found("src/lib.rs", "pub mod domain;"), nothing);
}

#[test]
fn every_form_of_a_path_is_seen() {
    let group = "use crate::{domain::ids, store::{Store, lane::{self as l, Lane}}, error::Error as E, rpc};";
    let all = ["1: rpc", "1: store::Store", "1: store::lane::Lane", "1: store::lane::self"];
    assert_eq!(found("src/auth/mod.rs", group), all);
    assert_eq!(found("src/auth/mod.rs", "use super::store::Store;"), ["1: store::Store"]);
    assert_eq!(found("src/auth/role.rs", "use super::super::store::Store;"), ["1: store::Store"]);
    assert_eq!(found("src/auth/role.rs", "use super::store::Store;"), [""; 0]);
    assert_eq!(found("src/auth/role.rs", "fn f(s: &crate::store::Store<'_>) {}"), ["1: store::Store"]);
    assert_eq!(found("src/auth/role.rs", "fn f() { crate::store::find::<u8>(1) }"), ["1: store::find"]);
    assert_eq!(found("src/auth/role.rs", "fn f() { mycrate::store::find() }"), [""; 0]);
}

#[test]
fn a_narrow_permission_is_no_wider() {
    assert_eq!(found("src/kinds/mod.rs", "use crate::env::{Clock, Entropy};"), ["1: env::Clock"]);
    assert_eq!(found("src/rpc/device.rs", "use crate::env::Entropy;"), ["1: env::Entropy"]);
    assert_eq!(found("src/rpc/layer/trace.rs", "use crate::env::Entropy;"), [""; 0]);
    assert_eq!(found("src/kinds/totp/mod.rs", "use crate::wire::pb;"), ["1: wire::pb"]);
    assert_eq!(found("src/kinds/totp/wire.rs", "use crate::wire::{convert, pb};"), [""; 0]);
    assert_eq!(found("src/kinds/mod.rs", "use crate::wire::pbx;"), ["1: wire::pbx"]);
}

#[test]
fn a_file_without_a_row_is_found() {
    assert_eq!(found("src/utils/mod.rs", ""), ["no row of the table says what it may import"]);
    assert_eq!(found("src/helpers.rs", ""), ["no row of the table says what it may import"]);
}

#[test]
fn a_crate_outside_its_home_is_found() {
    assert_eq!(found("src/service/mod.rs", "use tonic::Status;"), ["1: tonic"]);
    assert_eq!(found("src/service/mod.rs", "use tonic_types::ErrorDetails;"), ["1: tonic"]);
    assert_eq!(found("src/store/mod.rs", "fn f() -> prost_types::Any {}"), ["1: prost"]);
    assert_eq!(found("src/domain/ids.rs", "use ::sea_orm;"), ["1: sea_orm"]);
    assert_eq!(found("src/kinds/totp/mod.rs", "use prost::Message;"), ["1: prost"]);
    assert_eq!(found("src/kinds/totp/wire.rs", "use prost::Message;"), [""; 0]);
    assert_eq!(found("src/rpc/mod.rs", "use tonic::Status; use prost::Message;"), [""; 0]);
    assert_eq!(found("src/ops/telemetry.rs", "fn f() { b().with_tonic() }"), [""; 0]);
}

#[test]
fn a_call_that_ends_the_program_is_found() {
    assert_eq!(found("src/domain/ids.rs", "fn f() {\n  g().unwrap();\n}"), ["2: .unwrap()"]);
    assert_eq!(found("migrations/src/lib.rs", "fn f() { g().expect(\"h\") }"), ["1: .expect("]);
    assert_eq!(found("build.rs", "fn f() { g().unwrap_or_default() }"), [""; 0]);
    assert_eq!(found("src/domain/ids.rs", "#[expect(dead_code)]\nfn f() {}"), [""; 0]);
}

#[test]
fn comments_and_literals_are_not_code() {
    for text in [
        "// use crate::store::Store;",
        "//! See [`crate::store::Store`].\n",
        "/* a /* b */ use crate::store::Store; */",
        "const A: &str = \"use crate::store::Store; \\\" g().unwrap()\";",
        "const A: &str = r#\"\"use crate::store::Store;\"#;",
        "const A: &[u8] = b\"crate::store::Store\";",
    ] {
        assert_eq!(found("src/domain/ids.rs", text), [""; 0], "{text}");
    }
    for text in [
        "const A: char = '\"'; use crate::store::Store; const B: char = '\"';",
        "const A: char = '\\''; use crate::store::Store; const B: char = '\\'';",
        "fn f<'a>(b: &'a str) { crate::store::Store(b) }",
        "const A: &str = r\"\\\"; use crate::store::Store; const B: &str = r\"\\\";",
        "/* a */ use crate::store::Store; // b",
    ] {
        assert_eq!(found("src/domain/ids.rs", text), ["1: store::Store"], "{text}");
    }
}

#[test]
fn tests_may_import_what_they_like() {
    let inline = "#[cfg(test)]\nmod tests {\n  use crate::store::Store;\n  fn f() { g().unwrap() }\n}\n";
    assert_eq!(found("src/domain/ids.rs", inline), [""; 0]);
    assert_eq!(found("src/domain/ids.rs", &format!("{inline}use crate::rpc;")), ["6: rpc"]);

    let child = Source::new("src/domain/ids/tests.rs", "use crate::store::Store;");
    let parent = Source::new("src/domain/ids.rs", "#[cfg(test)]\nmod tests;\n");
    assert_eq!(broken(&[parent, child.clone()]), [""; 0]);
    let parent = Source::new("src/domain/ids.rs", "mod tests;\n");
    assert_eq!(broken(&[parent, child]).len(), 1, "only what is for tests alone is free");
    let parent = Source::new("src/kinds/mod.rs", "#[cfg(test)]\npub(crate) mod conformance;\n");
    let child = Source::new("src/kinds/conformance/replay.rs", "use crate::store::Store;");
    assert_eq!(broken(&[parent, child]), [""; 0]);
}

#[test]
fn a_long_file_is_said_to_be_long_and_one_that_is_too_long_is_found() {
    let of = |lines: usize| [Source::new("tests/it/long.rs", &"\n".repeat(lines))];
    assert_eq!(long_files(&of(300)), [""; 0]);
    assert_eq!(long_files(&of(301)), ["tests/it/long.rs: 301 lines"]);
    assert_eq!(broken(&of(500)), [""; 0]);
    assert_eq!(broken(&of(501)), ["tests/it/long.rs: 501 lines; at 500 a file is two files"]);
    assert_eq!(long_files(&of(501)), [""; 0], "it is an error already");
}
