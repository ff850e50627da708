//! Three PostgreSQL servers under Patroni, with etcd to agree on who leads.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::daemon::{Daemon, free_ports, own_dir, until};
use crate::database::programs::{output, postgres};
use crate::database::sql;
use crate::{Failed, signal};

/// Members of the cluster.
pub const MEMBERS: usize = 3;
/// How long the cluster may take to be whole.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is kept when the leader is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Replication {
    /// A commit is acknowledged when a standby has it.
    Synchronous,
    /// A commit is acknowledged when the leader has it.
    Asynchronous,
}

/// A cluster. Everything of it is killed when this is dropped.
pub struct Patroni {
    members: Vec<Member>,
    replication: Replication,
    etcd: Daemon,
    /// Removed when all programs are gone.
    _dir: tempfile::TempDir,
}

struct Member {
    dir: PathBuf,
    port: u16,
    patroni: Option<Daemon>,
}

impl Patroni {
    /// Starts one, and waits until it is whole.
    ///
    /// # Errors
    /// It does not come to be.
    pub async fn start(replication: Replication) -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        let [client, peer] = free_ports().await?;
        let etcd = etcd(own_dir(dir.path(), "etcd").await?, client, peer)?;
        let store = format!("127.0.0.1:{client}");
        let listening = async || Ok(tokio::net::TcpStream::connect(&store).await.map(|_| true)?);
        until("etcd's start", PATIENCE, listening)
            .await
            .map_err(|e| format!("{e}; {}", etcd.last_words()))?;
        let ports: [u16; 2 * MEMBERS] = free_ports().await?;
        let mut members = Vec::new();
        for (number, ports) in ports.chunks_exact(2).enumerate() {
            let dir = own_dir(dir.path(), &format!("n{number}")).await?;
            let settings = settings(number, ports, &dir, &store, replication);
            std::fs::write(dir.join("patroni.yml"), serde_json::to_string_pretty(&settings)?)?;
            members.push(Member { dir, port: ports[0], patroni: None });
        }
        let mut cluster = Self { members, replication, etcd, _dir: dir };
        for member in 0..MEMBERS {
            cluster.restart(member)?;
        }
        cluster.whole().await?;
        Ok(cluster)
    }

    /// The URL that names all of them.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect();
        format!("postgres://postgres@{}/postgres", hosts.join(","))
    }

    /// The URL of one of them.
    #[must_use]
    pub fn url_of(&self, member: usize) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.members[member].port)
    }

    /// Who leads now, if anybody does.
    pub async fn leader(&self) -> Option<usize> {
        for member in 0..MEMBERS {
            if self.ask(member, "SELECT (NOT pg_is_in_recovery())::text").await.is_ok_and(|yes| yes == "true")
            {
                return Some(member);
            }
        }
        None
    }

    /// Waits until one leads and the others follow it, and has as many synchronous ones as it should.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn whole(&self) -> Result<(), Failed> {
        let followers = MEMBERS - 1;
        let sql = "SELECT count(*) || ' ' || count(*) FILTER (WHERE sync_state = 'sync') \
                   FROM pg_stat_replication WHERE state = 'streaming'";
        let synchronous = usize::from(self.replication == Replication::Synchronous);
        until("the cluster's being whole", PATIENCE, async || {
            let leader = self.leader().await.ok_or("nobody leads")?;
            let found = self.ask(leader, sql).await?;
            if found == format!("{followers} {synchronous}") { Ok(true) } else { Err(found.into()) }
        })
        .await
        .map_err(|e| self.explain(&*e))
    }

    /// Kills a member, PostgreSQL and Patroni alike, as the loss of its machine does.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&mut self, member: usize) -> Result<(), Failed> {
        let member = &mut self.members[member];
        let mut patroni = member.patroni.take().ok_or("it was killed already")?;
        let server = member.server()?;
        // The parent is stopped first: it must not see its children die and write that down.
        signal::send("STOP", &[server]).await?;
        patroni.kill().await?;
        let connections = signal::children_of(server).await?;
        signal::send("KILL", &connections).await?;
        signal::send("KILL", &[server]).await
    }

    /// Starts a member again that was killed. It finds its place by itself.
    ///
    /// # Errors
    /// There is no Patroni.
    pub fn restart(&mut self, member: usize) -> Result<(), Failed> {
        let member = &mut self.members[member];
        let settings = member.dir.join("patroni.yml");
        member.patroni = Some(Daemon::start("patroni", &[settings], &member.dir)?);
        Ok(())
    }

    /// Ends everything: nothing of it is needed any more.
    ///
    /// # Errors
    /// Something cannot be killed.
    pub async fn stop(mut self) -> Result<(), Failed> {
        for member in 0..MEMBERS {
            if self.members[member].patroni.is_some() {
                self.kill(member).await?;
            }
        }
        self.etcd.kill().await
    }

    /// The versions of what it is made of.
    ///
    /// # Errors
    /// One of them does not say.
    pub async fn versions(&self) -> Result<Vec<String>, Failed> {
        let sql = "SELECT 'PostgreSQL ' || current_setting('server_version')";
        let mut versions = vec![self.ask(0, sql).await?];
        for program in ["patroni", "etcd"] {
            let said = output(program, &["--version"]).await?;
            versions.push(said.lines().next().unwrap_or_default().to_owned());
        }
        Ok(versions)
    }

    async fn ask(&self, member: usize, sql: &str) -> Result<String, Failed> {
        let rows = sql::rows(&self.url_of(member), sql).await?;
        Ok(rows.first().ok_or("no row")?.try_get_by_index(0)?)
    }

    fn explain(&self, error: &dyn std::error::Error) -> Failed {
        let words = self.members.iter().filter_map(|member| Some(member.patroni.as_ref()?.last_words()));
        let words: Vec<_> = words.collect();
        format!("{error}\n{}", words.join("\n")).into()
    }
}

