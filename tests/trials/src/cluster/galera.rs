//! Three MariaDB servers in a Galera cluster, each of which takes writes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::daemon::{Daemon, free_ports, own_dir, until};
use crate::Failed;
use crate::database::programs::{NOBODY, is_nobody, output, succeed};
use crate::database::sql;

/// Nodes of the cluster.
pub const NODES: usize = 3;
/// How long a node may take to be part of the cluster.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where Debian has the library that makes a MariaDB server a node.
const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// A cluster. Everything of it is killed when this is dropped.
pub struct Galera {
    nodes: Vec<Node>,
    /// Removed when all programs are gone.
    _dir: tempfile::TempDir,
}

struct Node {
    dir: PathBuf,
    port: u16,
    server: Option<Daemon>,
}

impl Galera {
    /// Starts one, and waits until all nodes are part of it.
    ///
    /// # Errors
    /// It does not come to be.
    pub async fn start() -> Result<Self, Failed> {
        if !Path::new(PROVIDER).exists() {
            return Err(format!("there is no {PROVIDER}: install galera-4").into());
        }
        let dir = tempfile::tempdir()?;
        let ports: [u16; 4 * NODES] = free_ports().await?;
        let all: Vec<_> = ports.chunks_exact(4).map(|ports| format!("127.0.0.1:{}", ports[1])).collect();
        let mut nodes = Vec::new();
        for (number, ports) in ports.chunks_exact(4).enumerate() {
            let dir = own_dir(dir.path(), &format!("n{number}")).await?;
            install(&dir).await?;
            std::fs::write(dir.join("node.cnf"), settings(number, ports, &dir, &all.join(",")))?;
            nodes.push(Node { dir, port: ports[0], server: None });
        }
        let mut cluster = Self { nodes, _dir: dir };
        for node in 0..NODES {
            let first = (node == 0).then_some("--wsrep-new-cluster");
            cluster.launch(node, first.map(str::to_owned))?;
            // One after the other: each gets a copy of what the others have.
            cluster.joined(node).await?;
        }
        Ok(cluster)
    }

    /// Makes a database.
    ///
    /// # Errors
    /// A node does not answer.
    pub async fn create(&self, database: &str) -> Result<(), Failed> {
        sql::rows(&self.url_of(0, ""), &format!("CREATE DATABASE {database}")).await?;
        Ok(())
    }

