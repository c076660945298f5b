use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hubwire_gateway::Fallback;
use hubwire_rest::Rest;
use hyper::body::Incoming;

use crate::Endpoint;

/// Answers what is not a client's handshake: the data plane, a greeting at `/`, and 404.
pub(crate) struct Site {
    pub(crate) rest: Rest,
    /// The public endpoint, which may change while the service runs.
    pub(crate) endpoint: Arc<ArcSwapOption<Endpoint>>,
}

impl Fallback for Site {
    async fn answer(&self, scheme: &'static str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if Rest::handles(request.uri().path()) {
            let scheme = self.public_scheme(&request).unwrap_or(scheme);
            return self.rest.handle(scheme, request).await;
        }
        if request.uri().path() == "/" && matches!(*request.method(), Method::GET | Method::HEAD) {
            return page(
                StatusCode::OK,
                "Hubwire is running.\nClients: /client/hubs/{hub}\nREST: /api/hubs/{hub}/...\n",
            );
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

fn page(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
