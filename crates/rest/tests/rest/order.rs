use http_body_util::Full;

use crate::service::Service;

/// Each request is wrong in everything that comes after the check that is named, so the answer shows which check came first.
#[test]
fn checks_come_in_a_fixed_order() {
    let service = Service::new();
    let bad_version = "api-version=1";
    let path = format!("PUT /api/hubs/-/nothing?{bad_version}");
    assert_eq!(service.call(&path).authorization(None).send().status, 404);
    let method = format!("PUT /api/hubs/-/:send?{bad_version}");
    assert_eq!(service.call(&method).authorization(None).send().status, 405);
    let version = format!("POST /api/hubs/-/:send?{bad_version}");
    assert_eq!(service.call(&version).authorization(None).send().json()["target"], "api-version");
    let token = "POST /api/hubs/-/:send?messageTtlSeconds=x";
    assert_eq!(service.call(token).authorization(None).send().status, 401);
    service.call(token).send().assert_bad_request("Invalid hub name.");
    let name = "POST /api/hubs/chat/groups/%20/:send?messageTtlSeconds=x&filter=x";
    service.call(name).send().assert_bad_request("Invalid group name.");
    let ttl = "POST /api/hubs/chat/:send?messageTtlSeconds=x&filter=x";
    service.call(ttl).send().assert_bad_request("Invalid messageTtlSeconds.");
    assert!(service.router.is_untouched());
}

#[test]
fn a_send_is_checked_from_the_filter_to_the_metadata() {
    let service = Service::new();
    let call = |query: &str| {
        let call = service.call(&format!("POST /api/hubs/chat/:send{query}"));
        call.header("x-webpubsub-metadata-", "v")
    };
    let body = || Full::new("{".into());
    let filter =
        call("?filter=x").header("content-length", "x").header("content-type", "x").send_with(body());
    assert!(filter.message().ends_with("(Parameter 'filter')"));
    let length = call("").header("content-length", "x").header("content-type", "x").send_with(body());
    length.assert_bad_request("Invalid Content-Length header.");
    assert_eq!(call("").header("content-type", "x").send_with(body()).status, 415);
    let json = call("").header("content-type", "application/json").send_with(body());
    json.assert_bad_request("The request body is not a valid JSON.");
    let metadata = call("").header("content-type", "text/plain").send_with(body());
    metadata.assert_bad_request("Metadata key '' contains invalid characters.");
    assert!(service.router.is_untouched());
}
