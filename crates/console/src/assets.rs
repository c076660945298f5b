use std::sync::OnceLock;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::answer::{Body, whole};

/// One file of the page, as it is built from `ui/`.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    tag: OnceLock<String>,
}

const fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, content_type, bytes, tag: OnceLock::new() }
}

/// The page comes first: every path without a file leads to it.
static ASSETS: [Asset; 5] = [
    asset("index.html", "text/html; charset=utf-8", include_bytes!("../assets/index.html")),
    asset("console.js", "text/javascript; charset=utf-8", include_bytes!("../assets/console.js")),
    asset("console.css", "text/css; charset=utf-8", include_bytes!("../assets/console.css")),
    asset("icon.svg", "image/svg+xml; charset=utf-8", include_bytes!("../assets/icon.svg")),
    asset("licences.txt", "text/plain; charset=utf-8", include_bytes!("../assets/licences.txt")),
];

impl Asset {
    /// What tells this content from that of another version.
    fn tag(&self) -> &str {
        self.tag.get_or_init(|| {
            let hash = digest::digest(&digest::SHA256, self.bytes);
            format!("\"{}\"", STANDARD.encode(hash))
        })
    }
}

/// The file of the page at a path below `/console/`. A path that names no file is one of the page's own views. `known` is the `If-None-Match`
/// header of who has a copy.
pub(crate) fn file(path: &str, known: Option<&str>) -> Response<Body> {
    let named = ASSETS.iter().find(|asset| asset.name == path);
    let Some(asset) = named.or((!path.contains('.')).then_some(&ASSETS[0])) else {
        return whole(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "There is no such file.");
    };
    let mut response = if known == Some(asset.tag()) {
        whole(StatusCode::NOT_MODIFIED, asset.content_type, Bytes::new())
    } else {
        whole(StatusCode::OK, asset.content_type, Bytes::from_static(asset.bytes))
    };
    // Names of files stay the same from one version to the next, so a copy is asked about each time.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(asset.tag()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
