//! One connection to the store: signed in, and good for rounds until something goes wrong on it.
//!
//! A round that fails or takes too long ends the connection: nobody knows then what is still to come on it.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError, Script};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::address::Address;
use crate::dial::Dial;
use crate::wire::{Answer, Round, SCRIPT, Unreadable, read};

/// The names of the four keys, and who may use them.
pub(crate) struct Store {
    sign_in: RedisConnectionInfo,
    database: u16,
    script: Script,
    keys: [String; 4],
    /// How long it may take to answer.
    patience: Duration,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the store cannot be reached: {0}")]
    Dial(std::io::Error),
    #[error("the store did not answer within {0:?}")]
    Slow(Duration),
    #[error("the store refused: {0}")]
    Store(#[from] RedisError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Store {
    pub(crate) fn new(
        address: &Address,
        credentials: Option<(Option<&str>, &str)>,
        prefix: &str,
        patience: Duration,
    ) -> Store {
        let mut sign_in = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some((user, password)) = credentials {
            sign_in = sign_in.set_password(password);
            if let Some(user) = user {
                sign_in = sign_in.set_username(user);
            }
        }
        // The braces keep the four together in a cluster.
        let keys = ["leases", "watermarks", "seats", "notices"].map(|key| format!("{{{prefix}}}:{key}"));
        Store { sign_in, database: address.database, script: Script::new(SCRIPT), keys, patience }
    }

    /// Opens a connection and signs in.
    pub(crate) async fn link<D: Dial>(&self, dial: &D) -> Result<Link, LinkError> {
        let open = async {
            let stream = dial.dial().await.map_err(LinkError::Dial)?;
            // We watch the time ourselves.
            let config = AsyncConnectionConfig::new().set_response_timeout(None);
            let (connection, driver) =
                MultiplexedConnection::new_with_config(&self.sign_in, stream, config).await?;
            let driver = tokio::spawn(driver).abort_handle();
            let mut link = Link { connection, driver };
            if self.database > 0 {
                // Here and not with the sign-in, so that a refusal comes in the store's own words.
                redis::cmd("SELECT").arg(self.database).exec_async(&mut link.connection).await?;
            }
            Ok(link)
        };
        timeout(self.patience, open).await.map_err(|_| LinkError::Slow(self.patience))?
    }
}

/// A connection.
pub(crate) struct Link {
    connection: MultiplexedConnection,
    driver: AbortHandle,
}

impl Link {
    /// One round. After an error the connection is of no use any more.
    pub(crate) async fn round(&mut self, store: &Store, round: &Round<'_>) -> Result<Answer, LinkError> {
        let mut call = store.script.prepare_invoke();
        for key in &store.keys {
            call.key(key);
        }
        for argument in round.arguments() {
            call.arg(argument);
        }
        let reply = call.invoke_async(&mut self.connection);
        let value = timeout(store.patience, reply).await.map_err(|_| LinkError::Slow(store.patience))??;
        Ok(read(value, round.ask.map(|ask| ask.number))?)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
