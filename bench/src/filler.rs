//! What payloads are filled up with: readings of sensors, of which no two are the same, as text that compresses about as well as what people send.

use std::sync::LazyLock;

/// Readings beyond the longest payload that is usual; a longer one repeats them.
const FILLER_BYTES: usize = 64 << 10;

static FILLER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut text = String::with_capacity(FILLER_BYTES + 128);
    let mut seed = 0x2545_f491_u32;
    let mut random = |below: u32| {
        // xorshift: the same text in every run.
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed % below
    };
    while text.len() < FILLER_BYTES {
        let state = ["idle", "moving", "charging", "offline"][random(4) as usize];
        text.push_str(&format!(
            "id: {}, lat: {}.{:05}, lon: {}.{:05}, speed: {}.{}, state: {state}; ",
            random(100_000),
            random(90),
            random(100_000),
            random(180),
            random(100_000),
            random(120),
            random(10),
        ));
    }
    text.truncate(FILLER_BYTES);
    text.into_bytes()
});

/// Appends so many bytes, from another place for each `number`.
pub(crate) fn fill(out: &mut Vec<u8>, number: u32, mut bytes: usize) {
    let mut start = (number as usize).wrapping_mul(97) % FILLER_BYTES;
    while bytes > 0 {
        let end = (start + bytes).min(FILLER_BYTES);
        out.extend_from_slice(&FILLER[start..end]);
        bytes -= end - start;
        start = 0;
    }
}
