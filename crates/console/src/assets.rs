use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use rust_embed::RustEmbed;

use crate::answer::{Body, whole};

/// The page, as it is built from `ui/`.
#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The page that every path without a file leads to.
const PAGE: &str = "index.html";

/// The file of the page at a path below `/console/`. A path that names no file is one of the page's own views. `known` is the `If-None-Match`
/// header of who has a copy.
pub(crate) fn file(path: &str, known: Option<&str>) -> Response<Body> {
    let named = if path.is_empty() { PAGE } else { path };
    let (name, found) = match Assets::get(named) {
        Some(found) => (named, Some(found)),
        None if !named.contains('.') => (PAGE, Assets::get(PAGE)),
        None => (named, None),
    };
    let Some(found) = found else {
        return whole(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "There is no such file.");
    };
    let tag = format!("\"{}\"", STANDARD.encode(found.metadata.sha256_hash()));
    let bytes = match found.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let mut response = if known == Some(&tag) {
        whole(StatusCode::NOT_MODIFIED, content_type(name), Bytes::new())
    } else {
        whole(StatusCode::OK, content_type(name), bytes)
    };
    // Names of files stay the same from one version to the next, so a copy is asked about each time.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
