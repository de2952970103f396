//! Credentials at rest: sealed with a key that lives outside the database, bound to the instance they belong to.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use consign_ports::Connection;
use consign_values::ChannelId;
use secrecy::{ExposeSecret, SecretBox};

/// Why a sealed text could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed with another key, for another instance, or damaged.
    #[error("the stored credentials can't be opened with this key; restore the key file that belongs to this database")]
    WrongKey,
    /// No randomness to be had.
    #[error("the machine gives no random numbers")]
    NoRandomness,
}

const NONCE: usize = 24;
/// First byte of a sealed text: the format, so that it can change.
const FORMAT: u8 = 1;

/// The key that credentials are sealed with.
pub struct KeyRing(SecretBox<[u8; 32]>);

impl KeyRing {
    /// With these 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        KeyRing(SecretBox::new(Box::new(key)))
    }

    /// Seals an instance's connection.
    pub fn seal(&self, channel: ChannelId, connection: &Connection) -> Result<Vec<u8>, SealError> {
        let plain = serde_json::to_vec(connection).map_err(|_| SealError::WrongKey)?;
        self.seal_bytes(&binding(channel), &plain)
    }

    /// Seals a text for what `binding` names, such as `webhook/secret/7`.
    pub fn seal_text(&self, binding: &str, text: &str) -> Result<Vec<u8>, SealError> {
        self.seal_bytes(binding.as_bytes(), text.as_bytes())
    }

    /// Opens what [`KeyRing::seal_text`] made for the same binding.
    pub fn open_text(&self, binding: &str, sealed: &[u8]) -> Result<String, SealError> {
        String::from_utf8(self.open_bytes(binding.as_bytes(), sealed)?).map_err(|_| SealError::WrongKey)
    }

    fn seal_bytes(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
            .map_err(|_| SealError::WrongKey)?;
        Ok([&[FORMAT][..], &nonce, &sealed].concat())
    }

    /// Opens what [`KeyRing::seal`] made for the same instance. Nothing stored gives an empty connection.
    pub fn open(&self, channel: ChannelId, sealed: &[u8]) -> Result<Connection, SealError> {
        if sealed.is_empty() {
            return Ok(Connection::default());
        }
        let plain = self.open_bytes(&binding(channel), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::WrongKey)
    }

    fn open_bytes(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if sealed.len() < 1 + NONCE || sealed[0] != FORMAT {
            return Err(SealError::WrongKey);
        }
        let nonce: [u8; NONCE] = sealed[1..=NONCE].try_into().map_err(|_| SealError::WrongKey)?;
        self.cipher()
            .decrypt(&XNonce::from(nonce), Payload { msg: &sealed[1 + NONCE..], aad })
            .map_err(|_| SealError::WrongKey)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.expose_secret().into())
    }
}

fn binding(channel: ChannelId) -> Vec<u8> {
    format!("channel/connection/{channel}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_open_only_with_their_key_and_for_their_instance() {
        let mut connection = Connection::default();
        connection.set("password", "secret");
        let ring = KeyRing::new([7; 32]);
        let sealed = ring.seal(ChannelId(1), &connection).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(ring.open(ChannelId(1), &sealed), Ok(connection));
        assert_eq!(ring.open(ChannelId(2), &sealed), Err(SealError::WrongKey));
        assert_eq!(KeyRing::new([8; 32]).open(ChannelId(1), &sealed), Err(SealError::WrongKey));
        assert_eq!(ring.open(ChannelId(1), &sealed[..10]), Err(SealError::WrongKey));
    }
}
