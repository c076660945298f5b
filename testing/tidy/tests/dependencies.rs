//! Rules of who may depend on whom.

use hubwire_tidy::{Manifest, Offenders, Tree};

const LEAVES: [&str; 4] = ["hubwire-protocol", "hubwire-auth", "hubwire-filter", "hubwire-outbox"];
const ADAPTERS: [&str; 7] = [
    "hubwire-gateway",
    "hubwire-rest",
    "hubwire-cluster",
    "hubwire-upstream",
    "hubwire-console",
    "hubwire-identity",
    "hubwire-telemetry",
];
const SDK: [&str; 3] = ["webpubsub", "webpubsub-client", "webpubsub-events"];
/// Crates that take bytes and time, and give bytes and effects.
const SANS_IO: [&str; 4] = ["hubwire-hub", "hubwire-protocol", "hubwire-auth", "hubwire-filter"];

#[test]
fn dependencies_point_one_way() {
    let mut offenders = Offenders::of(
        "Let dependencies point one way: cli -> server -> {gateway, rest, cluster, upstream, console, identity, telemetry} -> hub -> {protocol, auth, filter}; \
         adapters never name each other, leaves name nobody.",
    );
    for manifest in crates() {
        let Some(allowed) = allowed(manifest.name()) else {
            offenders.add(format_args!(
                "{}: has no place in the direction; give it one in this test",
                manifest.path()
            ));
            continue;
        };
        for dependency in manifest.all_dependencies() {
            if dependency.starts_with("hubwire-") && !allowed.contains(&dependency) {
                offenders.add(format_args!("{}: {dependency}", manifest.path()));
            }
        }
    }
    offenders.assert_none();
}

/// Whom of the workspace a crate may name, in its tests too.
fn allowed(name: &str) -> Option<Vec<&'static str>> {
    let below_server = || [&LEAVES[..], &["hubwire-hub"], &ADAPTERS].concat();
    match name {
        name if LEAVES.contains(&name) => Some(Vec::new()),
        "hubwire-hub" => Some(LEAVES.to_vec()),
        name if ADAPTERS.contains(&name) => Some([&LEAVES[..], &["hubwire-hub"]].concat()),
        // Applications get the SDK crates without the service.
        name if SDK.contains(&name) => Some(vec!["hubwire-protocol"]),
        "hubwire-server" => Some(below_server()),
        // The load generator is no crate of the service: it knows that by its sockets only, and names nobody.
        "hubwire" | "hubwire-cli" => Some([below_server(), vec!["hubwire-server", "hubwire-bench"]].concat()),
        _ => None,
    }
}

#[test]
fn only_the_service_client_brings_azure_core() {
    let mut offenders = Offenders::of("Keep azure_core out of every SDK crate but the service client.");
    for manifest in crates().into_iter().filter(|manifest| manifest.name() != "webpubsub") {
        for dependency in manifest.dependencies().into_iter().filter(|name| name.starts_with("azure_")) {
            if manifest.path().starts_with("sdk/") {
                offenders.add(format_args!("{}: {dependency}", manifest.path()));
            }
        }
    }
    offenders.assert_none();
}

#[test]
fn the_heart_needs_no_runtime() {
    const FORBIDDEN: [&str; 12] = [
        "tokio",
        "tokio-util",
        "mio",
        "socket2",
        "hyper",
        "async-std",
        "smol",
        "rand",
        "getrandom",
        "fastrand",
        "libc",
        "rustix",
    ];
    let mut offenders =
        Offenders::of("Keep hub, protocol, auth and filter free of runtimes, sockets and random sources.");
    for manifest in crates().into_iter().filter(|manifest| SANS_IO.contains(&manifest.name())) {
        for dependency in manifest.dependencies().into_iter().filter(|name| FORBIDDEN.contains(name)) {
            offenders.add(format_args!("{}: {dependency}", manifest.path()));
        }
    }
    offenders.assert_none();
}

#[test]
fn the_heart_reads_no_clock() {
    const FORBIDDEN: [&str; 8] = [
        "Instant::now",
        "SystemTime",
        "std::net",
        "std::fs",
        "std::thread",
        "std::process",
        "std::env",
        "thread_rng",
    ];
    let mut offenders =
        Offenders::of("Hand time and random values to hub, protocol, auth and filter; they take none.");
    let folders = ["crates/hub/src/", "crates/protocol/src/", "crates/auth/src/", "crates/filter/src/"];
    for file in Tree::read().unwrap().rust_files().unwrap() {
        if !folders.iter().any(|folder| file.path().starts_with(folder)) {
            continue;
        }
        for (number, line) in file.code() {
            if FORBIDDEN.iter().any(|word| line.contains(word)) {
                offenders.add(format_args!("{}:{number}: {}", file.path(), line.trim()));
            }
        }
    }
    offenders.assert_none();
}

#[test]
fn every_package_takes_over_the_lints() {
    let mut offenders = Offenders::of("Inherit the lints of the workspace: `[lints] workspace = true`.");
    for manifest in Tree::read().unwrap().manifests().unwrap() {
        if !manifest.is_workspace() && !manifest.inherits_lints() {
            offenders.add(manifest.path());
        }
    }
    offenders.assert_none();
}

fn crates() -> Vec<Manifest> {
    let manifests = Tree::read().and_then(|tree| tree.manifests());
    let mut manifests = manifests.expect("the manifests can be read");
    manifests.retain(|manifest| {
        let path = manifest.path();
        (path.starts_with("crates/") || path.starts_with("sdk/")) && !manifest.is_workspace()
    });
    assert!(manifests.len() > 5, "only {} crates were found: the rule sees nothing", manifests.len());
    manifests
}
