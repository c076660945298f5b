//! Rules of the reference: what operators can set and see is written down, all of it and nothing else.

use std::collections::BTreeSet;

use hubwire_tidy::{Offenders, Tree};

const METRICS: &str = "docs/metrics.md";
const DASHBOARD: &str = "deploy/grafana/hubwire.json";
const CONFIGURATION: &str = "docs/configuration.md";

#[test]
fn every_metric_is_listed() {
    let tree = Tree::read().unwrap();
    let counted = metrics_in_code(&tree);
    assert!(counted.len() > 10, "only {} metrics were found: the rule sees nothing", counted.len());
    let listed = metrics_in_table(&tree.text(METRICS).unwrap());
    let mut offenders = Offenders::of("List every metric in docs/metrics.md, and none that there is not.");
    for name in counted.difference(&listed) {
        offenders.add(format_args!("{METRICS}: {name} is missing"));
    }
    for name in listed.difference(&counted) {
        offenders.add(format_args!("{METRICS}: nothing counts {name}"));
    }
    offenders.assert_none();
}

#[test]
fn the_dashboard_shows_metrics_that_there_are() {
    let tree = Tree::read().unwrap();
    let listed = metrics_in_table(&tree.text(METRICS).unwrap());
    let dashboard = tree.text(DASHBOARD).unwrap();
    let words = dashboard.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let shown: BTreeSet<_> = words.filter(|word| word.starts_with("webpubsub_")).collect();
    assert!(shown.len() > 10, "only {} metrics are shown: the rule sees nothing", shown.len());
    let mut offenders = Offenders::of("Show only metrics of docs/metrics.md in the dashboard.");
    for name in shown.into_iter().map(|name| name.strip_suffix("_bucket").unwrap_or(name)) {
        if !listed.contains(name) {
            offenders.add(format_args!("{DASHBOARD}: there is no {name}"));
        }
    }
    offenders.assert_none();
}

#[test]
fn every_setting_is_described() {
    let tree = Tree::read().unwrap();
    let settings = settings_in_code(&tree);
    assert!(settings.len() > 10, "only {} settings were found: the rule sees nothing", settings.len());
    let mut offenders = Offenders::of("Describe every setting in docs/configuration.md, as `name`.");
    match tree.text(CONFIGURATION) {
        Ok(text) => {
            for name in settings.iter().filter(|name| !names_in(&text).contains(name.as_str())) {
                offenders.add(format_args!("{CONFIGURATION}: {name} is missing"));
            }
        }
        Err(error) => offenders.add(format_args!("{error:#}")),
    }
    offenders.assert_none();
}

/// Names of metrics are literals: the first argument of a macro, or in the table of a shard's counters.
fn metrics_in_code(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in tree.rust_files().expect("the code can be read") {
        if !file.path().starts_with("crates/") || file.is_test() {
            continue;
        }
        let text = file.code().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        for start in ["counter!(", "gauge!(", "histogram!("] {
            names.extend(text.split(start).skip(1).filter_map(literal));
        }
        if file.path() == "crates/hub/src/counters.rs" {
            names.extend(text.split("=>").skip(1).filter_map(literal));
        }
    }
    names
}

/// The text of the string literal that the code begins with.
fn literal(code: &str) -> Option<String> {
    let (text, _) = code.trim_start().strip_prefix('"')?.split_once('"')?;
    Some(text.to_owned())
}

/// The first column of the table's rows.
fn metrics_in_table(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}

/// The fields of the file's tables, and the names of the limits.
fn settings_in_code(tree: &Tree) -> BTreeSet<String> {
    let file = tree.text("crates/server/src/config/file.rs").expect("the code can be read");
    let mut names = BTreeSet::new();
    for table in file.split("#[derive(").skip(1).filter(|part| part.contains("Deserialize)]")) {
        let fields = table
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once("\n}"))
            .map_or("", |(fields, _)| fields);
        let fields =
            fields.lines().filter_map(|line| line.trim().strip_prefix("pub(super) ")?.split_once(':'));
        names.extend(fields.map(|(name, _)| name.to_owned()));
    }
    let limits = tree.text("crates/server/src/config/limits.rs").expect("the code can be read");
    let rows =
        limits.split("\nlimits! {").nth(1).unwrap_or_default().lines().filter(|line| line.contains(" => "));
    names.extend(rows.filter_map(|line| Some(line.trim().split_once(" = ")?.0.to_owned())));
    names
}

/// All identifiers of a text.
fn names_in(text: &str) -> BTreeSet<&str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').collect()
}
