//! Methods, requirements and rules, and how long evidence counts.

use std::path::Path;
use std::time::Duration;

use super::{Config, ConfigError, Flags, load, mistakes};
use crate::config::{BookFile, rulebook_of};
use crate::domain::ids::Tenant;

/// A password, and what is asked of it.
const LOGIN: &str = "\
[methods.password]
factor_types = [\"knowledge\"]
amr = [\"pwd\"]
[requirements]
login = \"password and totp\"
";

fn loaded(file: &str) -> Config {
    load(file, &[], Flags::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The text of a requirement, expanded.
fn text(config: &Config, name: &str) -> String {
    config.rulebook.named(name).unwrap().text().to_owned()
}

/// A file of settings that names one of requirements, which holds that.
fn with_own_file(settings: &str, requirements: &str) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("r.toml");
    std::fs::write(&own, requirements).unwrap();
    let main = dir.path().join("c.toml");
    std::fs::write(&main, format!("requirements_file = {:?}\n{settings}", own.to_str().unwrap())).unwrap();
    Config::load(Flags::default(), &[], Some(&main))
}

fn said(error: &ConfigError) -> String {
    error.to_string()
}

#[test]
fn without_any_the_sidecar_still_guards_itself() {
    let config = loaded("");
    assert_eq!(text(&config, "countersign.enroll"), "(totp or hotp or recovery_codes) within 10m");
    let file = config.book_file.unwrap();
    assert!(!file.is_its_own && file.path.ends_with("c.toml"));
    let nowhere = Config::load(Flags::default(), &[], None).unwrap();
    assert_eq!(nowhere.book_file, None);
}

#[test]
fn names_with_dots_are_the_same_in_quotes_and_without() {
    let guard = |line: &str| text(&loaded(&format!("[requirements]\n{line}\n")), "countersign.remove");
    assert_eq!(guard("\"countersign.remove\" = \"totp\""), "totp");
    assert_eq!(guard("countersign.remove = \"totp\""), "totp");
    let table = loaded("[requirements.countersign]\nremove = \"totp\"\nenroll = \"hotp\"\n");
    assert_eq!(text(&table, "countersign.remove"), "totp");
    assert_eq!(text(&table, "countersign.enroll"), "hotp");
    let own = loaded("[requirements]\nshop.payout = \"any\"\n\"shop.refund\" = \"shop.payout within 1m\"\n");
    assert_eq!(text(&own, "shop.refund"), "any within 1m");
    let method = "[methods.\"acme.sso\"]\nuser_verified = true\n[requirements]\nlogin = \"acme.sso\"\n";
    assert_eq!(text(&loaded(method), "login"), "acme.sso");
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    for (file, expected) in [
        (
            "[methods.password]\nfactor_type = [\"knowledge\"]",
            "c.toml: methods.password.factor_type is not a setting; did you mean factor_types?",
        ),
        ("[method.password]\namr = []", "c.toml: method is not a setting; did you mean methods?"),
        ("[requirement]\na = \"any\"", "c.toml: requirement is not a setting; did you mean requirements?"),
        (
            "[requirements]\na = \"any\"\n[[rules]]\nrequirement = \"a\"\nwen = \"x > 1\"\nuse = \"a\"",
            "c.toml: rules[0].wen is not a setting; did you mean when?",
        ),
        (
            "[policy.evidence]\nsesion_for = \"1h\"",
            "c.toml: policy.evidence.sesion_for is not a setting; did you mean evidence.session_for?",
        ),
        (
            "[policy]\nremeber_for = \"1d\"",
            "c.toml: policy.remeber_for is not a setting; did you mean remember_for?",
        ),
        (
            "[policy]\nenrolment_grace = \"1d\"",
            "c.toml: policy.enrolment_grace is not a setting; did you mean enrollment_grace?",
        ),
        ("requirement_file = \"x\"", "did you mean requirements_file?"),
    ] {
        let said = mistakes(file, &[]);
        assert!(said.contains(expected), "{file}: {said}");
    }
}

#[test]
fn a_value_of_the_wrong_sort_says_what_would_be_right() {
    for (file, expected) in [
        ("[requirements]\nlogin = 7", "c.toml: requirements.login must be text, in quotes"),
        ("[requirements]\nlogin = [\"totp\"]", "c.toml: requirements.login must be text, in quotes"),
        ("requirements = \"totp\"", "c.toml: requirements must be a table"),
        ("methods = 1", "c.toml: methods must be a table"),
        ("[methods]\npassword = 1", "c.toml: methods.password must be a table, like [methods.password]"),
        (
            "[methods.password]",
            "c.toml: methods.password must say what it is worth, like factor_types = [\"knowledge\"]",
        ),
        (
            "[methods.password]\nrecovery = false",
            "c.toml: methods.password must say what it is worth, like factor_types = [\"knowledge\"]",
        ),
        (
            "[methods.password]\nfactor_types = [\"knowlege\"]",
            "\"knowlege\" is no factor type: knowledge, possession, inherence",
        ),
        ("[methods.password]\nuser_verified = \"yes\"", "must be true or false"),
        ("[rules]\nrequirement = \"a\"", "c.toml: rules must be [[rules]]"),
        ("rules = [1]", "c.toml: rules[0] must be a table: write [[rules]]"),
        ("[[rules]]\nrequirement = \"a\"\nwhen = \"x > 1\"", "c.toml: rules[0] needs use, a text"),
        ("[[rules]]\nrequirement = \"a\"\nwhen = true\nuse = \"a\"", "c.toml: rules[0] needs when, a text"),
        ("requirements_file = 1", "requirements_file must be text, in quotes"),
        ("requirements_file = \"/nonexistent.toml\"", "nonexistent.toml cannot be read: "),
        ("[policy.evidence]\nsession_for = \"59s\"", "must be a time from 1m to 31d"),
        ("[policy.evidence]\nsession_for = \"60500ms\"", "must be whole seconds"),
        ("[policy.evidence]\nclient_for = \"367d\"", "must be a time from 1m to 366d"),
        ("[policy.evidence]\ntransaction_for = \"2h\"", "must be a time from 10s to 1h"),
        ("[policy]\nremember_for = \"1m\"", "must be a time from 1h to 366d"),
        ("[tenants.acme]\nenrollment_grace = \"never\"", "must be a time from 1h to 366d"),
    ] {
        let said = mistakes(file, &[]);
        assert!(said.contains(expected), "{file}: {said}");
    }
}

#[test]
fn a_mistake_in_a_text_is_shown_with_its_place() {
    let file = format!("{LOGIN}payout = \"login and topt within 5m\"\n");
    let error = load(&file, &[], Flags::default()).unwrap_err();
    let expected = "\
c.toml: holds a mistake
error: `topt` is not known
 --> requirements.payout:1:11
  |
1 | login and topt within 5m
  |           ^^^^ did you mean `totp`?";
    assert!(said(&error).ends_with(expected), "{error}");
    let rule = "[[rules]]\nrequirement = \"login\"\nwhen = \"amount >\"\nuse = \"login\"\n";
    let error = load(&format!("{LOGIN}{rule}"), &[], Flags::default()).unwrap_err();
    assert!(said(&error).contains(" --> rules[0].when:1:9\n"), "{error}");
    let weaker = "easy = \"any\"\n[[rules]]\nrequirement = \"login\"\nwhen = \"a > 1\"\nuse = \"easy\"\n";
    let error = load(&format!("{LOGIN}{weaker}"), &[], Flags::default()).unwrap_err();
    assert!(said(&error).contains("`easy` must ask for all that `login` asks for"), "{error}");
    let method = load("[methods.totp]\nuser_verified = true\n", &[], Flags::default()).unwrap_err();
    assert!(said(&method).contains("`totp` is a method"), "{method}");
}

#[test]
fn mistakes_in_settings_and_in_requirements_are_told_together() {
    let file = "[log]\nformat = \"xml\"\n[requirements]\na = \"topt\"\nb = \"nothing\"\n";
    let error = load(file, &[], Flags::default()).unwrap_err();
    assert_eq!(error.mistakes.len(), 3, "{error}");
}

#[test]
fn a_file_of_their_own_holds_them_and_nothing_else() {
    let config = with_own_file("", LOGIN).unwrap();
    assert_eq!(text(&config, "login"), "password and totp");
    let file = config.book_file.unwrap();
    assert!(file.is_its_own && file.path.ends_with("r.toml"));

    let error = with_own_file("", &format!("listen = []\n{LOGIN}[policy]\nissuer = \"x\"\n")).unwrap_err();
    for place in ["r.toml: listen", "r.toml: policy"] {
        let line = format!("{place}: does not belong here: there are methods, requirements, rules");
        assert!(said(&error).contains(&line), "{error}");
    }
    let both = with_own_file(LOGIN, LOGIN).unwrap_err();
    assert!(said(&both).contains("requirements_file: names a file for methods, requirements and rules"));
    let broken = with_own_file("", "[requirements]\nlogin = \"topt\"").unwrap_err();
    assert!(said(&broken).contains("r.toml: holds a mistake\nerror: `topt` is not known"), "{broken}");
    let no_toml = with_own_file("", "[requirements\n").unwrap_err();
    assert!(said(&no_toml).contains("r.toml: is not TOML"), "{no_toml}");
}

#[test]
fn the_environment_names_the_file_too() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("r.toml");
    std::fs::write(&own, LOGIN).unwrap();
    let config = load("", &[("COUNTERSIGN_REQUIREMENTS_FILE", own.to_str().unwrap())], Flags::default());
    assert_eq!(config.unwrap().book_file, Some(BookFile { path: own, is_its_own: true }));
}

#[test]
fn a_file_is_read_again_by_itself() {
    let settings = BookFile { path: "c.toml".into(), is_its_own: false };
    let book = settings.parse(&format!("listen = [\"x\"]\nno_setting = 1\n{LOGIN}")).unwrap();
    assert_eq!(book.named("login").unwrap().text(), "password and totp");
    let own = BookFile { path: "r.toml".into(), is_its_own: true };
    assert!(own.parse(LOGIN).is_ok() && own.parse("listen = []").is_err());
    // They went to another file, which the server does not know.
    let moved = settings.parse("requirements_file = \"r.toml\"\n").unwrap_err();
    assert!(said(&moved).contains("requirements_file: is new, and read when the server starts"), "{moved}");
}

#[test]
fn a_file_is_looked_at_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let own = file("r.toml", LOGIN);
    let texts = |path: &Path| rulebook_of(path).map(|book| book.named("login").unwrap().text().to_owned());
    assert_eq!(texts(&own).unwrap(), "password and totp");
    // A file of settings, those that are not right here too: a key ring that only the server has.
    let settings = file("s.toml", &format!("database_url_file = \"/nonexistent\"\n{LOGIN}"));
    assert_eq!(texts(&settings).unwrap(), "password and totp");
    let naming = file("n.toml", &format!("requirements_file = {:?}", own.to_str().unwrap()));
    assert_eq!(texts(&naming).unwrap(), "password and totp");
    let unknown = file("u.toml", &format!("[requirement]\nx = \"any\"\n{LOGIN}"));
    assert!(said(&rulebook_of(&unknown).unwrap_err()).contains("did you mean requirements?"));
    assert!(said(&rulebook_of(&dir.path().join("none")).unwrap_err()).contains("none: cannot be read"));
}

#[test]
fn how_long_evidence_counts_is_each_tenants_own() {
    let file = "[policy]\nremember_for = \"30d\"\n[policy.evidence]\nsession_for = \"8h\"\n\
                [tenants.acme]\nenrollment_grace = \"14d\"\n[tenants.acme.evidence]\nclient_for = \"7d\"\n";
    let environment = [("COUNTERSIGN_POLICY_EVIDENCE_TRANSACTION_FOR", "2m")];
    let config = load(file, &environment, Flags::default()).unwrap();
    let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(24 * 3600));
    let acme = config.policies.of(&Tenant::parse("acme").unwrap());
    assert_eq!((acme.evidence.session_for, acme.evidence.client_for), (8 * hour, 7 * day));
    assert_eq!(acme.evidence.transaction_for, Duration::from_secs(120));
    assert_eq!((acme.remember_for, acme.enrollment_grace), (30 * day, Some(14 * day)));
    let default = &config.policies.default;
    assert_eq!((default.evidence.client_for, default.enrollment_grace), (30 * day, None));
}

#[test]
fn what_is_in_force_can_be_loaded_again() {
    let file = format!(
        "{LOGIN}payout = \"any\"\n[methods.\"acme.sso\"]\nphishing_resistant = true\nrecovery = true\n\
         [[rules]]\nrequirement = \"payout\"\nwhen = 'country != \"CH\" || amount > 5'\nuse = \"login\"\n\
         [policy]\nenrollment_grace = \"14d\"\n"
    );
    let config = loaded(&file);
    let shown = config.redacted_toml();
    let again = loaded(&shown);
    assert_eq!(again.redacted_toml(), shown);
    assert_eq!(again.rulebook.vocabulary(), config.rulebook.vocabulary());
    assert_eq!(again.rulebook.rule_sources(), config.rulebook.rule_sources());
    assert_eq!(again.policies.default.enrollment_grace, config.policies.default.enrollment_grace);
    let revision = |config: &Config| config.rulebook.named("login").unwrap().revision().to_owned();
    assert_eq!(revision(&again), revision(&config));
}
