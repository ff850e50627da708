//! The data of a server that was never used, made once and copied for each.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Engine;
use super::programs::{NOBODY, copy, is_nobody, is_root, output, postgres, succeed};
use crate::{Failed, place};

/// Where it is, of that sort and of the version that is installed.
pub(super) async fn of(engine: Engine) -> Result<PathBuf, Failed> {
    static ONCE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ONCE.lock().await;
    let name = match engine {
        Engine::Sqlite => return Err("SQLite has no server".into()),
        Engine::Postgres => output(&postgres("postgres"), &["--version"]).await?,
        Engine::MySql => output("mariadbd", &["--version"]).await?,
    };
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let all = place::programs()?.join("database-templates");
    std::fs::create_dir_all(&all)?;
    let at = all.join(name.trim_matches('-'));
    if at.exists() {
        return Ok(at);
    }
    let dir = tempfile::tempdir()?;
    make(engine, dir.path()).await?;
    // Whoever else makes it at the same time makes the same.
    let beside = at.with_extension(format!("{}", std::process::id()));
    copy(&dir.path().join("data"), &beside).await?;
    if std::fs::rename(&beside, &at).is_err() {
        std::fs::remove_dir_all(&beside)?;
    }
    Ok(at)
}

async fn make(engine: Engine, dir: &Path) -> Result<(), Failed> {
    let data = dir.join("data").display().to_string();
    if is_root(dir)? {
        chown(dir, Some(NOBODY), Some(NOBODY))?;
    }
    let mut command = if engine == Engine::Postgres {
        let mut initdb = Command::new(postgres("initdb"));
        initdb.args(["-D", &data, "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        initdb
    } else {
        // It makes a database of the name test, too.
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
        install.args(["--innodb-log-file-size=8M", &format!("--datadir={data}")]);
        install
    };
    if is_nobody(dir)? {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    succeed(command).await.map(drop)
}
