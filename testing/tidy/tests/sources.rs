//! Rules of source files: their form, their size, their names, and what must not stand in them.

use hubwire_tidy::{Offenders, RustFile, Tree};

/// The most lines of a file, tests not counted.
const FILE_LINES_MAX: usize = 500;
/// The most lines of a function.
const FUNCTION_LINES_MAX: usize = 60;

#[test]
fn a_crate_root_is_its_doc_and_its_modules() {
    let mut offenders = Offenders::of(
        "Begin every lib.rs with a doc comment, or the README that is one; let nothing follow but attributes, `mod` and `use`.",
    );
    for file in crate_roots() {
        if !["//!", "#![doc = include_str!("].iter().any(|doc| file.text().starts_with(doc)) {
            offenders.add(format_args!("{}:1: no doc comment at the top", file.path()));
        }
        let mut within_use = false;
        for (number, line) in file.text().lines().enumerate() {
            let known = [
                "//",
                "#[",
                "#![",
                "mod ",
                "pub mod ",
                "pub(crate) mod ",
                "use ",
                "pub use ",
                "pub(crate) use ",
            ];
            let begins = line.is_empty() || known.iter().any(|start| line.starts_with(start));
            if !within_use && (!begins || line.ends_with('{') && line.contains("mod ")) {
                offenders.add(format_args!("{}:{}: {line}", file.path(), number + 1));
            }
            within_use =
                (within_use || line.contains("use ") && !line.starts_with("//")) && !line.ends_with(';');
        }
    }
    offenders.assert_none();
}

#[test]
fn a_crate_says_what_it_must_never_know() {
    let mut offenders = Offenders::of("Say in every lib.rs what the crate must never know.");
    for file in crate_roots() {
        if !file.text().contains("must never know") {
            offenders.add(file.path());
        }
    }
    offenders.assert_none();
}

#[test]
fn a_file_is_short() {
    let mut offenders = Offenders::of("Keep source files within 500 lines: split by noun.");
    for file in sources() {
        let lines = file.lines_before_tests();
        if lines > FILE_LINES_MAX {
            offenders.add(format_args!("{}: {lines} lines", file.path()));
        }
    }
    offenders.assert_none();
}

#[test]
fn a_function_is_short() {
    let mut offenders = Offenders::of("Keep functions within 60 lines: split by step.");
    let mut functions = 0;
    for file in sources() {
        for function in file.functions() {
            functions += 1;
            if function.lines > FUNCTION_LINES_MAX {
                offenders.add(format_args!(
                    "{}:{}: {} has {} lines",
                    file.path(),
                    function.line,
                    function.name,
                    function.lines
                ));
            }
        }
    }
    assert!(functions > 100, "only {functions} functions were found: the rule sees nothing");
    offenders.assert_none();
}

#[test]
fn a_name_says_what_is_in_it() {
    const EMPTY_NAMES: [&str; 8] =
        ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers"];
    let mut offenders = Offenders::of("Name files and folders by what is in them, by a noun of the field.");
    for path in Tree::read().unwrap().paths() {
        let mut words = path.split(|character: char| !character.is_alphanumeric());
        if words.any(|word| EMPTY_NAMES.contains(&word.to_lowercase().as_str())) {
            offenders.add(path);
        }
    }
    offenders.assert_none();
}

#[test]
fn nothing_is_left_for_later() {
    // Put together, so that this file does not break its own rule.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];
    let mut offenders = Offenders::of("Finish what is begun: leave no marks for later.");
    for_each_line(|path, number, line| {
        if marks.iter().any(|mark| line.contains(mark)) {
            offenders.add(format_args!("{path}:{number}: {}", line.trim()));
        }
    });
    offenders.assert_none();
}

#[test]
fn no_code_is_unsafe() {
    let mut offenders = Offenders::of("Write no unsafe code.");
    for file in rust_files() {
        for (number, line) in file.code() {
            let mut words = line.split(|character: char| !character.is_alphanumeric() && character != '_');
            if !line.contains('"') && words.any(|word| word == "unsafe") {
                offenders.add(format_args!("{}:{number}: {}", file.path(), line.trim()));
            }
        }
    }
    offenders.assert_none();
}

#[test]
fn no_test_is_left_out() {
    let marks = [
        concat!("#[", "ignore"),
        concat!(".on", "ly("),
        concat!(".sk", "ip("),
        concat!("sk", "ip: "),
        concat!("to", "do: "),
        concat!("mark.", "skip"),
        concat!("mark.", "xfail"),
        concat!("pytest.", "skip("),
        concat!("pytest.", "xfail("),
    ];
    let mut offenders = Offenders::of("Run every test: none alone, none skipped, none expected to fail.");
    for_each_line(|path, number, line| {
        let conformance =
            path.starts_with("testing/conformance/") && (path.ends_with(".mjs") || path.ends_with(".py"));
        let marks = if conformance { &marks[..] } else { &marks[..1] };
        let code = conformance || path.ends_with(".rs");
        if code && marks.iter().any(|mark| line.contains(mark)) {
            offenders.add(format_args!("{path}:{number}: {}", line.trim()));
        }
    });
    offenders.assert_none();
}

#[test]
fn the_project_stands_alone() {
    // Where the code was first written is of no interest to its readers.
    let words =
        [concat!("/wo", "rk/"), concat!("fa", "rm-"), concat!("issue", " #2"), concat!("issue", " 2")];
    let mut offenders = Offenders::of("Name no place, list or machine outside the project.");
    for_each_line(|path, number, line| {
        let lower = line.to_lowercase();
        if words.iter().any(|word| lower.contains(word)) {
            offenders.add(format_args!("{path}:{number}: {}", line.trim()));
        }
        if path.ends_with("package-lock.json")
            && line.contains("\"resolved\": ")
            && !line.contains("\"https://registry.npmjs.org/")
        {
            offenders.add(format_args!("{path}:{number}: {}", line.trim()));
        }
    });
    offenders.assert_none();
}

fn rust_files() -> Vec<RustFile> {
    Tree::read().and_then(|tree| tree.rust_files()).expect("the project can be read")
}

fn crate_roots() -> Vec<RustFile> {
    let mut files = rust_files();
    files.retain(|file| file.path().ends_with("src/lib.rs"));
    assert!(files.len() > 5, "only {} crates were found: the rule sees nothing", files.len());
    files
}

/// All Rust files but tests.
fn sources() -> Vec<RustFile> {
    let mut files = rust_files();
    files.retain(|file| !file.is_test());
    files
}

fn for_each_line(mut check: impl FnMut(&str, usize, &str)) {
    let tree = Tree::read().expect("the project can be read");
    for (path, text) in tree.texts().expect("the project can be read") {
        for (index, line) in text.lines().enumerate() {
            check(path, index + 1, line);
        }
    }
}
