use toml::Spanned;

use super::error::ConfigError;
use super::file::File;
use super::secrets::secret;

/// What the service is called in traces if nobody says.
const SERVICE_NAME: &str = "hubwire";

/// The table `[telemetry]`, checked.
#[derive(Clone, PartialEq)]
pub struct TelemetryConfig {
    /// The base URL of a collector that speaks OTLP over HTTP.
    pub endpoint: String,
    /// Headers of every export; they may hold secrets.
    pub headers: Vec<(String, String)>,
    /// The part of the traces that begin here and are kept, from 0 to 1.
    pub sampling_ratio: f64,
    /// What the service is called in traces.
    pub service_name: String,
}

impl std::fmt::Debug for TelemetryConfig {
    /// Headers stay out of whatever prints this.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TelemetryConfig").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Reads the table. `None` without it.
pub(super) fn telemetry(file: &File) -> Result<Option<TelemetryConfig>, ConfigError> {
    let Some(table) = &file.table.telemetry else {
        return Ok(None);
    };
    let endpoint = file.given("telemetry.endpoint", &table.endpoint);
    if !cfg!(feature = "otlp") {
        return Err(endpoint.error("this program was built without OpenTelemetry: cargo feature otlp"));
    }
    let endpoint = endpoint.try_map(|text| base_url(text))?.value;
    let mut headers = Vec::with_capacity(table.headers.len());
    for (name, value) in &table.headers {
        let setting = format!("telemetry.headers.{}", name.get_ref());
        let given = file.given(&setting, name);
        let known = http::HeaderName::from_bytes(given.value.as_bytes());
        known.map_err(|_| given.error("it is not the name of a header"))?;
        let value = secret(file, &setting, value)?.expose().to_owned();
        http::HeaderValue::from_str(&value).map_err(|_| given.error("its value cannot stand in a header"))?;
        headers.push((given.value, value));
    }
    Ok(Some(TelemetryConfig {
        endpoint,
        headers,
        sampling_ratio: sampling_ratio(file, table.sampling_ratio.as_ref())?,
        service_name: table.service_name.clone().unwrap_or_else(|| SERVICE_NAME.to_owned()),
    }))
}

fn base_url(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is not the base URL of a collector, such as http://127.0.0.1:4318");
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let plain = uri.query().is_none() && !uri.authority().is_some_and(|it| it.as_str().contains('@'));
    if matches!(uri.scheme_str(), Some("http" | "https")) && plain {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

fn sampling_ratio(file: &File, given: Option<&Spanned<f64>>) -> Result<f64, ConfigError> {
    let Some(given) = given.map(|given| file.given("telemetry.sampling_ratio", given)) else {
        return Ok(1.0);
    };
    let within = |ratio: &f64| {
        let ratio = Some(*ratio).filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or("it is a number from 0.0 (none) to 1.0 (all)")
    };
    Ok(given.try_map(within)?.value)
}
