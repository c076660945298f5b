//! A bare HTTP server: it reads a request's body and accepts it, so that what remains is the cost of HTTP in hyper, as the service uses it.

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};

/// Serves until the process is ended.
pub(crate) fn serve(listen: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        println!("Endpoint=http://{};AccessKey=bare;Version=1.0;", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve_connection(stream));
        }
    })
}

async fn serve_connection(stream: TcpStream) {
    let server = auto::Builder::new(TokioExecutor::new());
    // A generator that goes away in the middle of something ends its run with an error of its own.
    let _ended = server.serve_connection(TokioIo::new(stream), service_fn(accept)).await;
}

async fn accept(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}
