//! Connects to a server and logs in. Which server, and how often, is decided elsewhere.

use redis::{AsyncConnectionConfig, Client, ConnectionInfo, aio::MultiplexedConnection, cmd};

use super::{
    access::Access,
    answer::{is_answer, words},
    timings::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT},
};
use crate::adapter::AdapterError;

/// A connection's settings with our timeouts.
pub(super) fn timeouts(config: AsyncConnectionConfig) -> AsyncConnectionConfig {
    config.set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(Some(RESPONSE_TIMEOUT))
}

/// Connects and logs in. The host's name is resolved, and the credentials and certificates are read, at each call.
pub(super) async fn connect(
    label: &str,
    access: &Access,
    server: ConnectionInfo,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, AdapterError> {
    let server = access.read(server).await?;
    let login = server.redis_settings().clone();
    let user = login.username().map(str::to_owned);
    let db = login.db();
    // The client library sends all its commands of a connect together, and reports no answer unless all of them are answered. A
    // server that takes no more clients answers once and closes. So there must be one command, or its answer is lost.
    let server = server.set_redis_settings(login.set_db(0).set_skip_set_lib_name());
    let failed = |error| access.error(label, user.as_deref(), &error);
    let client = Client::open(server).map_err(failed)?;
    let mut commands = client.get_multiplexed_async_connection_with_config(config).await.map_err(failed)?;
    if db != 0 {
        let selected = commands.send_packed_command(cmd("SELECT").arg(db)).await.and_then(redis::Value::extract_error);
        selected.map_err(|error| match is_answer(&error) {
            true => AdapterError::setting("db", format_args!("{label} refuses the database {db}: {}", words(&error))),
            false => failed(error),
        })?;
    }
    Ok(commands)
}
