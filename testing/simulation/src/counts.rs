use hubwire_hub::Counters;

/// Compares what a shard counted with what must have happened there. Late copies are bounded elsewhere, since when exactly they are
/// dropped depends on how sockets take what they are given.
pub(crate) fn difference(counted: &Counters, expected: &Counters) -> Option<String> {
    let wrong: Vec<_> = counted
        .iter()
        .zip(expected.iter())
        .filter(|((name, counted), (_, expected))| counted != expected && !name.contains("ttl_drops"))
        .map(|((name, counted), (_, expected))| format!("{name} is {counted}, not {expected}"))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}
