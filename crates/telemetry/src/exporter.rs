use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hubwire_hub::Span;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::collector::Environment;
use crate::span_data::{Calendar, span_data};
use crate::transport::Transport;
use crate::{Error, Settings};

/// Spans that are exported together.
const BATCH_MAX: usize = 512;
/// How long the exporter waits for more once it has something, in milliseconds.
const COLLECT_MS: u64 = 500;
/// How long an export may take, with its repetitions, in milliseconds. Then its spans are dropped and counted.
const EXPORT_TIMEOUT_MS: u64 = 10_000;
/// How long the exports of a service that stops may take, in milliseconds.
const DRAIN_MS_MAX: u64 = 2_000;

/// Takes spans to a collector, away from those who made them.
pub struct Exporter {
    exporter: opentelemetry_otlp::SpanExporter,
    transport: Transport,
    environment: Arc<dyn Environment>,
    waiting: mpsc::Receiver<Span>,
    /// The last export failed: an outage is told once.
    away: bool,
}

impl Exporter {
    pub(crate) fn new(
        settings: &Settings,
        transport: Transport,
        environment: Arc<dyn Environment>,
        waiting: mpsc::Receiver<Span>,
    ) -> Result<Self, Error> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(transport.clone())
            .with_endpoint(format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')))
            .with_headers(settings.headers.iter().cloned().collect::<HashMap<_, _>>())
            .with_timeout(Duration::from_millis(EXPORT_TIMEOUT_MS))
            .build();
        let mut exporter = exporter.map_err(|error| Error::Exporter(error.to_string()))?;
        exporter.set_resource(&resource(settings));
        Ok(Self { exporter, transport, environment, waiting, away: false })
    }

    /// Exports until `stop` is cancelled, and then what is left, if it can be had in time.
    ///
    /// Must run within a tokio runtime with timers and sockets, on a thread that has time.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                received = self.waiting.recv_many(&mut batch, BATCH_MAX) => {
                    if received == 0 {
                        break;
                    }
                }
            }
            self.collect(&mut batch, &stop).await;
            self.export(&mut batch).await;
        }
        let drain = async {
            while self.waiting.try_recv().map(|span| batch.push(span)).is_ok() {
                if batch.len() >= BATCH_MAX {
                    self.export(&mut batch).await;
                }
            }
            self.export(&mut batch).await;
        };
        let _late = tokio::time::timeout(Duration::from_millis(DRAIN_MS_MAX), drain).await;
    }

    /// Waits a little, and takes what has come meanwhile.
    async fn collect(&mut self, batch: &mut Vec<Span>, stop: &CancellationToken) {
        let enough = async {
            while batch.len() < BATCH_MAX
                && let Some(span) = self.waiting.recv().await
            {
                batch.push(span);
            }
        };
        tokio::select! {
            () = enough => {}
            () = tokio::time::sleep(Duration::from_millis(COLLECT_MS)) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn export(&mut self, batch: &mut Vec<Span>) {
        let count = batch.len() as u64;
        if count == 0 {
            return;
        }
        let calendar = Calendar::now(&*self.environment);
        let spans: Vec<SpanData> = batch.drain(..).map(|span| span_data(span, calendar)).collect();
        match self.exporter.export(spans).await {
            Ok(()) => {
                metrics::counter!("webpubsub_spans_exported_total").increment(count);
                if std::mem::take(&mut self.away) {
                    tracing::info!("spans are exported again");
                }
            }
            Err(error) => {
                metrics::counter!("webpubsub_spans_dropped_total").increment(count);
                if !std::mem::replace(&mut self.away, true) {
                    let reason = self.transport.take_failure().unwrap_or_else(|| error.to_string());
                    tracing::warn!(
                        reason,
                        "spans cannot be exported, and are dropped: setting telemetry.endpoint"
                    );
                }
            }
        }
    }
}

/// Who tells.
fn resource(settings: &Settings) -> Resource {
    Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", settings.instance.clone()),
        ])
        .build()
}
