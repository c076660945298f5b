use gungraun::{Callgrind, EventKind, LibraryBenchmarkConfig};

/// Fails a bench that needs more instructions than this.
pub fn limit(instructions: u64) -> LibraryBenchmarkConfig {
    let callgrind = Callgrind::default().hard_limits([(EventKind::Ir, instructions)]).clone();
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}
