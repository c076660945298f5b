//! Connection strings: `Endpoint=https://…;AccessKey=…;Version=1.0;`.

use azure_core::{
    Result,
    credentials::Secret,
    error::{Error, ErrorKind},
};

/// What a connection string says. No error repeats the text, because it holds the key.
#[derive(Debug)]
pub(crate) struct ConnectionString {
    /// The endpoint with its scheme, and with the port of the `Port` part when there is one.
    pub(crate) endpoint: String,
    pub(crate) access_key: Secret,
}

impl ConnectionString {
    /// Reads a connection string as the JavaScript SDK does: parts are separated by `;`, a name ends at the first
    /// `=` and is compared without regard to case, the last of equal names counts, unknown parts are ignored.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (mut endpoint, mut access_key, mut port) = (None, None, None);
        for (name, value) in text.split(';').filter_map(|part| part.split_once('=')) {
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => endpoint = Some(value),
                "accesskey" => access_key = Some(value),
                "port" => port = Some(value),
                _ => {}
            }
        }
        let endpoint = present(endpoint, "Endpoint")?;
        let access_key = present(access_key, "AccessKey")?;
        let endpoint = match endpoint.starts_with("http://") || endpoint.starts_with("https://") {
            true => endpoint.to_owned(),
            false => format!("https://{endpoint}"),
        };
        Ok(Self {
            endpoint: match port.filter(|port| !port.is_empty()) {
                Some(port) => with_port(&endpoint, port)?,
                None => endpoint,
            },
            access_key: Secret::new(access_key.to_owned()),
        })
    }
}

fn present<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| malformed(format!("the connection string has no {name}= part")))
}

fn with_port(endpoint: &str, port: &str) -> Result<String> {
    let number =
        port.parse().map_err(|_| malformed("Port= in the connection string is not a port".into()))?;
    let mut url = azure_core::http::Url::parse(endpoint)
        .map_err(|_| malformed("Endpoint= in the connection string is not a URL".into()))?;
    url.set_port(Some(number))
        .map_err(|()| malformed("Endpoint= in the connection string takes no port".into()))?;
    Ok(url.into())
}

fn malformed(message: String) -> Error {
    Error::with_message(ErrorKind::Credential, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> (String, String) {
        let parsed = ConnectionString::parse(text).expect(text);
        (parsed.endpoint, parsed.access_key.secret().to_owned())
    }

    #[test]
    fn the_usual_form_is_read() {
        assert_eq!(
            parse("Endpoint=https://x.webpubsub.azure.com;AccessKey=a+b/c==;Version=1.0;"),
            ("https://x.webpubsub.azure.com".into(), "a+b/c==".into())
        );
    }

    #[test]
    fn names_ignore_case_order_blanks_and_unknown_parts() {
        assert_eq!(
            parse("accessKEY=k; What=ever;nonsense; ENDPOINT=http://h:8080 ;"),
            ("http://h:8080".into(), "k".into())
        );
    }

    #[test]
    fn an_endpoint_without_scheme_is_https() {
        assert_eq!(parse("Endpoint=h.example;AccessKey=k").0, "https://h.example");
        assert_eq!(parse("Endpoint=httpd.example;AccessKey=k").0, "https://httpd.example");
    }

    #[test]
    fn a_port_replaces_the_one_of_the_endpoint() {
        assert_eq!(parse("Endpoint=http://h:1;AccessKey=k;Port=8080").0, "http://h:8080/");
        assert_eq!(parse("Endpoint=http://h;AccessKey=k;Port=").0, "http://h");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_without_the_key() {
        for (text, named) in [
            ("AccessKey=s3cret", "Endpoint="),
            ("Endpoint=;AccessKey=s3cret", "Endpoint="),
            ("Endpoint=https://h", "AccessKey="),
            ("Endpoint=https://h;AccessKey=", "AccessKey="),
            ("Endpoint=https://h;AccessKey=s3cret;Port=99999", "Port="),
            ("Endpoint=https://:;AccessKey=s3cret;Port=1", "Endpoint="),
            ("s3cret", "Endpoint="),
        ] {
            let error = ConnectionString::parse(text).expect_err(text);
            assert!(error.to_string().contains(named), "{error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".*") {
            let _ = ConnectionString::parse(&text);
        }

        #[test]
        fn a_key_may_hold_anything_but_separators_and_outer_blanks(key in "[!-:<-~]([ -:<-~]*[!-:<-~])?") {
            prop_assert_eq!(parse(&format!("Endpoint=https://h;AccessKey={key};")).1, key);
        }
    }
}
