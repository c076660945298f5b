use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Error;

/// The ends of the buckets of durations, in seconds: those that the managed service sorts REST calls by, and finer ones below.
const BUCKETS_S: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];
/// How often what was recorded is summed up although nobody asks, in milliseconds.
const UPKEEP_INTERVAL_MS: u64 = 5_000;

/// The process's metrics. Servers that share a process share them, as the metrics facade has one recorder.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record, once per process, and binds the address where the record is served.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let wrong = |source| Error::Metrics { address, source };
    HANDLE.get_or_init(|| {
        let recorder = match PrometheusBuilder::new().set_buckets(&BUCKETS_S) {
            Ok(builder) => builder.build_recorder(),
            // Only for no buckets at all.
            Err(_) => PrometheusBuilder::new().build_recorder(),
        };
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder has the metrics of this process; /metrics stays empty");
        }
        handle
    });
    let listener = TcpListener::bind(address).map_err(wrong)?;
    listener.set_nonblocking(true).map_err(wrong)?;
    Ok(listener)
}

/// Serves `/metrics` in the Prometheus text format.
pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut upkeep = tokio::time::interval(Duration::from_millis(UPKEEP_INTERVAL_MS));
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = upkeep.tick() => {
                if let Some(handle) = HANDLE.get() {
                    handle.run_upkeep();
                }
                continue;
            }
        };
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request)) });
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                tracing::debug!(%error, "a metrics connection ended with an error");
            }
        });
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    match HANDLE.get().filter(|_| request.uri().path() == "/metrics") {
        Some(handle) => *response.body_mut() = Full::from(handle.render()),
        None => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    response
}
