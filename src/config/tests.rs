mod book;

use std::time::Duration;

use super::*;
use crate::domain::ids::Tenant;

fn load(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, file).unwrap();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(flags, &environment, Some(&path))
}

fn mistakes(file: &str, environment: &[(&str, &str)]) -> String {
    let error = load(file, environment, Flags::default()).unwrap_err();
    error
        .mistakes
        .iter()
        .map(|m| format!("{} {}\n", m.place.rsplit('/').next().unwrap(), m.problem))
        .collect()
}

#[test]
fn flags_stand_over_the_environment_and_that_over_the_file() {
    let file = "data_dir = \"file\"\n[log]\nlevel = \"warn\"\nformat = \"json\"\n[policy]\nissuer = \"file\"";
    let environment = [("COUNTERSIGN_DATA_DIR", "env"), ("COUNTERSIGN_LOG_LEVEL", "error"), ("OTHER", "x")];
    let flags = Flags { data_dir: Some("flag".into()), ..Flags::default() };
    let config = load(file, &environment, flags).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("flag"));
    assert_eq!(config.log, Log { format: "json".to_owned(), level: "error".to_owned() });
    assert_eq!(config.policies.default.issuer.as_deref(), Some("file"));
    assert_eq!(config.database.url.expose(), "sqlite:flag/countersign.db");
}

