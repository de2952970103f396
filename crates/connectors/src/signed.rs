//! Signatures of deliveries: HMAC-SHA256 of the body, in base64, compared in constant time.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Whether `signature` (base64) is that of `body` with `secret`. An empty secret signs nothing.
pub(crate) fn is_signed(secret: &str, body: &[u8], signature: &str) -> bool {
    let (Ok(mut mac), Ok(given)) =
        (Hmac::<Sha256>::new_from_slice(secret.as_bytes()), BASE64_STANDARD.decode(signature.trim()))
    else {
        return false;
    };
    mac.update(body);
    !secret.is_empty() && mac.verify_slice(&given).is_ok()
}

/// The signature that a platform would send.
#[cfg(test)]
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_own_secret_and_bytes_alone() {
        // RFC 4231, test case 2, in base64.
        let known = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        let body = b"what do ya want for nothing?";
        assert!(is_signed("Jefe", body, known));
        assert_eq!(sign("Jefe", body), known);
        assert!(!is_signed("Jefe", b"what do ya want for nothing!", known));
        assert!(!is_signed("jefe", body, known));
        for broken in ["", "no base64!", "AAAA", &known[..40], &format!("{known}AA")] {
            assert!(!is_signed("Jefe", body, broken), "{broken}");
        }
        assert!(!is_signed("", body, &sign("", body)), "without a secret nothing is signed");
    }
}
