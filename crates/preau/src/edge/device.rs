//! The device: a random number, signed, in a cookie. Never a fingerprint.

use super::platform::sign;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// Bytes of the tag that proves the number was ours.
const TAG: usize = 16;
/// How long a browser keeps it: browsers cap cookies at 400 days (RFC 6265bis, section 5.5).
pub(super) const KEPT_SECONDS: u64 = 400 * 24 * 3600;

/// Names a browser, so that its place in the queue and its known accounts can be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId([u8; 12]);

impl DeviceId {
    /// A new random device.
    pub fn fresh() -> DeviceId {
        let mut bytes = [0; 12];
        // Without randomness all new devices are one device: they lose comfort, nothing else.
        let _ = getrandom::fill(&mut bytes);
        DeviceId(bytes)
    }

    /// The raw number, as tickets carry it.
    pub fn bytes(&self) -> [u8; 12] {
        self.0
    }

    /// The device whose number the gate has signed in a ticket or a session.
    pub(super) fn of_gate(device: preau_gate::DeviceId) -> DeviceId {
        DeviceId(*device.bytes())
    }

    /// Whether a cookie's value names this device; its seal is not looked at.
    pub(super) fn is_named_by(&self, value: &str) -> bool {
        let mut number = [0; 12];
        let head = value.as_bytes().get(..16);
        head.is_some_and(|head| URL_SAFE_NO_PAD.decode_slice(head, &mut number) == Ok(12) && number == self.0)
    }

    /// Text for the database.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The cookie's value: number and tag.
    pub(super) fn sealed(&self, key: &[u8; 32]) -> String {
        let mut bytes = [0; 12 + TAG];
        bytes[..12].copy_from_slice(&self.0);
        bytes[12..].copy_from_slice(&sign(key, &self.0)[..TAG]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cookie's value; anything not sealed by us is no device.
    pub(super) fn unseal(value: &str, key: &[u8; 32]) -> Option<DeviceId> {
        let bytes: [u8; 12 + TAG] = URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()?;
        let mut device = [0; 12];
        device.copy_from_slice(&bytes[..12]);
        bool::from(sign(key, &device)[..TAG].ct_eq(&bytes[12..])).then_some(DeviceId(device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_seal_is_believed() {
        let device = DeviceId::fresh();
        let sealed = device.sealed(&[1; 32]);
        assert_eq!(DeviceId::unseal(&sealed, &[1; 32]), Some(device));
        assert_eq!(DeviceId::unseal(&sealed, &[2; 32]), None);
        assert_eq!(DeviceId::unseal(&format!("A{}", &sealed[1..]), &[1; 32]).filter(|d| *d != device), None);
        assert_eq!(DeviceId::unseal("", &[1; 32]), None);
        assert!(device.is_named_by(&sealed) && !DeviceId::fresh().is_named_by(&sealed));
        assert!(!device.is_named_by("") && !device.is_named_by("????????????????"));
    }
}
