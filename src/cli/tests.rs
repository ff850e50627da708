use clap::CommandFactory as _;

use super::*;

fn run_with(arguments: &[&str], environment: &Environment) -> u8 {
    run(std::iter::once(&"countersign").chain(arguments).map(OsString::from), environment)
}

/// Every command that does something, with its path.
fn leaves(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let path = format!("{path} {}", command.get_name());
    let inner: Vec<_> = command.get_subcommands().filter(|c| c.get_name() != "help").collect();
    if inner.is_empty() {
        return vec![(path.trim_start().to_owned(), command.clone())];
    }
    inner.into_iter().flat_map(|command| leaves(command, &path)).collect()
}

#[test]
fn the_commands_are_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_says_what_it_does_in_a_line_and_how_it_is_used() {
    for (path, command) in leaves(&Cli::command(), "") {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && about.len() < 80 && !about.ends_with('.'), "{path}: {about:?}");
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let name = path.strip_prefix("countersign ").unwrap();
        assert!(
            after.contains(name) || name == "demo" || after.contains("[countersign, probe"),
            "{path}: {after}"
        );
    }
}

#[test]
fn every_option_is_described() {
    for (path, command) in leaves(&Cli::command(), "") {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {}", argument.get_id());
        }
    }
}

#[test]
fn wrong_usage_is_64() {
    let nothing = Environment::default();
    for arguments in [
        &[][..],
        &["nonsense"],
        &["serve", "--lisen", "127.0.0.1:1"],
        &["device"],
        &["device", "show", "alice"],
        &["device", "enroll", "alice"],
        &["device", "enroll", "alice", "--kind", "sms"],
        &["device", "enroll", "alice", "--kind", "totp", "--counter", "1"],
        &["device", "enroll", "alice", "--kind", "hotp", "--period", "30s"],
        &["device", "enroll", "alice", "--kind", "recovery-codes", "--digits", "6"],
        &["device", "enroll", "alice", "--kind", "totp", "--count", "6"],
        &["device", "resync", "alice", "d", "1", "2", "3", "4"],
        &["verify", "alice"],
        &["verify", "alice", "123456", "--timeout", "soon"],
        &["verify", "alice", "123456", "--server", "nowhere"],
        &["recovery-codes", "issue", "alice", "--count", "51"],
        &["recovery-codes", "issue", "alice", "--count", "0"],
        &["verify", "alice", "123456", "--transaction", "ab"],
        &["verify", "alice", "123456", "--scope", "everywhere"],
        &["verify", "alice", "123456", "--attribute", "amount"],
        &["requirements"],
        &["requirements", "check"],
        &["requirements", "compare", "old.toml"],
        &["requirements", "explain", "login"],
        &["requirements", "explain", "--subject", "alice"],
        &["evidence", "record", "alice"],
        &["evidence", "revoke", "alice"],
        &["evidence", "revoke", "alice", "e1", "--everything"],
        &["evidence", "revoke", "alice", "--session", "s", "--everything"],
        &["client", "remember", "alice"],
        &["client", "forget", "alice"],
        &["client", "forget", "alice", "c1", "--all"],
        &["caller", "new-token", "Not A Name"],
        &["caller", "new-token", "web", "--tenant", ""],
        &["caller", "new-token", "web", "--role", "root"],
    ] {
        assert_eq!(run_with(arguments, &nothing), USAGE, "{arguments:?}");
    }
    let wrong = Environment::from([("COUNTERSIGN_SERVER", "nowhere")]);
    assert_eq!(run_with(&["subject", "show", "alice"], &wrong), USAGE);
}

#[test]
fn help_and_version_are_no_error() {
    for arguments in [&["--help"][..], &["--version"], &["help", "device"], &["device", "enroll", "--help"]] {
        assert_eq!(run_with(arguments, &Environment::default()), 0, "{arguments:?}");
    }
}

#[test]
fn nobody_listening_is_an_error_and_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = format!("unix:{}/none.sock", dir.path().display());
    let data_dir = dir.path().to_str().unwrap();
    for command in [
        &["verify", "alice", "123456"][..],
        &["subject", "show", "alice"],
        &["requirements", "list"],
        &["requirements", "explain", "login", "--subject", "alice"],
        &["evidence", "list", "alice"],
        &["client", "list", "alice"],
        &["probe"],
    ] {
        let connection = ["--server", &server, "--data-dir", data_dir, "--timeout", "2s"];
        let arguments: Vec<_> = command.iter().copied().chain(connection).collect();
        assert_eq!(run_with(&arguments, &Environment::default()), 2, "{command:?}");
    }
}

