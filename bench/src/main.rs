//! The binary `hubwire-bench`.

fn main() -> anyhow::Result<()> {
    hubwire_bench::run(env!("CARGO_MANIFEST_DIR"))
}
