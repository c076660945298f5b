use crate::origin::Origin;
use crate::{AccessKey, Error};

/// What verification needs of a connection string.
pub(crate) struct ConnectionString {
    pub(crate) endpoint: Origin,
    pub(crate) access_key: AccessKey,
}

impl ConnectionString {
    /// Reads `Endpoint=…;AccessKey=…;Version=1.0;` as the official SDKs do: names in any case and order, unknown ones ignored, and `https`
    /// where the endpoint has no scheme. A `Port` does not matter, since services name their host alone.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (mut endpoint, mut access_key) = (None, None);
        for (name, value) in text.split(';').filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => endpoint = Some(value.trim()),
                "accesskey" => access_key = Some(value.trim()),
                _ => {}
            }
        }
        let endpoint = endpoint.ok_or(Error::InvalidConnectionString("Endpoint"))?;
        let with_scheme = match endpoint.contains("://") {
            true => endpoint.to_owned(),
            false => format!("https://{endpoint}"),
        };
        let access_key = access_key.ok_or(Error::InvalidConnectionString("AccessKey"))?;
        Ok(Self {
            endpoint: Origin::of_endpoint(&with_scheme)
                .map_err(|_| Error::InvalidConnectionString("Endpoint"))?,
            access_key: AccessKey::new(access_key)
                .map_err(|_| Error::InvalidConnectionString("AccessKey"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_read_in_any_order_and_case() {
        for text in [
            "Endpoint=https://a.example.com;AccessKey=a=b==;Version=1.0;",
            "version=1.0;ACCESSKEY=a=b==;ENDPOINT=a.example.com;nonsense",
        ] {
            assert_eq!(ConnectionString::parse(text).unwrap().endpoint.as_str(), "a.example.com");
        }
    }

    #[test]
    fn an_incomplete_connection_string_is_refused_without_showing_its_key() {
        for text in ["", "Endpoint=https://a", "AccessKey=secret", "Endpoint=ftp://a;AccessKey=secret"] {
            let error = ConnectionString::parse(text).err().unwrap();
            assert!(!format!("{error:?} {error}").contains("secret"), "{error}");
        }
    }
}
