//! A trunk's row, and the files it names, as the worker takes them.

use std::path::Path;

use offhook::{
    attempt::{TlsSpecification, TrunkSpecification},
    secret::{Secret, SecretFileError},
    store::trunks::{TrunkRow, UnusableTrunk},
};

/// A trunk that cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum TrunkError {
    /// Its row.
    #[error(transparent)]
    Row(#[from] UnusableTrunk),
    /// A file it names.
    #[error("trunk \"{trunk}\": {source}")]
    File {
        /// The trunk.
        trunk: String,
        /// Which, and why.
        #[source]
        source: SecretFileError,
    },
    /// A file that holds something else.
    #[error("trunk \"{trunk}\": {column} names {file}, which holds no {expected}; it must be PEM, with its BEGIN and END lines")]
    NotPem {
        /// The trunk.
        trunk: String,
        /// The column that names the file.
        column: &'static str,
        /// The file's name.
        file: String,
        /// What it should hold.
        expected: &'static str,
    },
}

/// Describes a trunk for a call to `number`, with what its files in the folder `secrets` hold.
///
/// # Errors
/// [`TrunkError`]: what is missing in the row or its files.
pub fn specify_trunk(row: &TrunkRow, number: &str, secrets: &Path) -> Result<TrunkSpecification, TrunkError> {
    Ok(TrunkSpecification {
        name: row.name.clone(),
        way_out: row.way_out(number)?,
        outbound_proxy: row.outbound_proxy()?,
        tls: tls(row, secrets)?,
        username: row.username.clone(),
        password: row.secret.as_deref().map(|file| read(row, secrets, file)).transpose()?,
        caller_id: row.caller_id.clone(),
        from_domain: row.from_domain.clone(),
        asserted_identity: row.asserted_identity.clone(),
        anonymous: row.anonymous,
        headers: row.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        register: row.register(),
        session_expires: row.session_expires(),
        srtp: row.srtp()?,
        codecs: row.codec_names()?,
        number_format: row.number_format()?,
    })
}

/// What the TLS files of a trunk hold.
///
/// # Errors
/// Where one cannot be read, or holds something else.
pub fn tls(row: &TrunkRow, secrets: &Path) -> Result<TlsSpecification, TrunkError> {
    let pem = |column, file: &Option<String>, expected: &'static str| -> Result<Option<Secret>, TrunkError> {
        let Some(file) = file else { return Ok(None) };
        let text = read(row, secrets, file)?;
        let marked = text.expose().lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(expected));
        let not_pem = || TrunkError::NotPem { trunk: row.name.clone(), column, file: file.clone(), expected };
        if marked { Ok(Some(text)) } else { Err(not_pem()) }
    };
    let open = |text: Option<Secret>| text.map(|text| text.expose().to_owned());
    Ok(TlsSpecification {
        authorities: open(pem("tls_authorities", &row.tls_authorities, "CERTIFICATE")?),
        certificate: open(pem("tls_certificate", &row.tls_certificate, "CERTIFICATE")?),
        key: pem("tls_key", &row.tls_key, "PRIVATE KEY")?,
        server_name: row.tls_server_name.clone(),
    })
}

/// The name has no slash and does not begin with a dot, by the constraints on the row.
fn read(row: &TrunkRow, secrets: &Path, file: &str) -> Result<Secret, TrunkError> {
    Secret::from_file(&secrets.join(file)).map_err(|source| TrunkError::File { trunk: row.name.clone(), source })
}
