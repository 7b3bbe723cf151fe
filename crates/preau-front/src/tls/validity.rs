//! From when to when a certificate is valid, read from its DER.
//!
//! A walk to one field of X.509 (RFC 5280 section 4.1.2.5), because nothing else of a certificate that
//! rustls has not checked is wanted here. It verifies nothing. Invariant: lengths are checked against what
//! is there; anything unexpected is `None`.

/// Seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: i64,
    /// The last second.
    pub until: i64,
}

impl Validity {
    /// Of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Validity> {
        let (certificate, _) = element(der, 0x30)?;
        let (mut rest, _) = element(certificate, 0x30)?;
        // The version is there unless it is 1.
        if let Some((_, after)) = element(rest, 0xa0) {
            rest = after;
        }
        for tag in [0x02, 0x30, 0x30] {
            // Serial number, algorithm, issuer.
            rest = element(rest, tag)?.1;
        }
        let (times, _) = element(rest, 0x30)?;
        let (from, times) = time(times)?;
        let (until, _) = time(times)?;
        Some(Validity { from, until })
    }

    /// When to renew: after two thirds, as ACME clients do; short-lived certificates included.
    #[must_use]
    pub fn renewal(self) -> i64 {
        self.from + (self.until - self.from) / 3 * 2
    }
}

/// The content of the first element, if it has this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `UTCTime` (two digits of the year, RFC 5280 section 4.1.2.5.1) or `GeneralizedTime`.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (text, rest, digits) = match (element(bytes, 0x17), element(bytes, 0x18)) {
        (Some((text, rest)), _) => (text, rest, 2),
        (None, Some((text, rest))) => (text, rest, 4),
        (None, None) => return None,
    };
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if text.len() != digits + 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let year = match (digits, number(0, digits)?) {
        (2, year) if year < 50 => 2000 + year,
        (2, year) => 1900 + year,
        (_, year) => year,
    };
    let part = |index: usize| number(digits + 2 * index, digits + 2 * index + 2);
    let (month, day) = (part(0)?, part(1)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    let seconds = part(2)? * 3600 + part(3)? * 60 + part(4)?;
    Some((days(year, month, day) * 86_400 + seconds, rest))
}

/// Days since 1 January 1970 in the Gregorian calendar; years begin in March so that the leap day is last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn dates_of_real_certificates() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 11, 22);
        params.not_after = date_time_ymd(2027, 2, 20);
        let certificate = params.clone().self_signed(&key).unwrap();
        let validity = Validity::of(certificate.der()).unwrap();
        assert_eq!((validity.from, validity.until), (1_795_305_600, 1_803_081_600));
        assert_eq!(validity.renewal(), 1_795_305_600 + 60 * 86_400);
        // After 2049 the other form is used.
        params.not_after = date_time_ymd(2056, 2, 29);
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(Validity::of(certificate.der()).unwrap().until, 2_719_008_000);
        for cut in 0..certificate.der().len().min(200) {
            let _ = Validity::of(&certificate.der()[..cut]);
        }
    }
}
