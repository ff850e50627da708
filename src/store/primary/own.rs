//! A connection of a lane's own, beside the pool. To take one from a pool and give it back costs a round trip for
//! each group; a lane has something to write most of the time anyway.

use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr};
use tokio::time::Instant;

use super::{PoolNumber, Primary};
use crate::store::server::Direct;

/// How long a connection may lie idle before it is asked whether it is still there. What is sent over one that
/// is not may be written or not, for all that anybody knows.
const FRESH: Duration = Duration::from_secs(1);

/// A connection to the server as it was when it was made.
pub(in crate::store) struct Own {
    /// Of that server's time.
    pool: PoolNumber,
    used_at: Instant,
    /// It.
    pub(in crate::store) direct: Direct,
}

impl Primary {
    /// The connection that was held, if it is still good, or a new one.
    pub(in crate::store) async fn own(&self, held: Option<Own>) -> Result<Own, DbErr> {
        let current = self.current();
        if let Some(mut own) = held
            && own.pool == current.pool
        {
            let is_fresh = own.used_at.elapsed() < FRESH;
            if is_fresh || self.in_time(own.pool, self.patience(), own.direct.ping()).await.is_ok() {
                own.used_at = Instant::now();
                return Ok(own);
            }
        }
        let Some(server) = self.0.servers.get(current.server) else {
            return Err(DbErr::Conn(RuntimeErr::Internal("there is no server to connect to".to_owned())));
        };
        let direct = self.in_time(current.pool, self.connecting(), server.direct_to_write()).await?;
        Ok(Own { pool: current.pool, used_at: Instant::now(), direct })
    }

    /// Does something on a connection of one's own, in time. It is to be let go of where this fails otherwise than
    /// by the server's refusal.
    pub(in crate::store) async fn on_own<T>(
        &self,
        pool: PoolNumber,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        self.in_time(pool, self.patience(), work).await
    }
}

impl Own {
    /// In whose time it was made.
    pub(in crate::store) fn pool(&self) -> PoolNumber {
        self.pool
    }
}