    /// The URL of a database at one node.
    #[must_use]
    pub fn url_of(&self, node: usize, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.nodes[node].port)
    }

    /// The URL of a database that names all nodes, that one first.
    #[must_use]
    pub fn url_from(&self, first: usize, database: &str) -> String {
        let hosts = (0..NODES).map(|n| format!("127.0.0.1:{}", self.nodes[(first + n) % NODES].port));
        format!("mysql://root@{}/{database}", hosts.collect::<Vec<_>>().join(","))
    }

    /// Kills a node, as the loss of its machine does.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&mut self, node: usize) -> Result<(), Failed> {
        self.nodes[node].server.take().ok_or("it was killed already")?.kill().await
    }

    /// Starts a node again that was killed, and waits until it is part of the cluster.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn restart(&mut self, node: usize) -> Result<(), Failed> {
        let position = self.position(node).await?;
        self.launch(node, position.map(|at| format!("--wsrep-start-position={at}")))?;
        self.joined(node).await
    }

    /// Cuts a node off from the others, or lets it come back. It keeps running, and its connections stay.
    ///
    /// # Errors
    /// The node does not answer.
    pub async fn isolate(&self, node: usize, is_cut: bool) -> Result<(), Failed> {
        let option = format!("gmcast.isolate={}", u8::from(is_cut));
        let sql = format!("SET GLOBAL wsrep_provider_options = '{option}'");
        sql::rows(&self.url_of(node, ""), &sql).await?;
        if is_cut { self.left(node).await } else { self.joined(node).await }
    }

    /// Waits until a node is part of the cluster and has everything.
    async fn joined(&self, node: usize) -> Result<(), Failed> {
        let sql = "SELECT variable_value FROM information_schema.global_status \
                   WHERE variable_name = 'WSREP_LOCAL_STATE_COMMENT'";
        until(&format!("node {node}'s joining"), PATIENCE, async || {
            let rows = sql::rows(&self.url_of(node, ""), sql).await?;
            let state: String = rows.first().ok_or("no row")?.try_get_by_index(0)?;
            if state == "Synced" { Ok(true) } else { Err(state.into()) }
        })
        .await
        .map_err(|e| self.explain(node, &*e))
    }

    /// Waits until a node knows that it is alone.
    async fn left(&self, node: usize) -> Result<(), Failed> {
        until(&format!("node {node}'s leaving"), PATIENCE, async || {
            let said = sql::rows(&self.url_of(node, ""), "SELECT 1 FROM mysql.user LIMIT 1").await;
            Ok(said.is_err())
        })
        .await
        .map_err(|e| self.explain(node, &*e))
    }

    fn launch(&mut self, node: usize, option: Option<String>) -> Result<(), Failed> {
        let node = &mut self.nodes[node];
        let defaults = format!("--defaults-file={}", node.dir.join("node.cnf").display());
        let arguments: Vec<String> = std::iter::once(defaults).chain(option).collect();
        node.server = Some(Daemon::start("mariadbd", &arguments, &node.dir)?);
        Ok(())
    }

    /// What a node that was killed has on disk, as it says itself; with it, it gets what is missing from the
    /// others, and not everything anew.
    async fn position(&self, node: usize) -> Result<Option<String>, Failed> {
        let dir = &self.nodes[node].dir;
        let log = dir.join("position.err");
        let mut command = command("mariadbd", dir)?;
        command.arg(format!("--defaults-file={}", dir.join("node.cnf").display()));
        command.arg("--wsrep-recover").arg(format!("--log-error={}", log.display()));
        succeed(command).await?;
        let log = std::fs::read_to_string(log)?;
        let found = log.rsplit_once("Recovered position:").map(|(_, after)| after);
        Ok(found.and_then(|after| after.split_whitespace().next()).map(str::to_owned))
    }

    /// Ends everything.
    ///
    /// # Errors
    /// A node does not end.
    pub async fn stop(mut self) -> Result<(), Failed> {
        for node in &mut self.nodes {
            if let Some(mut server) = node.server.take() {
                server.end().await?;
            }
        }
        Ok(())
    }

    /// The versions of what it is made of.
    ///
    /// # Errors
    /// A node does not say.
    pub async fn versions(&self) -> Result<Vec<String>, Failed> {
        let sql = "SELECT CONCAT('Galera ', variable_value) FROM information_schema.global_status \
                   WHERE variable_name = 'WSREP_PROVIDER_VERSION'";
        let rows = sql::rows(&self.url_of(0, ""), sql).await?;
        let galera = rows.first().ok_or("no row")?.try_get_by_index(0)?;
        Ok(vec![output("mariadbd", &["--version"]).await?.trim().to_owned(), galera])
    }

    fn explain(&self, node: usize, error: &dyn std::error::Error) -> Failed {
        let words = self.nodes[node].server.as_ref().map(Daemon::last_words).unwrap_or_default();
        format!("{error}\n{words}").into()
    }
}

async fn install(dir: &Path) -> Result<(), Failed> {
    let mut command = command("mariadb-install-db", dir)?;
    command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    command.arg("--innodb-log-file-size=8M").arg(format!("--datadir={}", dir.join("data").display()));
    std::fs::create_dir(dir.join("tmp"))?;
    if is_nobody(dir)? {
        std::os::unix::fs::chown(dir.join("tmp"), Some(NOBODY), Some(NOBODY))?;
    }
    succeed(command).await.map(drop)
}

/// A command that runs as the owner of a directory.
fn command(program: &str, dir: &Path) -> Result<tokio::process::Command, Failed> {
    let mut command = tokio::process::Command::new(program);
    if is_nobody(dir)? {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir(dir);
    Ok(command)
}

/// A node's settings. Its ports are that for clients, that for the others, the next for what it missed, and
/// that for a copy of everything.
fn settings(number: usize, ports: &[u16], dir: &Path, all: &str) -> String {
    let at = |name: &str| dir.join(name).display().to_string();
    let [client, group, missed, copy] = [ports[0], ports[1], ports[2], ports[3]];
    let provider = format!(
        "base_host=127.0.0.1;base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};\
         ist.recv_addr=127.0.0.1:{missed};gcache.size=64M"
    );
    let lines = [
        "[mysqld]".to_owned(),
        format!("datadir={}\ntmpdir={}\nsocket={}", at("data"), at("tmp"), at("s")),
        format!("port={client}\nbind-address=127.0.0.1\nmax_connections=400"),
        "binlog_format=ROW\ninnodb_autoinc_lock_mode=2\ninnodb_log_file_size=8M".to_owned(),
        format!("wsrep_on=ON\nwsrep_provider={PROVIDER}\nwsrep_cluster_name=trial"),
        format!("wsrep_cluster_address=gcomm://{all}\nwsrep_node_name=n{number}"),
        format!("wsrep_node_address=127.0.0.1:{group}\nwsrep_sst_method=rsync"),
        format!("wsrep_sst_receive_address=127.0.0.1:{copy}"),
        format!("wsrep_provider_options=\"{provider}\""),
    ];
    lines.join("\n") + "\n"
}