#[test]
fn calls_of_an_operator_say_so_in_their_help() {
    let calls = ["enroll", "confirm", "delete", "suspend", "resume"].map(|call| format!("device {call}"));
    let calls = calls.into_iter().chain(["issue", "add"].map(|call| format!("recovery-codes {call}")));
    let all = leaves(&Cli::command(), "");
    for call in calls {
        let (_, command) = all.iter().find(|(path, _)| *path == format!("countersign {call}")).unwrap();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(about.ends_with("(role admin)"), "{call}: {about}");
    }
}

#[test]
fn files_of_requirements_are_checked_and_compared_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let less = file("less.toml", "[requirements]\nlogin = \"totp\"");
    let more = file("more.toml", "[requirements]\nlogin = \"totp within 5m\"");
    let wrong = file("wrong.toml", "[requirements]\nlogin = \"topt\"");
    let status = |arguments: &[&str]| run_with(arguments, &Environment::default());
    assert_eq!(status(&["requirements", "check", &less]), 0);
    assert_eq!(status(&["requirements", "check", &wrong]), 2);
    assert_eq!(status(&["requirements", "check", "/nonexistent.toml"]), 2);
    assert_eq!(status(&["requirements", "compare", &less, &less]), 0);
    assert_eq!(status(&["requirements", "compare", &less, &more]), 0);
    assert_eq!(status(&["requirements", "compare", &more, &less]), 1);
    assert_eq!(status(&["requirements", "compare", &more, &wrong]), 2);
}

#[test]
fn settings_that_are_wrong_are_an_error() {
    let wrong = Environment::from([("COUNTERSIGN_LISSEN", "127.0.0.1:1")]);
    assert_eq!(run_with(&["config", "check"], &wrong), 2);
    assert_eq!(run_with(&["config", "check", "--listen", "here"], &Environment::default()), 2);
    assert_eq!(run_with(&["config", "check", "--config", "/nonexistent.toml"], &Environment::default()), 2);
}

fn written(command: &[&str], environment: &Environment) -> String {
    let arguments = std::iter::once(&"countersign").chain(command);
    let mut out = Vec::new();
    let cli = Cli::try_parse_from(arguments).unwrap();
    assert_eq!(cli.command.run(environment, &mut out).unwrap(), Answer::Yes);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_new_token_is_known_to_a_server_by_the_lines_that_come_with_it() {
    let text = written(
        &["caller", "new-token", "web-shop", "--tenant", "acme", "--role", "verify", "--role", "admin"],
        &Environment::default(),
    );
    let (token, settings) = text.split_once('\n').unwrap();
    assert!(token.starts_with("cs_") && token.len() == 46, "{token}");
    assert!(!settings.contains(token));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), settings).unwrap();
    let config = crate::config::Config::load(Default::default(), &[], Some(file.path())).unwrap();
    let caller = config.credentials.by_token(token).unwrap();
    assert_eq!(caller.name.as_str(), "web-shop");
    assert_eq!(caller.tenant.as_str(), "acme");
    let roles: Vec<_> = caller.roles.iter().map(|role| role.as_str()).collect();
    assert_eq!(roles, ["verify", "admin"]);
}

#[test]
fn two_new_tokens_are_two() {
    let make = || written(&["caller", "new-token", "web", "--json"], &Environment::default());
    let [one, other]: [serde_json::Value; 2] =
        [make(), make()].map(|text| serde_json::from_str(&text).unwrap());
    assert_ne!(one["token"], other["token"]);
    assert_ne!(one["sha256"], other["sha256"]);
}

#[test]
fn a_data_directory_is_made_once() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let environment = Environment::from([("COUNTERSIGN_DATA_DIR", dir.to_str().unwrap())]);
    let first: serde_json::Value = serde_json::from_str(&written(&["init", "--json"], &environment)).unwrap();
    assert_eq!(first["keyring"]["created"], true);
    let keys = std::fs::read(dir.join("keyring")).unwrap();
    let second: serde_json::Value =
        serde_json::from_str(&written(&["init", "--json"], &environment)).unwrap();
    assert_eq!(second["keyring"]["created"], false);
    assert_eq!(std::fs::read(dir.join("keyring")).unwrap(), keys);
}
