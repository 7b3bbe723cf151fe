//! The DTLS handshake of media connections: str0m's, with timers for a lesson's door.
//!
//! A flight that is lost is sent again after a second by default (RFC 9147, section 5.8.2, which allows less where
//! latency matters): on the wireless network of a school, with one packet in ten lost, half of all connections took
//! four seconds and the last 25. Browsers begin with less themselves. Everything else is as `str0m-aws-lc-rs` has it.

use dimpl::crypto::CryptoProvider as Cryptography;
use std::cell::RefCell;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};
use str0m::crypto::{CryptoError, CryptoProvider};

use crate::srtp::Agreement;

/// A flight without an answer is sent again after this, then after twice as long, and so on. More than the round
/// trip to a pupil on a slow mobile network, or everything would be sent twice.
const FIRST_RETRY: Duration = Duration::from_millis(200);
/// Retries of a flight: the last one 12.8 s after the one before, as long in all as the default's.
const RETRIES: usize = 7;

/// The cryptography of media connections.
pub fn cryptography() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        Arc::new(CryptoProvider { dtls_provider: &Impatient, ..str0m_aws_lc_rs::default_provider() })
    });
    Arc::clone(&PROVIDER)
}

/// Where a handshake leaves what it agreed on, besides telling str0m.
#[derive(Clone, Default)]
pub(crate) struct Agreed(Arc<Mutex<Option<Agreement>>>);

impl Agreed {
    /// What was agreed on, once.
    pub(crate) fn take(&self) -> Option<Agreement> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn leave(&self, agreement: Option<Agreement>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = agreement;
    }
}

thread_local! {
    /// Whose handshake is being made on this thread. str0m makes it deep within making a connection, and hands
    /// nothing through.
    static BEING_MADE: RefCell<Option<Agreed>> = const { RefCell::new(None) };
}

/// Makes a connection, and says where its handshake will leave what it agrees on.
pub(crate) fn overheard<T>(make: impl FnOnce() -> T) -> (T, Agreed) {
    let agreed = Agreed::default();
    BEING_MADE.set(Some(agreed.clone()));
    let made = make();
    BEING_MADE.set(None);
    (made, agreed)
}

#[derive(Debug)]
struct Impatient;

impl DtlsProvider for Impatient {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        static CRYPTOGRAPHY: LazyLock<Cryptography> = LazyLock::new(str0m_aws_lc_rs::dimpl_crypto_provider);
        // ICE has shown that the peer is where it says: a cookie would cost a round trip for nothing.
        let mut builder = dimpl::Config::builder()
            .with_crypto_provider(CRYPTOGRAPHY.clone())
            .use_server_cookie(false)
            .flight_start_rto(FIRST_RETRY)
            .flight_retries(RETRIES);
        if let Some(mtu) = mtu {
            builder = builder.mtu(mtu);
        }
        let config = builder.build().map_err(|error| CryptoError::Other(error.to_string()))?;
        let (config, certificate) = (Arc::new(config), certificate.clone());
        let dtls = match version {
            DtlsVersion::Dtls12 => dimpl::Dtls::new_12(config, certificate, now),
            DtlsVersion::Dtls13 => dimpl::Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => dimpl::Dtls::new_auto(config, certificate, now),
            other => return Err(CryptoError::Other(format!("DTLS version {other} is not known"))),
        };
        let agreed = BEING_MADE.with_borrow(Option::clone).unwrap_or_default();
        Ok(Box::new(Handshake { dtls, agreed }))
    }
}

struct Handshake {
    dtls: dimpl::Dtls,
    agreed: Agreed,
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

impl DtlsInstance for Handshake {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, room: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.dtls.poll_output(room);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.agreed.leave(Agreement::ours(material, *profile, self.dtls.is_active()));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}
