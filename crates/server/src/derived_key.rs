use aws_lc_rs::hmac;

/// A key for one purpose, which everybody has who has the secret.
pub(crate) fn derived_key(secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut derived = [0; 32];
    derived.copy_from_slice(hmac::sign(&key, purpose).as_ref());
    derived
}
