//! The binary `hubwire-bench`.

fn main() -> anyhow::Result<()> {
    hubwire_bench::run()
}
