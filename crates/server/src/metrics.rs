use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Error;

/// The process's metrics. Servers that share a process share them, as the metrics facade has one recorder.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record, once per process, and binds the address where the record is served.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let wrong = |source| Error::Metrics { address, source };
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
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
    loop {
        let (stream, _) = listener.accept().await?;
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
