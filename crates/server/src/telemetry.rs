//! Has spans of distributed traces collected and exported, where the settings say so.

use std::sync::Arc;

use hubwire_console::Desk;
use hubwire_hub::Observer;

use crate::clock::SystemEnvironment;
use crate::side_thread::SideThread;
use crate::{Config, Endpoint, Error};

/// Who is told what happens, and the thread that exports what is collected of it.
type Observed = (Arc<dyn Observer>, Option<SideThread>);

/// The desk alone, or a collector of spans in front of it.
#[cfg(feature = "otlp")]
pub(crate) fn observe(
    desk: Arc<Desk>,
    config: &Config,
    endpoint: &Endpoint,
    environment: &Arc<SystemEnvironment>,
) -> Result<Observed, Error> {
    use bytes::Bytes;
    use http::Request;
    use hubwire_telemetry::{Collector, Posted, Settings};
    use hubwire_upstream::OperatorClient;

    let Some(telemetry) = &config.telemetry else {
        return Ok((desk, None));
    };
    let node = environment.node().map(|node| format!("{node:08x}"));
    let settings = Settings {
        endpoint: telemetry.endpoint.clone(),
        headers: telemetry.headers.clone(),
        sampling_ratio: telemetry.sampling_ratio,
        service_name: telemetry.service_name.clone(),
        instance: node.unwrap_or_else(|| endpoint.to_string()),
    };
    let client = OperatorClient::default();
    let post = move |request: Request<Bytes>| -> Posted {
        let client = client.clone();
        Box::pin(async move { client.exchange(request).await })
    };
    let (collector, exporter) = Collector::new(&settings, desk, environment.clone(), Box::new(post))
        .map_err(|error| Error::Telemetry(error.to_string()))?;
    let thread = SideThread::start("telemetry", |stop| exporter.run(stop))?;
    Ok((collector, Some(thread)))
}

/// The desk alone: this program was built without what exports spans, and has refused settings that ask for it.
#[cfg(not(feature = "otlp"))]
pub(crate) fn observe(
    desk: Arc<Desk>,
    _: &Config,
    _: &Endpoint,
    _: &Arc<SystemEnvironment>,
) -> Result<Observed, Error> {
    Ok((desk, None))
}
