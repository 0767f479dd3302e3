//! What a wrong `onward.toml`, and a wrong environment, look like to an operator.

use expect_test::{Expect, expect, expect_file};

use super::*;

fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("onward.toml");
    std::fs::write(&path, text).expect("a file");
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let folder = format!("{}/", folder.path().display());
    load_with(Some(&path), environment).map_err(|error| error.to_string().replace(&folder, ""))
}

fn refused(text: &str, environment: &[(&str, &str)]) -> String {
    load_text(text, environment).expect_err(text)
}

fn check(text: &str, environment: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&refused(text, environment));
}

#[test]
fn the_defaults_are_complete() {
    // Every key is required of the merged whole, so the defaults alone must be enough.
    let settings = load_text("", &[]).expect("the defaults");
    assert!(settings.store.folder.ends_with("data"));
    assert_eq!(settings.server.listen, "127.0.0.1:8080");
}

#[test]
fn what_readme_shows_is_sound() {
    let readme = include_str!("../../../README.md");
    let blocks = readme.split("```toml\n").skip(1).filter_map(|block| Some(block.split_once("```")?.0));
    let sections: Vec<_> = keys::keys().iter().map(|key| format!("[{}]", key.section)).collect();
    let mut count = 0;
    for block in blocks.filter(|block| sections.iter().any(|section| block.starts_with(section))) {
        load_text(block, &[]).unwrap_or_else(|said| panic!("{said}"));
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn every_problem_is_told_at_once_at_its_place() {
    let said = refused(include_str!("tests/wrong.toml"), &[]);
    expect_file!["tests/wrong.txt"].assert_eq(&said);
}

#[test]
fn the_environment_is_told_by_its_variables() {
    check(
        "[server]\nlisten = \"here\"\nworkers = 5000\n",
        &[
            ("ONWARD__SERVER__LISTEN", "there"),
            ("ONWARD__SERVER__LISTN", "127.0.0.1:80"),
            ("ONWARD__ENGINE__QUEUED_MAX", "0x10"),
            ("ONWARD__METRICS__OPEN", "on\nand off"),
            ("ONWARD__EGRESS__ALLOW", "10.0.0.0/8, http://billing.example"),
            ("ONWARD_KEY", "not a setting"),
        ],
        expect![[r#"
            the configuration cannot be used

            error[out_of_range]: `workers` must be a whole number from 0 to 1024
             --> onward.toml:3:11
              |
            3 | workers = 5000
              |           ^^^^

            1 problem in onward.toml

            error[invalid_value]: `egress.allow` must be a network such as 10.1.0.0/16, an address, or a host, the last two with a port if need be
             --> the environment:1:23
              |
            1 | ONWARD__EGRESS__ALLOW=10.0.0.0/8, http://billing.example
              |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error[invalid_value]: `ONWARD__ENGINE__QUEUED_MAX` must be a whole number from 1 to 1000000
             --> the environment:2:28
              |
            2 | ONWARD__ENGINE__QUEUED_MAX=0x10
              |                            ^^^^

            error[invalid_value]: `ONWARD__METRICS__OPEN` must be true or false
             --> the environment:3:23
              |
            3 | ONWARD__METRICS__OPEN=on�and off
              |                       ^^^^^^^^^^

            error[invalid_value]: `server.listen` must be an address and a port, such as 127.0.0.1:8080
             --> the environment:4:24
              |
            4 | ONWARD__SERVER__LISTEN=there
              |                        ^^^^^

            error[unknown_key]: `ONWARD__SERVER__LISTN` is no variable of Onward's
             --> the environment:5:1
              |
            5 | ONWARD__SERVER__LISTN=…
              | ^^^^^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `ONWARD__SERVER__LISTEN`?

            5 problems in the environment"#]],
    );
}

#[test]
fn a_variable_that_is_none_is_told_what_it_may_be() {
    check(
        "",
        &[
            ("ONWARD_SERVER_WORKERS", "2"),
            ("ONWARD__SERVER_DRAIN_SECONDS", "2"),
            ("ONWARD__BOGUS__X", "1"),
            ("ONWARD__METRICS__PORT", "1"),
            ("ONWARD__FILES__REMOTE_ALLOW", "[\"a.example\",\"b.example\"]"),
        ],
        expect![[r#"
            the configuration cannot be used

            error[unknown_key]: `ONWARD__BOGUS__X` is no variable of Onward's
             --> the environment:1:1
              |
            1 | ONWARD__BOGUS__X=…
              | ^^^^^^^^^^^^^^^^
              |
              = help: it is ONWARD__SECTION__KEY, with a section and a key of onward.default.toml

            error[invalid_value]: `ONWARD__FILES__REMOTE_ALLOW` must be a list with commas between its items, and neither brackets nor quotes: a,b
             --> the environment:2:29
              |
            2 | ONWARD__FILES__REMOTE_ALLOW=["a.example","b.example"]
              |                             ^^^^^^^^^^^^^^^^^^^^^^^^^

            error[unknown_key]: `ONWARD__METRICS__PORT` is no variable of Onward's
             --> the environment:3:1
              |
            3 | ONWARD__METRICS__PORT=…
              | ^^^^^^^^^^^^^^^^^^^^^
              |
              = help: there is only ONWARD__METRICS__OPEN

            error[unknown_key]: `ONWARD__SERVER_DRAIN_SECONDS` is no variable of Onward's
             --> the environment:4:1
              |
            4 | ONWARD__SERVER_DRAIN_SECONDS=…
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: write `ONWARD__SERVER__DRAIN_SECONDS`, with two underscores each time

            error[unknown_key]: `ONWARD_SERVER_WORKERS` is no variable of Onward's
             --> the environment:5:1
              |
            5 | ONWARD_SERVER_WORKERS=…
              | ^^^^^^^^^^^^^^^^^^^^^
              |
              = help: write `ONWARD__SERVER__WORKERS`, with two underscores each time

            5 problems in the environment"#]],
    );
}

#[test]
fn what_is_no_toml_is_said_alone() {
    check(
        "[server\nlisten = 5\n",
        &[],
        expect![[r#"
        the configuration cannot be used

        error[toml_syntax]: unclosed table, expected `]`
         --> onward.toml:1:8
          |
        1 | [server
          |        ^

        1 problem in onward.toml"#]],
    );
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\ndrain_seconds = 7\n[egress]\nallow = [\"10.0.0.1\"]\n[files]\nremote_allow = \"10.0.0.2, billing.example\"\n";
    let environment = [
        ("ONWARD__SERVER__LISTEN", "127.0.0.1:2"),
        ("Onward__Metrics__Open", "yes"),
        ("ONWARD__SERVER__TRUSTED_PROXIES", "10.0.0.0/8,192.168.0.1"),
        ("ONWARD__RETENTION__RECORDS_DAYS", "8"),
    ];
    let settings = load_text(text, &environment).expect("sound");
    let Settings { server, metrics, retention, trusted_proxies, files, .. } = settings;
    assert_eq!(
        (server.listen.as_str(), server.drain_seconds, server.body_bytes_max),
        ("127.0.0.1:2", 7, 1 << 20)
    );
    assert_eq!((metrics.open, retention.records_days), (true, 8));
    assert_eq!(
        trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/8", "192.168.0.1/32"]
    );
    assert!(
        files.guard.check_url("http://10.0.0.2/").is_ok()
            && files.guard.check_url("http://10.0.0.3/").is_err()
    );
}

/// A secret may stand under a name that is not quite right.
#[test]
fn no_report_repeats_what_an_unknown_key_has() {
    for (text, variables) in [
        ("[bootstrap]\napi_key = \"hunter2\" # hunter2\n", vec![]),
        ("[bootstrap]\nadministrator_password = '''hunter2\nhunter2'''\n", vec![]),
        ("[secrets]\nTOKEN = { a = \"hunter2\" }\nfolder = 5\n", vec![]),
        ("", vec![("ONWARD__BOOTSTRAP__ADMINISTRATOR_PASSWORD", "hunter2")]),
    ] {
        let said = refused(text, &variables);
        assert!(said.contains("unknown_key") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_list_has_a_limit_however_it_is_written() {
    let many = vec!["10.0.0.1"; keys::ITEMS_MAX + 1].join(",");
    let of_file = refused(&format!("[egress]\nallow = \"{many}\"\n"), &[]);
    assert!(of_file.contains("1001 allow; at most 1000 are possible"), "{of_file}");
    let of_variable = refused("", &[("ONWARD__EGRESS__ALLOW", &many)]);
    assert!(of_variable.contains("at most 1000 items, with commas between them"), "{of_variable}");
}

#[test]
fn a_file_of_certificates_has_some() {
    let said = refused("[egress]\nextra_ca_file = \"none.pem\"\n", &[]);
    for words in
        ["onward.toml:2:17", "`egress.extra_ca_file` must be a file of certificates in PEM", "No such file"]
    {
        assert_eq!(said.matches(words).count(), 1, "{said}");
    }
    let said = refused("[egress]\nextra_ca_file = \"onward.toml\"\n", &[]);
    assert!(said.contains("a certificate is not one in PEM"), "{said}");
}

/// What was said and could not be read is not missing.
#[test]
fn one_mistake_is_one_problem() {
    let said = refused("[bootstrap]\nadministrator_email = 5\nadministrator_password_file = \"p\"\n", &[]);
    assert!(said.contains("1 problem in onward.toml"), "{said}");
}

#[test]
fn people_reach_the_server_by_http() {
    for url in
        ["onward.example", "ftp://a.example", "https://a.example/?b", "https://me@a.example", "https:///a"]
    {
        let said =
            refused(&format!("[server]\npublic_url = \"{url}\"\n[traces]\nendpoint = \"{url}\"\n"), &[]);
        assert!(said.contains("`server.public_url` must be where people"), "{said}");
        assert!(said.contains("`traces.endpoint` must be a collector's address"), "{said}");
    }
    // Links to its path would lead to another host.
    let said = refused("[server]\npublic_url = \"https://a.example//b\"", &[]);
    assert!(said.contains("`server.public_url` must be where people"), "{said}");
    for url in ["https://onward.example", "http://10.1.1.1:8080/onward/"] {
        load_text(&format!("[server]\npublic_url = \"{url}\""), &[]).expect(url);
    }
}

#[test]
fn a_proxy_has_its_password_from_the_environment_and_no_report_repeats_it() {
    const URL: &str = "http://me:hunter2@proxy.example";
    let in_file = format!("[egress]\nproxy = \"{URL}:3128\"\n");
    let misspelt = format!("[egress]\nproxi = \"{URL}:3128\"\n");
    let environment = "[egress]\nproxy = \"environment\"\n";
    for (text, variables, expected) in [
        (in_file.as_str(), vec![], "from the environment alone"),
        (misspelt.as_str(), vec![], "did you mean `proxy`?"),
        ("", vec![("ONWARD__EGRESS__PROXY", URL)], "`egress.proxy` must be http://HOST:PORT"),
        ("", vec![("ONWARD__EGRESS__PROXI", URL)], "did you mean `ONWARD__EGRESS__PROXY`?"),
        (environment, vec![("HTTPS_PROXY", URL)], "`HTTPS_PROXY` must be http://HOST:PORT"),
        (environment, vec![("https_proxy", URL)], "`https_proxy` must be http://HOST:PORT"),
    ] {
        let said = refused(text, &variables);
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
    let sound = format!("{URL}:3128");
    for (text, variable) in [("", "ONWARD__EGRESS__PROXY"), (environment, "HTTPS_PROXY")] {
        let settings = load_text(text, &[(variable, &sound)]).expect(variable);
        assert_eq!(settings.egress.proxy.expect("a proxy").origin(), "http://proxy.example:3128");
    }
}

#[test]
fn pins_are_tables_in_the_file_and_texts_in_the_environment() {
    let hash = "AB".repeat(32);
    let expected = [("acme".to_owned(), "ab".repeat(32))];
    let file = format!("[[plugins.pins]]\nname = \"acme\"\nsha256 = \"{hash}\"\n");
    assert_eq!(load_text(&file, &[]).expect("tables").plugins.pins, expected);
    let variable = format!("acme={hash}");
    let settings = load_text("", &[("ONWARD__PLUGINS__PINS", &variable)]).expect("a variable");
    assert_eq!(settings.plugins.pins, expected);
    check(
        "[plugins]\nfolder = \"plugins\"\n\n[[plugins.pins]]\nname = \"acme\"\nsha256 = \"abc\"\n\n[[plugins.pins]]\nnam = \"b\"\n",
        &[("ONWARD__PLUGINS__THREADS", "0")],
        expect![[r#"
            the configuration cannot be used

            error[invalid_value]: `plugins.folder` must be an absolute path, such as /var/lib/onward/plugins
             --> onward.toml:2:10
              |
            2 | folder = "plugins"
              |          ^^^^^^^^^

            error[missing_key]: `name` is missing
             --> onward.toml:8:1
              |
            8 | [[plugins.pins]]
              | ^^^^^^^^^^^^^^^^

            error[missing_key]: `sha256` is missing
             --> onward.toml:8:1
              |
            8 | [[plugins.pins]]
              | ^^^^^^^^^^^^^^^^

            error[unknown_key]: `nam` is not a key of this table
             --> onward.toml:9:1
              |
            9 | nam = ***
              | ^^^
              |
              = help: did you mean `name`?

            4 problems in onward.toml

            error[invalid_value]: `ONWARD__PLUGINS__THREADS` must be a whole number from 1 to 256
             --> the environment:1:26
              |
            1 | ONWARD__PLUGINS__THREADS=0
              |                          ^

            1 problem in the environment"#]],
    );
    check(
        "[plugins]\nfolder = \"plugins\"\n[[plugins.pins]]\nname = \"acme\"\nsha256 = \"abc\"\n",
        &[],
        expect![[r#"
            the configuration cannot be used

            error[invalid_value]: `plugins.folder` must be an absolute path, such as /var/lib/onward/plugins
             --> onward.toml:2:10
              |
            2 | folder = "plugins"
              |          ^^^^^^^^^

            error[invalid_value]: `plugins.pins` must be a plugin's name and the 64 hexadecimal digits of its sha256
             --> onward.toml:5:10
              |
            5 | sha256 = "abc"
              |          ^^^^^

            2 problems in onward.toml"#]],
    );
}
