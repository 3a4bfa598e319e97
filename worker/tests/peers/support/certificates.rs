//! An authority of a test's own, and certificates of it.

use offhook::attempt::TlsSpecification;
use offhook::secret::Secret;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

/// An authority nobody else knows.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Who somebody is: PEM texts.
pub struct Identity {
    /// Certificate.
    pub certificate: String,
    /// Key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Authority {
        let mut parameters = CertificateParams::new(vec![]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, format!("authority {}", rand::random::<u64>()));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.sign(names, |_| {})
    }

    /// A certificate that is not valid any more.
    pub fn issue_expired(&self, names: &[&str]) -> Identity {
        self.sign(names, |parameters| {
            parameters.not_before = date_time_ymd(2019, 1, 1);
            parameters.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    fn sign(&self, names: &[&str], change: impl Fn(&mut CertificateParams)) -> Identity {
        let mut parameters = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Trusts this authority alone.
    pub fn trusted(&self) -> TlsSpecification {
        TlsSpecification { authorities: Some(self.pem()), ..TlsSpecification::default() }
    }

    /// Trusts this authority alone, and shows this identity.
    pub fn trusted_as(&self, identity: &Identity) -> TlsSpecification {
        TlsSpecification {
            certificate: Some(identity.certificate.clone()),
            key: Some(Secret::new(identity.key.clone())),
            ..self.trusted()
        }
    }
}