impl Member {
    /// The process of its PostgreSQL, as that says itself.
    fn server(&self) -> Result<u32, Failed> {
        let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid"))?;
        Ok(file.lines().next().unwrap_or_default().trim().parse()?)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Patroni's PostgreSQL is no child of it, and outlives it.
        if self.patroni.take().is_some()
            && let Ok(server) = self.server()
        {
            // Nobody is left to be told.
            let _ = std::process::Command::new("kill").args(["-QUIT", &server.to_string()]).output();
        }
    }
}

fn etcd(dir: PathBuf, client: u16, peer: u16) -> Result<Daemon, Failed> {
    let [client, peer] = [client, peer].map(|port| format!("http://127.0.0.1:{port}"));
    let data = dir.join("data").display().to_string();
    let cluster = format!("default={peer}");
    let arguments = [
        ["--data-dir", &data],
        ["--listen-client-urls", &client],
        ["--advertise-client-urls", &client],
        ["--listen-peer-urls", &peer],
        ["--initial-advertise-peer-urls", &peer],
        ["--initial-cluster", &cluster],
    ];
    Daemon::start("etcd", arguments.as_flattened(), &dir)
}

/// A member's settings: YAML, of which JSON is a part.
fn settings(
    number: usize,
    ports: &[u16],
    dir: &std::path::Path,
    store: &str,
    replication: Replication,
) -> serde_json::Value {
    let at = |port: u16| format!("127.0.0.1:{port}");
    let (server, api) = (at(ports[0]), at(ports[1]));
    let is_synchronous = replication == Replication::Synchronous;
    let bin = PathBuf::from(postgres("postgres"));
    let role = |name: &str| json!({ "username": name, "password": "trial" });
    json!({
        "scope": "trial",
        "name": format!("n{number}"),
        "restapi": { "listen": api, "connect_address": api },
        "etcd3": { "hosts": store },
        "bootstrap": {
            "dcs": {
                // As quick as it lets itself be set: a leader counts as lost after `ttl`.
                "ttl": 20,
                "loop_wait": 2,
                "retry_timeout": 5,
                "maximum_lag_on_failover": 64 * 1024 * 1024,
                "synchronous_mode": is_synchronous,
                "synchronous_mode_strict": is_synchronous,
                "postgresql": {
                    "use_pg_rewind": true,
                    "parameters": { "wal_log_hints": "on", "max_connections": 200 },
                },
            },
            "initdb": [{ "encoding": "UTF8" }, { "locale": "C" }],
        },
        "postgresql": {
            "listen": server,
            "connect_address": server,
            "data_dir": dir.join("data"),
            "bin_dir": bin.parent(),
            "pgpass": dir.join("pgpass"),
            "authentication": {
                "superuser": role("postgres"),
                "replication": role("replicator"),
                "rewind": role("rewinder"),
            },
            "pg_hba": [
                "local all all trust",
                "host all all 127.0.0.1/32 trust",
                "host replication all 127.0.0.1/32 trust",
            ],
            "parameters": { "unix_socket_directories": dir },
        },
    })
}
