//! The certificates of TLS connections: given as bytes, or as files that are read at each connect.
//!
//! Reads PEM; opens no connection.

use std::path::PathBuf;

use redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, TlsCertificates};
use tokio::task::spawn_blocking;

use crate::adapter::AdapterError;

/// Where some PEM is.
#[derive(Clone)]
pub(super) enum Pem {
    Given(Vec<u8>),
    File(PathBuf),
}

impl Pem {
    fn read(self, setting: &'static str) -> Result<Vec<u8>, AdapterError> {
        match self {
            Self::Given(pem) => Ok(pem),
            Self::File(path) => std::fs::read(&path)
                .map_err(|error| AdapterError::setting(setting, format_args!("{}: {error}", path.display()))),
        }
    }
}

/// What a setting says, and its name.
type Set<T> = Option<(&'static str, T)>;

/// What the settings say; by default the system's authorities, and no certificate of our own.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    pub(super) authorities: Set<Pem>,
    /// A certificate and its key.
    pub(super) identity: Set<(Pem, Pem)>,
}

impl Certificates {
    /// The name of a setting that was set; of the identity where both were.
    fn setting(&self) -> Option<&'static str> {
        let identity = self.identity.as_ref().map(|(setting, _)| *setting);
        identity.or(self.authorities.as_ref().map(|(setting, _)| *setting))
    }

    /// Certificates are for addresses with TLS.
    pub(super) fn check(&self, addr: &ConnectionAddr) -> Result<(), AdapterError> {
        match (self.setting(), addr) {
            (None, _) | (Some(_), ConnectionAddr::TcpTls { .. }) => Ok(()),
            (Some(setting), _) => Err(AdapterError::setting(setting, "the url has to begin with rediss://")),
        }
    }

    /// The server with the certificates as they are now.
    pub(super) async fn read(&self, server: ConnectionInfo) -> Result<ConnectionInfo, AdapterError> {
        let Some(setting) = self.setting() else { return Ok(server) };
        let certificates = self.clone();
        // Reading a file may block.
        let read = spawn_blocking(move || certificates.apply(server)).await;
        read.unwrap_or_else(|error| Err(AdapterError::setting(setting, error)))
    }

    fn apply(self, server: ConnectionInfo) -> Result<ConnectionInfo, AdapterError> {
        let mut last = "tls_authorities";
        let mut certificates = TlsCertificates { client_tls: None, root_cert: None };
        if let Some((setting, authorities)) = self.authorities {
            certificates.root_cert = Some(authorities.read(setting)?);
            last = setting;
        }
        if let Some((setting, (certificate, key))) = self.identity {
            let (client_cert, client_key) = (certificate.read(setting)?, key.read(setting)?);
            certificates.client_tls = Some(ClientTlsConfig { client_cert, client_key });
            last = setting;
        }
        let client =
            Client::build_with_tls(server, certificates).map_err(|error| AdapterError::setting(last, error))?;
        Ok(client.get_connection_info().clone())
    }
}
