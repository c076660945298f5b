/// Waits after failures in a row, in milliseconds; the last one repeats.
const WAITS_MS: [u64; 7] = [1_000, 3_000, 5_000, 10_000, 20_000, 40_000, 60_000];

/// How long to wait after the latest of so many failures in a row, in milliseconds.
pub(crate) fn wait_ms(failures: u32) -> u64 {
    let index = (failures.max(1) - 1) as usize;
    WAITS_MS[index.min(WAITS_MS.len() - 1)]
}
