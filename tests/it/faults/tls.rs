//! TLS to the server, with the certificate checked as far as the URL says.

use countersign_trials::database::Server;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::open;
use crate::harness::databases::{Engine, on_private_servers};
use crate::harness::options;

on_private_servers!(the_certificate_is_checked_as_the_url_says);

/// A certificate authority, a server's certificate of it, and another authority, made by openssl.
pub(crate) struct Certificates(tempfile::TempDir);

impl Certificates {
    pub(crate) async fn make() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        for name in ["ca", "other"] {
            let key = made.path(&format!("{name}.key"));
            let subject = format!("/CN=test {name}");
            openssl(&["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
                .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref()])
                .arg(made.path(&format!("{name}.pem")))
                .args(["-days", "2", "-subj", &subject, "-addext", "keyUsage=critical,keyCertSign"])
                .succeed()
                .await;
        }
        let request = made.path("server.csr");
        openssl(&["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-keyout".as_ref(), made.path("server.key").as_os_str(), "-out".as_ref()])
            .arg(&request)
            .args(["-subj", "/CN=server"])
            .succeed()
            .await;
        std::fs::write(made.path("names"), "subjectAltName=DNS:localhost\n").unwrap();
        openssl(&["x509", "-req", "-days", "2", "-CAcreateserial", "-in"])
            .arg(&request)
            .args(["-CA".as_ref(), made.path("ca.pem").as_os_str()])
            .args(["-CAkey".as_ref(), made.path("ca.key").as_os_str()])
            .args(["-extfile".as_ref(), made.path("names").as_os_str()])
            .args(["-out".as_ref(), made.path("server.pem").as_os_str()])
            .succeed()
            .await;
        made
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Gives a server its certificate and key.
    fn install(&self, server: &Server) -> [PathBuf; 2] {
        ["server.pem", "server.key"].map(|name| {
            let to = server.path(name);
            std::fs::copy(self.path(name), &to).unwrap();
            server.hand_over(&to).unwrap();
            to
        })
    }
}

trait Succeed {
    async fn succeed(&mut self);
}

impl Succeed for Command {
    async fn succeed(&mut self) {
        let done = self.output().await.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments);
    command
}

async fn the_certificate_is_checked_as_the_url_says(engine: Engine) {
    let certificates = Certificates::make().await;
    let mut server = Server::start(engine, &[]).await.unwrap();
    let [certificate, key] = certificates.install(&server);
    secure(&mut server, &certificate, &key).await;
    let ca = certificates.path("ca.pem").display().to_string();
    let other = certificates.path("other.pem").display().to_string();
    let (local, by_address) = (format!("localhost:{}", server.port), format!("127.0.0.1:{}", server.port));
    let cases: Vec<(&str, String, Option<&str>)> = match engine {
        Engine::Postgres => vec![
            (&local, format!("sslmode=verify-full&sslrootcert={ca}"), None),
            (&by_address, format!("sslmode=verify-ca&sslrootcert={ca}"), None),
            (&by_address, format!("sslmode=require&sslrootcert={ca}"), None),
            (&by_address, "sslmode=require".to_owned(), None),
            (&by_address, format!("sslmode=verify-full&sslrootcert={ca}"), Some("certificate")),
            (&local, format!("sslmode=verify-full&sslrootcert={other}"), Some("certificate")),
            (&local, format!("sslmode=verify-ca&sslrootcert={other}"), Some("certificate")),
            // As libpq has it: an authority that is named is used.
            (&local, format!("sslmode=require&sslrootcert={other}"), Some("certificate")),
            (&local, "sslmode=verify-full".to_owned(), Some("certificate")),
            (&local, "sslmode=disable".to_owned(), Some("encryption")),
        ],
        _ => vec![
            (&local, format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}"), None),
            (&by_address, format!("ssl-mode=VERIFY_CA&ssl-ca={ca}"), None),
            (&by_address, format!("ssl-ca={ca}"), None),
            (&by_address, "ssl-mode=REQUIRED".to_owned(), None),
            (&by_address, format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}"), Some("certificate")),
            (&local, format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={other}"), Some("certificate")),
            (&local, format!("ssl-mode=VERIFY_CA&ssl-ca={other}"), Some("certificate")),
            (&local, format!("ssl-ca={other}"), Some("certificate")),
            (&local, "ssl-mode=VERIFY_IDENTITY".to_owned(), Some("certificate")),
            (&local, "ssl-mode=DISABLED".to_owned(), Some("Access denied")),
        ],
    };
    for (host, query, refused) in cases {
        let opened = open(&options(&format!("{}?{query}", server.url_at(host)))).await;
        match (opened, refused) {
            (Ok(store), None) => store.close().await,
            (Err(error), Some(says)) => {
                let said = error.to_string();
                assert!(said.contains(says), "{host} {query}: {said}");
            }
            (Ok(_), Some(_)) => panic!("{host} {query}: was taken"),
            (Err(error), None) => panic!("{host} {query}: {error}"),
        }
    }
    server.stop().await.unwrap();
}

/// Has a server take nothing but TLS.
async fn secure(server: &mut Server, certificate: &Path, key: &Path) {
    let (certificate, key) = (certificate.display(), key.display());
    if server.engine == Engine::Postgres {
        server.set(&format!("ALTER SYSTEM SET ssl_cert_file = '{certificate}'")).await.unwrap();
        server.set(&format!("ALTER SYSTEM SET ssl_key_file = '{key}'")).await.unwrap();
        server.set("ALTER SYSTEM SET ssl = on").await.unwrap();
        let rules = "hostssl all test all trust\nhostnossl all test all reject\n";
        std::fs::write(server.path("data/pg_hba.conf"), rules).unwrap();
        server.set("ALTER SYSTEM SET log_connections = on").await.unwrap();
    } else {
        server.kill().await.unwrap();
        server.add(&[
            &format!("ssl-cert={certificate}"),
            &format!("ssl-key={key}"),
            "require-secure-transport=ON",
        ]);
        server.go_on().await.unwrap();
    }
}
