//! What an operator sees when a setting is wrong, and which of several values counts.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::net::TcpListener;

use hubwire_acceptance::{ACCESS_KEY, Rest, Setup, Site};
use hubwire_auth::DEVELOPMENT_KEY;
use hubwire_server::LIMITS;

/// What the service says instead of starting, when this is its whole file.
#[track_caller]
fn refusal(file: &str) -> String {
    match Setup::default().settings(file).try_start() {
        Ok(_) => panic!("the service starts with {file}"),
        Err(error) => error.to_string(),
    }
}

/// The refusal names the file, the line, and what else is expected of it.
#[track_caller]
fn assert_refused(file: &str, line: usize, expected: &[&str]) {
    let refusal = refusal(file);
    assert!(refusal.contains(&format!("hubwire.toml:{line}: ")), "line {line}: {refusal}");
    for part in expected {
        assert!(refusal.contains(part), "`{part}`: {refusal}");
    }
}

#[test]
fn a_wrong_value_is_refused_with_file_line_and_setting() {
    for (setting, value) in [
        ("endpoint", "\"realtime.example.com\""),
        ("endpoint", "\"ftp://realtime.example.com\""),
        ("endpoint", "\"https://realtime.example.com/path\""),
        ("endpoint", "\"https://someone@realtime.example.com\""),
        ("access_key", "\"short\""),
        ("access_key", "\"an access key that has a ; within it, which ends a value\""),
        ("access_key", "\" an access key that begins with a space, from copying\""),
        ("secondary_access_key", "\"short\""),
    ] {
        let file = format!("# A comment, so that lines count.\n\n{setting} = {value}");
        assert_refused(&file, 3, &[&format!("setting `{setting}`: ")]);
    }
}

#[test]
fn a_wrong_listen_address_in_the_file_is_refused_with_its_line() {
    for value in ["localhost:8080", "127.0.0.1", "8080", "", "127.0.0.1:65536"] {
        let setup = Setup::default()
            .overrides(|overrides| overrides.listen = None)
            .settings(&format!("\nlisten = \"{value}\""));
        let error = setup.try_start().err().unwrap().to_string();
        assert!(error.contains("hubwire.toml:2: setting `listen`: "), "{error}");
        assert!(error.contains("127.0.0.1:8080"), "an example helps: {error}");
    }
}

#[test]
fn a_wrong_worker_count_in_the_file_is_refused_with_its_line() {
    for value in ["-1", "65", "9223372036854775807"] {
        let setup = Setup::default()
            .overrides(|overrides| overrides.workers = None)
            .settings(&format!("\n\nworkers = {value}"));
        let error = setup.try_start().err().unwrap().to_string();
        assert!(error.contains("hubwire.toml:3: setting `workers`: "), "{error}");
        assert!(error.contains("between 0") && error.contains("64"), "{error}");
    }
}

#[test]
fn a_wrong_metrics_address_is_refused_with_its_line() {
    assert_refused("[metrics]\nlisten = \"everywhere\"", 2, &["setting `metrics.listen`: ", "everywhere"]);
}

#[test]
fn every_limit_is_refused_just_outside_of_its_range_with_line_and_range() {
    for limit in LIMITS {
        let below = limit.least.checked_sub(1).map_or(-1, |least| i64::try_from(least).unwrap());
        let above = i64::try_from(limit.most + 1).unwrap();
        for value in [below, above] {
            // The file of a set-up begins its own table of limits after these lines.
            let setup = Setup::default().settings("\n").limit(limit.name, 0).text();
            let text = setup.replace(&format!("{} = 0", limit.name), &format!("{} = {value}", limit.name));
            let line = 1 + text.lines().position(|line| line.starts_with(limit.name)).unwrap();
            let (least, most) = (limit.least.to_string(), limit.most.to_string());
            let expected = [&format!("setting `limits.{}`: ", limit.name), &least, &most, &value.to_string()];
            assert_refused_text(&text, line, &expected.map(String::as_str));
        }
    }
}

/// As [`assert_refused`], for a file that is complete.
#[track_caller]
fn assert_refused_text(text: &str, line: usize, expected: &[&str]) {
    let site = Site::start();
    site.write(text);
    let overrides = hubwire_server::Overrides {
        listen: Some("127.0.0.1:0".to_owned()),
        config: Some(site.file().to_owned()),
        ..hubwire_server::Overrides::default()
    };
    let error = hubwire_server::Config::load(&overrides).unwrap_err().to_string();
    assert!(error.contains(&format!("hubwire.toml:{line}: ")), "line {line}: {error}");
    for part in expected {
        assert!(error.contains(part), "`{part}`: {error}");
    }
}

