use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hubwire_console::Console;
use hubwire_gateway::{Body, Fallback};
use hubwire_hub::{Load, Strain};
use hubwire_rest::Rest;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use crate::Endpoint;

/// What is told to whoever looks at the root.
const GREETING: &str =
    "Hubwire is running.\nClients: /client/hubs/{hub}\nREST: /api/hubs/{hub}/...\nConsole: /console/\n";

/// Answers what is not a client's handshake: the data plane, the console, the state of health, a greeting at `/`, and 404.
pub(crate) struct Site {
    pub(crate) rest: Rest,
    pub(crate) console: Console,
    /// How strained the process is.
    pub(crate) load: Arc<Load>,
    /// Cancelled when the service begins to stop.
    pub(crate) stop: CancellationToken,
    /// The public endpoint, which may change while the service runs.
    pub(crate) endpoint: Arc<ArcSwapOption<Endpoint>>,
}

impl Fallback for Site {
    async fn answer(&self, scheme: &'static str, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        if Rest::handles(path) {
            let scheme = self.public_scheme(&request).unwrap_or(scheme);
            return self.rest.handle(scheme, request).await.map(Either::Left);
        }
        if Console::handles(path) {
            let scheme = self.public_scheme(&request).unwrap_or(scheme);
            return self.console.handle(scheme, request).await;
        }
        match path {
            "/" if looks => return page(StatusCode::OK, GREETING),
            // Whoever gets an answer at all has reached a process that serves.
            "/healthz" if looks => return page(StatusCode::OK, "ok\n"),
            "/readyz" if looks && self.stop.is_cancelled() => {
                return page(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
            }
            "/readyz" if looks => {
                return match self.load.any_strain() {
                    Some(Strain::Memory) => page(StatusCode::SERVICE_UNAVAILABLE, "overloaded: memory\n"),
                    Some(Strain::Lag) => page(StatusCode::SERVICE_UNAVAILABLE, "overloaded: lag\n"),
                    None => page(StatusCode::OK, "ready\n"),
                };
            }
            _ => {}
        }
        page(
            StatusCode::NOT_FOUND,
            "There is nothing here.\nClients: /client/hubs/{hub}\nREST: /api/hubs/{hub}/...\n",
        )
    }
}

impl Site {
    /// Behind a proxy that ends TLS, a caller used the public endpoint's scheme: links in answers must carry that.
    fn public_scheme(&self, request: &Request<Incoming>) -> Option<&'static str> {
        let endpoint = self.endpoint.load_full()?;
        let host = request.headers().get(header::HOST)?.to_str().ok()?;
        host.eq_ignore_ascii_case(endpoint.authority()).then(|| endpoint.scheme())
    }
}

fn page(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::from(text)));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
