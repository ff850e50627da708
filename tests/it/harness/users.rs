//! Users of a test's database who are not its owner.

use super::databases::{Engine, TestDatabase};

/// A user who may log in, and what else is granted.
pub(crate) struct TestUser {
    owner: TestDatabase,
    /// The name as it stands in a GRANT.
    pub(crate) name: String,
    /// The database as this user reaches it.
    pub(crate) database: TestDatabase,
}

impl TestUser {
    /// Makes one. `sort` tells those of one database apart.
    pub(crate) async fn of(owner: &TestDatabase, sort: &str) -> Self {
        let user = format!("{sort}_{}", owner.name().rsplit('_').next().unwrap());
        let name = match owner.engine {
            Engine::MySql => format!("'{user}'@'%'"),
            Engine::Sqlite | Engine::Postgres => user.clone(),
        };
        owner
            .execute(&match owner.engine {
                Engine::MySql => format!("CREATE USER {name} IDENTIFIED BY 'secret'"),
                Engine::Sqlite | Engine::Postgres => format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'"),
            })
            .await;
        let database = owner.as_user(&user, "secret");
        Self { owner: owner.clone(), name, database }
    }

    /// Grants rights on a table.
    pub(crate) async fn grant(&self, rights: &str, table: &str) {
        let on = self.owner.qualified(table);
        self.owner.execute(&format!("GRANT {rights} ON {on} TO {}", self.name)).await;
    }

    /// Revokes rights on a table.
    pub(crate) async fn revoke(&self, rights: &str, table: &str) {
        let on = self.owner.qualified(table);
        self.owner.execute(&format!("REVOKE {rights} ON {on} FROM {}", self.name)).await;
    }

    /// What the user is told to have granted.
    pub(crate) fn grants(&self, rights: &str, table: &str) -> String {
        let schema = match self.owner.engine {
            Engine::MySql => self.owner.name(),
            Engine::Sqlite | Engine::Postgres => "public",
        };
        format!("GRANT {rights} ON {schema}.{table} TO {}", self.name)
    }

    /// Removes the user.
    pub(crate) async fn remove(self) {
        if self.owner.engine == Engine::Postgres {
            self.owner.execute(&format!("DROP OWNED BY {}", self.name)).await;
            self.owner.execute(&format!("DROP ROLE {}", self.name)).await;
        } else {
            self.owner.execute(&format!("DROP USER {}", self.name)).await;
        }
    }
}

impl TestDatabase {
    /// The name of the database on its server.
    pub(crate) fn name(&self) -> &str {
        self.url.split('?').next().unwrap().rsplit('/').next().unwrap()
    }

    /// The same database, reached as another user.
    pub(crate) fn as_user(&self, user: &str, password: &str) -> Self {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        Self { url: format!("{scheme}://{user}:{password}@{host}"), ..self.clone() }
    }

    /// The same server, another database.
    pub(crate) fn other(&self, name: &str) -> Self {
        Self { url: self.url.replace(self.name(), name), ..self.clone() }
    }

    fn qualified(&self, table: &str) -> String {
        match self.engine {
            Engine::MySql => format!("{}.{table}", self.name()),
            Engine::Sqlite | Engine::Postgres => table.to_owned(),
        }
    }
}
