//! The certificates of TLS connections.
//!
//! Reads PEM; opens no connection.

use redis::{Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, TlsCertificates};

use super::config::wrong;
use crate::adapter::AdapterError;

/// What the settings say; by default the system's authorities, and no certificate of our own.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    pub(super) authorities: Option<Vec<u8>>,
    /// A certificate and its key.
    pub(super) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Certificates {
    /// The address with these certificates.
    pub(super) fn apply(self, addr: ConnectionAddr) -> Result<ConnectionAddr, AdapterError> {
        if self.authorities.is_none() && self.identity.is_none() {
            return Ok(addr);
        }
        let setting = if self.identity.is_some() { "tls_identity" } else { "tls_authorities" };
        if !matches!(addr, ConnectionAddr::TcpTls { .. }) {
            return Err(wrong(setting, "the url has to begin with rediss://"));
        }
        let client_tls = self.identity.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        let certificates = TlsCertificates { client_tls, root_cert: self.authorities };
        let client = addr.into_connection_info().and_then(|info| Client::build_with_tls(info, certificates));
        client.map(|client| client.get_connection_info().addr().clone()).map_err(|error| wrong(setting, error))
    }
}
