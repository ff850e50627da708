use super::*;

fn read(url: &str) -> Vec<(String, String)> {
    hosts(url).unwrap().into_iter().map(|host| (host.name, host.url.expose().to_owned())).collect()
}

fn one(url: &str) -> String {
    let [(_, url)] = <[_; 1]>::try_from(read(url)).unwrap();
    url
}

#[test]
fn one_host_is_left_as_it_is() {
    for url in [
        "postgres://u:p%40x@h:5432/db?application_name=x",
        "postgresql://u@h",
        "mysql://root@127.0.0.1:3306/db",
        "postgres://u@%2Frun%2Fpostgresql/db",
        "postgres://[::1]:5432/db",
        "postgres:///db",
    ] {
        assert_eq!(one(url), url);
    }
    assert_eq!(one("mariadb://h/db"), "mysql://h/db");
}

#[test]
fn several_hosts_share_everything_else() {
    let expected = |scheme: &str| {
        [("h1:1", "h1:1"), ("h2", "h2"), ("[::1]:3", "[::1]:3")]
            .map(|(name, at)| (name.to_owned(), format!("{scheme}://u:a,b@{at}/db?x=y")))
    };
    assert_eq!(
        read("postgres://u:a,b@h1:1,h2,[::1]:3/db?target_session_attrs=read-write&x=y"),
        expected("postgres")
    );
    assert_eq!(read("mysql://u:a,b@h1:1,h2,[::1]:3/db?x=y"), expected("mysql"));
}

#[test]
fn hosts_and_ports_stand_in_the_query_as_libpq_has_them() {
    let named = |url| read(url).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(named("postgres://u@/db?host=h1,h2&port=5432"), ["h1:5432", "h2:5432"]);
    assert_eq!(named("postgres:///db?host=h1%2Ch2&port=1%2c2"), ["h1:1", "h2:2"]);
    assert_eq!(named("postgres:///db?host=h1,h2"), ["h1", "h2"]);
    let [first, _] = <[_; 2]>::try_from(read("postgres://u@/db?host=h1,h2&port=1,2&x=y")).unwrap();
    assert_eq!(first.1, "postgres://u@/db?x=y&host=h1&port=1");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (url, says) in [
        ("postgres:h/db", "there is no // after its scheme"),
        ("postgres://h/db?target_session_attrs=standby", "target_session_attrs must be read-write"),
        ("postgres://h/db?target_session_attrs=prefer-standby", "target_session_attrs must be read-write"),
        ("postgres:///db?host=h1,h2,h3&port=1,2", "port must be one for all hosts, or one for each"),
        ("postgres://h1,,h2/db", "one of the hosts between its commas is empty"),
        ("mysql://h1,/db", "one of the hosts between its commas is empty"),
    ] {
        let said = hosts(url).unwrap_err();
        assert!(said.contains(says), "{url}: {said}");
    }
}

#[test]
fn a_certificate_authority_that_is_named_is_used() {
    for (url, expected) in [
        (
            "postgres://h/db?sslmode=require&sslrootcert=ca",
            "postgres://h/db?sslrootcert=ca&sslmode=verify-ca",
        ),
        ("mysql://h/db?ssl-ca=ca", "mysql://h/db?ssl-ca=ca&sslmode=verify_ca"),
    ] {
        assert_eq!(one(url), expected);
    }
    for unchanged in [
        "postgres://h/db?sslmode=require",
        "postgres://h/db?sslmode=verify-full&sslrootcert=ca",
        "postgres://h/db?sslmode=disable&sslrootcert=ca",
        "mysql://h/db?ssl-mode=VERIFY_IDENTITY&ssl-ca=ca",
    ] {
        assert_eq!(one(unchanged), unchanged);
    }
}