#[test]
fn every_limit_is_accepted_at_both_ends_of_its_range() {
    let site = Site::start();
    for limit in LIMITS {
        for value in [limit.least, limit.most] {
            site.write(&Setup::default().limit(limit.name, value).text());
            let overrides = hubwire_server::Overrides {
                listen: Some("127.0.0.1:0".to_owned()),
                config: Some(site.file().to_owned()),
                ..hubwire_server::Overrides::default()
            };
            let loaded = hubwire_server::Config::load(&overrides);
            assert!(loaded.is_ok(), "{} = {value}: {:?}", limit.name, loaded.err());
        }
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_file_line_and_setting() {
    for (setting, file) in [
        ("listen", "\nlisten = 8080"),
        ("endpoint", "\nendpoint = true"),
        ("access_key", "\naccess_key = []"),
        ("secondary_access_key", "\nsecondary_access_key = {}"),
        ("workers", "\nworkers = \"four\""),
        ("workers", "\nworkers = 1.5"),
        ("metrics.listen", "[metrics]\nlisten = 9090"),
        ("limits.message_bytes_max", "[limits]\nmessage_bytes_max = \"1 MiB\""),
        ("limits.ping_interval_ms", "[limits]\nping_interval_ms = 2e4"),
        ("hubs.chat.anonymous", "[hubs.chat]\nanonymous = \"yes\""),
    ] {
        assert_refused_whole(file, 2, &[setting.rsplit('.').next().unwrap()]);
    }
}

/// As [`assert_refused`], for a file whose own tables would clash with those of a set-up.
#[track_caller]
fn assert_refused_whole(text: &str, line: usize, expected: &[&str]) {
    assert_refused_text(text, line, expected);
}

#[test]
fn a_refused_access_key_is_not_repeated() {
    for file in ["access_key = \"secret\"", "access_key = 918273645", "access_key = \"secret"] {
        let refusal = refusal(file);
        assert!(!refusal.contains("secret\"") && !refusal.contains("918273645"), "{refusal}");
    }
}

#[test]
fn an_unknown_setting_is_refused_with_its_line_and_name() {
    for (file, line, name) in [
        ("\nacces_key = \"x\"", 2, "acces_key"),
        ("[metrics]\n\nport = 1", 3, "port"),
        ("[limits]\nmessage_bytes = 1", 2, "message_bytes"),
        ("[hubs.chat]\nanonymus = true", 2, "anonymus"),
        ("[tsl]\ncertificate = \"cert.pem\"", 1, "tsl"),
    ] {
        assert_refused_whole(file, line, &[name]);
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    for (file, line) in [
        ("workers = 1\nthis is no setting", 2),
        ("workers = 1\nworkers = 2", 2),
        ("[limits]\n[limits]", 2),
        ("\n\n[limits", 3),
        ("workers = 1\nendpoint = \"https://a", 2),
        ("workers = 99999999999999999999", 1),
    ] {
        assert_refused_whole(file, line, &[]);
    }
}

#[test]
fn a_file_that_is_not_there_is_refused_with_its_name() {
    let overrides = hubwire_server::Overrides {
        config: Some("/nowhere/at-all.toml".into()),
        ..hubwire_server::Overrides::default()
    };
    let error = hubwire_server::Config::load(&overrides).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/at-all.toml: cannot be read"), "{error}");
}

#[test]
fn a_hub_that_stands_twice_in_different_case_is_refused() {
    let file = "[hubs.chat]\nanonymous = true\n[hubs.Chat]\nanonymous = false";
    let site = Site::start();
    site.write(file);
    let overrides = hubwire_server::Overrides {
        config: Some(site.file().to_owned()),
        ..hubwire_server::Overrides::default()
    };
    let error = hubwire_server::Config::load(&overrides).unwrap_err().to_string();
    assert!(error.contains("hubs.") && error.to_lowercase().contains("`hubs.chat`"), "{error}");
    assert!(error.contains("hubwire.toml:1: ") || error.contains("hubwire.toml:3: "), "{error}");
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn a_hub_with_a_name_that_no_hub_can_have_is_refused() {
    for name in ["1chat", "\"a b\"", "\"\"", "_DEFAULT"] {
        assert_refused_whole(&format!("[hubs.{name}]"), 1, &["setting `hubs."]);
    }
}

#[test]
fn the_development_key_is_refused_beyond_loopback_as_either_key() {
    let own = format!("access_key = \"{ACCESS_KEY}\"\n");
    let both = format!("{own}secondary_access_key = \"{DEVELOPMENT_KEY}\"");
    for address in ["0.0.0.0:0", "[::]:0"] {
        for (settings, setting) in [
            ("", "access_key"),
            (&*format!("access_key = \"{DEVELOPMENT_KEY}\""), "access_key"),
            (&*both, "secondary_access_key"),
        ] {
            let setup = Setup::default()
                .overrides(|overrides| overrides.listen = Some(address.to_owned()))
                .settings(settings);
            let error = setup.try_start().err().unwrap().to_string();
            assert!(error.contains(&format!("setting `{setting}`")), "{error}");
            assert!(error.contains("development key") && error.contains("listen"), "{error}");
            assert!(!error.contains(DEVELOPMENT_KEY), "{error}");
        }
    }
}

#[test]
fn a_key_of_ones_own_may_listen_everywhere() {
    let setup = Setup::default().overrides(|overrides| overrides.listen = Some("0.0.0.0:0".to_owned()));
    let site = setup.start();
    assert!(site.running().endpoint().to_string().starts_with("http://localhost:"));
    assert!(!site.running().banner().contains(ACCESS_KEY), "what is printed beyond loopback holds no key");
}

#[test]
fn a_port_in_use_is_refused_with_the_settings_name() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup = Setup::default().overrides(|overrides| overrides.listen = Some(address.clone()));
    let error = setup.try_start().err().unwrap().to_string();
    assert!(error.contains(&address) && error.contains("`listen`"), "{error}");

    let setup = Setup::default().table(&format!("[metrics]\nlisten = \"{address}\""));
    let error = setup.try_start().err().unwrap().to_string();
    assert!(error.contains(&address) && error.contains("`metrics.listen`"), "{error}");
}

#[test]
fn a_second_service_cannot_share_the_port_of_the_first() {
    let site = Setup::default().workers(4).start();
    let address = site.authority();
    let setup = Setup::default().workers(4).overrides(|overrides| overrides.listen = Some(address));
    assert!(setup.try_start().is_err());
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn a_port_is_free_again_once_its_service_has_stopped() {
    let mut site = Setup::default().workers(2).start();
    let address = site.authority();
    assert!(site.rest().exists("/api/health"));
    site.take().stop();
    let again = Setup::default().overrides(|overrides| overrides.listen = Some(address)).start();
    assert!(again.rest().exists("/api/health"));
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let flag_key = "the key that a flag has given, and nobody else";
    let file_key = "the key that stands in the file, and nowhere else";
    let both = Setup::default()
        .settings(&format!("access_key = \"{file_key}\"\nworkers = 3\nendpoint = \"https://file.example\""))
        .overrides(|overrides| {
            overrides.access_key = Some(flag_key.to_owned());
            overrides.endpoint = Some("https://flag.example".to_owned());
        })
        .start();
    assert_eq!(status_with(&both, flag_key), 404);
    assert_eq!(status_with(&both, file_key), 401);
    assert_eq!(both.running().endpoint().to_string(), "https://flag.example");
    let listening = format!("Listening on       {}", both.running().address());
    assert!(both.running().banner().contains(&listening), "the port that was free is shown");

    let file = Setup::default().settings(&format!("access_key = \"{file_key}\"")).start();
    assert_eq!(status_with(&file, file_key), 404);
    assert_eq!(status_with(&file, DEVELOPMENT_KEY), 401);

    let neither = Setup::default().settings("").start();
    assert_eq!(status_with(&neither, DEVELOPMENT_KEY), 404);
    assert!(neither.running().banner().contains(DEVELOPMENT_KEY), "on loopback the banner is ready to use");
}

fn status_with(site: &Site, key: &str) -> u16 {
    Rest::new(site.address(), key).call("HEAD", "/api/hubs/chat/groups/g", "text/plain", "").status
}

#[test]
fn a_wrong_flag_is_refused_by_its_name() {
    let setup = Setup::default().overrides(|overrides| overrides.listen = Some("nowhere".to_owned()));
    let error = setup.try_start().err().unwrap().to_string();
    assert!(error.contains("--listen or HUBWIRE_LISTEN: setting `listen`"), "{error}");
    let setup = Setup::default().overrides(|overrides| overrides.access_key = Some("short".to_owned()));
    let error = setup.try_start().err().unwrap().to_string();
    assert!(error.contains("--access-key or HUBWIRE_ACCESS_KEY: setting `access_key`"), "{error}");
    let setup = Setup::default().workers(65);
    let error = setup.try_start().err().unwrap().to_string();
    assert!(error.contains("--workers or HUBWIRE_WORKERS: setting `workers`"), "{error}");
}