#[test]
fn an_unknown_key_names_the_nearest_known_one_and_where_it_stands() {
    let said = mistakes(
        "databse_url = \"sqlite:x\"\n[policy.throtle]\nfactor = \"1s\"\n[policy.totp]\ndigit = 6\n[[callers]]\nnam = \"x\"\n[tenants.a]\nisuer = \"x\"",
        &[("COUNTERSIGN_DATADIR", "x")],
    );
    for expected in [
        "c.toml: databse_url is not a setting; did you mean database_url?",
        "c.toml: policy.totp.digit is not a setting; did you mean totp.digits?",
        "c.toml: tenants.a.isuer is not a setting; did you mean issuer?",
        "c.toml: callers[0].nam is not a setting; did you mean name?",
        "COUNTERSIGN_DATADIR is not a setting; did you mean COUNTERSIGN_DATA_DIR?",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

#[test]
fn every_broken_value_says_what_would_be_right() {
    for (file, expected) in [
        ("listen = [\"localhost:1\"]", "must be an address and a port, like 127.0.0.1:7443, or unix:PATH"),
        ("listen = [\"0.0.0.0:7443\"]", "is not a loopback address, and without TLS"),
        ("listen = []", "must name an address"),
        ("listen = 7", "must be a list of texts"),
        ("unix_socket_mode = \"0666\"", "open to nobody beyond owner and group"),
        ("database_url = \"oracle://x\"", "must begin with sqlite:, postgres: or mysql:"),
        (
            "[database]\nstatement_timeout = \"50ms\"",
            "must be 0s, which leaves it to the server, or at least 100ms",
        ),
        ("[database]\nlock_timeout = \"61s\"", "must be a time from 0ms to 1m"),
        ("[database]\nallow_weak_durability = 1", "must be true or false"),
        ("[limits]\nrequest_timeout = \"10\"", "must be a time from 100ms to 5m, like 250ms"),
        ("[limits]\nconcurrency = 0", "must be a whole number from 1 to 1000000"),
        ("[log]\nformat = \"xml\"", "must be one of auto, text, json"),
        ("[policy]\nissuer = \"Example: Shop\"", "must not hold a colon"),
        ("[policy]\nissuer = \" \"", "begin or end with white space"),
        ("[tenants.acme]\nissuer = \"Example\\u00a0\"", "begin or end with white space"),
        ("[policy.totp]\ndigits = 9", "must be a whole number from 6 to 8"),
        ("[policy.totp]\nperiod = \"121s\"", "must be a time from 15s to 2m"),
        ("[policy.totp]\nlearn_drift = 1", "must be true or false"),
        ("[policy.throttle]\nlock_after = 101", "must be a whole number from 3 to 100"),
        ("[tenants.\"A b\"]", "the tenant's name must be 1 to 63 of a-z, 0-9 and '-'"),
        ("[[callers]]\nroles = [\"verify\"]\nuids = [1]", "needs a name"),
        ("[[callers]]\nname = \"x\"\nuids = [1]", "needs roles: some of verify, manage"),
        ("[[callers]]\nname = \"x\"\nroles = [\"root\"]", "\"root\" is not a role"),
        ("[[callers]]\nname = \"x\"\nroles = [\"verify\"]", "needs tokens_sha256 or uids"),
        (
            "[[callers]]\nname = \"x\"\nroles = [\"verify\"]\ntokens_sha256 = [\"ab\"]",
            "64 hexadecimal digits",
        ),
        (
            "[[callers]]\nname = \"x\"\nroles = [\"verify\"]\ntokens_sha256 = \
             [\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]",
            "tokens_sha256 must be the SHA-256 of a token, and is that of the empty text",
        ),
        ("callers = 1", "must be [[callers]]"),
        ("= 1", "is not TOML"),
    ] {
        let said = mistakes(file, &[]);
        assert!(said.contains(expected), "{file}: {said}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let error = load("x = 1\n[log]\nformat = \"xml\"\n[policy.totp]\ndigits = 9", &[], Flags::default());
    assert_eq!(error.unwrap_err().mistakes.len(), 3);
}

#[test]
fn no_authentication_is_refused_where_others_could_connect() {
    let said = mistakes("insecure_no_auth = true\nallow_plaintext_listen = true\nlisten = [\"[::]:1\"]", &[]);
    assert!(said.contains("anybody who reaches it could do everything"), "{said}");
    assert!(load("insecure_no_auth = true", &[], Flags::default()).is_ok());
}

#[test]
fn a_tenant_inherits_what_it_does_not_set() {
    let file =
        "[policy]\nissuer = \"all\"\n[policy.throttle]\nfactor = \"2s\"\n[tenants.acme.totp]\ndigits = 8";
    let config = load(file, &[], Flags::default()).unwrap();
    let acme = config.policies.of(&Tenant::parse("acme").unwrap());
    let digits = &crate::kinds::totp::settings::DIGITS;
    assert_eq!((acme.kinds.number(digits), acme.issuer.as_deref()), (8, Some("all")));
    assert_eq!(acme.throttle.factor, Duration::from_secs(2));
    assert_eq!(config.policies.default.kinds.number(digits), 6);
}

/// What Kubernetes sets for a Service with the ports `grpc` (7443, TCP) and `dns` (53, UDP).
fn links(service: &str, address: &str) -> Vec<(String, String)> {
    let authority = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let mut links = vec![
        ("SERVICE_HOST".to_owned(), address.to_owned()),
        ("SERVICE_PORT".to_owned(), "7443".to_owned()),
        ("SERVICE_PORT_GRPC".to_owned(), "7443".to_owned()),
        ("SERVICE_PORT_DNS_UDP".to_owned(), "53".to_owned()),
        ("PORT".to_owned(), format!("tcp://{authority}:7443")),
    ];
    for (port, protocol) in [("7443", "tcp"), ("53", "udp"), ("9", "sctp")] {
        let one = format!("PORT_{port}_{}", protocol.to_uppercase());
        links.extend([
            (one.clone(), format!("{protocol}://{authority}:{port}")),
            (format!("{one}_PROTO"), protocol.to_owned()),
            (format!("{one}_PORT"), port.to_owned()),
            (format!("{one}_ADDR"), address.to_owned()),
        ]);
    }
    links.into_iter().map(|(name, value)| (format!("{service}_{name}"), value)).collect()
}

#[test]
fn what_kubernetes_sets_for_services_is_no_mistake() {
    for service in ["", "_DB", "_DATABASE", "_DATABASE_URL", "_LOG", "_LISTEN", "_SERVICE", "_PORT", "_A_1"] {
        for address in ["10.0.0.1", "fd00::1"] {
            let links = links(&format!("COUNTERSIGN{service}"), address);
            let links: Vec<_> = links.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            load("", &links, Flags::default()).unwrap();
        }
    }
}

#[test]
fn a_variable_with_the_name_of_a_link_and_another_value_is_a_mistake() {
    for (variable, value) in [
        ("COUNTERSIGN_PORT", "7443"),
        ("COUNTERSIGN_LISTEN_PORT", "7443"),
        ("COUNTERSIGN_PORT", "http://10.0.0.1:7443"),
        ("COUNTERSIGN_DB_PORT", "tcp://database:5432"),
        ("COUNTERSIGN_DB_SERVICE_HOST", "database"),
        ("COUNTERSIGN_DB_SERVICE_PORT", "grpc"),
        ("COUNTERSIGN_DB_SERVICE_PORT_", "5432"),
        ("COUNTERSIGN_DB_PORT_5432_TCP_ADDR", "5432"),
        ("COUNTERSIGN_DB_PORT_5432_HTTP", "tcp://10.0.0.1:5432"),
        ("COUNTERSIGN_DB_PORT_5432_TCP_NAME", "x"),
        ("COUNTERSIGN_DATABASE_URLS", "tcp://10.0.0.1:5432"),
    ] {
        let said = mistakes("", &[(variable, value)]);
        assert!(said.contains(&format!("{variable} is not a setting")), "{said}");
    }
}

#[test]
fn a_setting_is_never_taken_for_a_link() {
    let settings = keys::SETTINGS.iter().map(|key| keys::variable(key));
    let policy = keys::policy().into_iter().map(|key| keys::variable(&format!("policy.{key}")));
    for variable in settings.chain(policy) {
        for value in ["10.0.0.1", "7443", "tcp", "tcp://10.0.0.1:7443"] {
            assert!(!links::is_service_link(&variable, value), "{variable}={value}");
        }
    }
}

#[test]
fn the_settings_in_force_can_be_loaded_again_and_hold_no_password() {
    let file = "database_url = \"postgres://me:hunter2@h/db?password=hunter3\"\n[tenants.acme]\nissuer = \"A \\\"B\\\"\"";
    let config = load(file, &[], Flags::default()).unwrap();
    let shown = config.redacted_toml();
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("postgres://me:…@h/db"), "{shown}");
    let again = load(&shown, &[], Flags::default()).unwrap();
    assert_eq!(again.policies.tenants, config.policies.tenants);
    assert_eq!(again.limits, config.limits);
}

#[test]
fn a_message_has_at_most_64_kib_unless_the_settings_allow_more() {
    let most = |file| load(file, &[], Flags::default()).unwrap().limits.max_message_bytes;
    assert_eq!(most(""), 64 << 10);
    assert_eq!(most("[limits]\nmax_message_bytes = 1048576"), 1 << 20);
}

#[test]
fn nothing_that_weakens_a_promise_is_allowed_unasked() {
    let config = load("", &[], Flags::default()).unwrap();
    assert!(!config.database.allow_weak_durability && !config.database.allow_clock_skew);
    let asked = [
        ("COUNTERSIGN_DATABASE_ALLOW_WEAK_DURABILITY", "true"),
        ("COUNTERSIGN_DATABASE_ALLOW_CLOCK_SKEW", "true"),
        ("COUNTERSIGN_DATABASE_STATEMENT_TIMEOUT", "0s"),
        ("COUNTERSIGN_DATABASE_LOCK_TIMEOUT", "750ms"),
    ];
    let config = load("", &asked, Flags::default()).unwrap();
    let shown = config.redacted_toml();
    assert!(config.database.allow_weak_durability && config.database.allow_clock_skew);
    for line in [
        "statement_timeout = \"0ms\"",
        "lock_timeout = \"750ms\"",
        "allow_weak_durability = true",
        "allow_clock_skew = true",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

/// A file of settings that was loaded, and is read again.
fn sources(dir: &Path, file: &str, environment: &[(&str, &str)]) -> Sources {
    let path = dir.join("c.toml");
    std::fs::write(&path, file).unwrap();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(Flags::default(), &environment, Some(&path)).unwrap().sources.unwrap()
}

const CALLER: &str = "[[callers]]\nname = \"app\"\nroles = [\"verify\"]\nuids = [7]\n";

#[test]
fn a_file_that_is_read_again_names_what_needs_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let environment = [("COUNTERSIGN_LOG_LEVEL", "warn"), ("COUNTERSIGN_KEYRING", "a secret")];
    let start = "shutdown_grace = \"1s\"\n[limits]\nconcurrency = 7\n[log]\nlevel = \"info\"\n";
    let sources = sources(dir.path(), start, &environment);
    assert!(!format!("{sources:?}").contains("a secret"));
    let same = sources.parse(start).unwrap();
    assert!(same.needs_restart.is_empty() && same.credentials.is_empty());
    let others = "[limits]\nconcurrency = 8\n[log]\nlevel = \"debug\"\n[tenants.acme]\nissuer = \"x\"\n";
    let reread = sources.parse(&format!("{CALLER}{others}")).unwrap();
    // The environment stands over the file, as at the start.
    assert_eq!(reread.needs_restart, ["limits.concurrency", "shutdown_grace", "tenants.acme.issuer"]);
    assert!(reread.credentials.by_uid(7).is_some() && reread.rulebook.is_some());
    let wrong = sources.parse(&format!("{CALLER}[limits]\nconcurrency = 0\n")).unwrap_err();
    assert!(wrong.to_string().contains("c.toml: limits.concurrency: must be a whole number"), "{wrong}");
}

#[test]
fn only_a_regular_file_of_a_mebibyte_at_most_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large.toml");
    std::fs::write(&large, "#".repeat(1 << 20)).unwrap();
    assert_eq!(read(&large).unwrap().len(), 1 << 20);
    std::fs::write(&large, "#".repeat((1 << 20) + 1)).unwrap();
    for (file, why) in [
        (large.as_path(), "it has more than 1048576 bytes"),
        (dir.path(), "it is not a regular file"),
        // Read to its end, it would never return.
        (Path::new("/dev/zero"), "it is not a regular file"),
    ] {
        let wrong = read(file).unwrap_err().to_string();
        assert!(wrong.ends_with(&format!("cannot be read: {why}")), "{wrong}");
    }
}

#[test]
fn callers_are_read_again_whatever_became_of_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let (url, book) = (dir.path().join("url"), dir.path().join("r.toml"));
    std::fs::write(&url, "sqlite:x").unwrap();
    std::fs::write(&book, "").unwrap();
    let files = format!("database_url_file = {url:?}\nrequirements_file = {book:?}\n");
    let sources = sources(dir.path(), &files, &[]);
    std::fs::remove_file(&url).unwrap();
    std::fs::write(&book, "[requirements]\nlogin = \"no such method\"\n").unwrap();
    let reread = sources.parse(&format!("{files}{CALLER}")).unwrap();
    assert!(reread.credentials.by_uid(7).is_some() && reread.rulebook.is_none());
    // Rules that moved are not read, and an empty rulebook is not put in their place.
    let moved = sources.parse(CALLER).unwrap_err();
    assert!(moved.to_string().contains("requirements_file: is another than at the start"), "{moved}");
    let two = sources.parse(&format!("{files}[requirements]\nlogin = \"totp\"\n")).unwrap_err();
    assert!(two.to_string().contains("keep one place"), "{two}");
}
