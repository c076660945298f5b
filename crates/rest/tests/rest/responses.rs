use crate::service::Service;

const VERSIONS: &str = "2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01";

#[test]
fn every_response_tells_its_versions_and_request() {
    let service = Service::new();
    let mut seen = Vec::new();
    for (line, status) in [
        ("HEAD /api/health", 200),
        ("POST /api/hubs/chat/:send", 202),
        ("GET /api/nothing", 404),
        ("GET /api/health", 405),
        ("POST /api/hubs/-/:send", 400),
        ("OPTIONS /api/hubs/chat/:send", 204),
        ("POST /api/hubs/chat/:send?api-version=1", 400),
    ] {
        let answer = service.call(line).header("x-ms-client-request-id", "mine").send();
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.header("api-supported-versions"), Some(VERSIONS));
        assert_eq!(answer.header("x-ms-client-request-id"), Some("mine"));
        seen.push(answer.header("x-ms-request-id").unwrap().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
    assert_eq!(service.call("HEAD /api/health").send().header("x-ms-client-request-id"), None);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let service = Service::new();
    for line in [
        "HEAD /api/nothing",
        "HEAD /api/hubs/chat/:send",
        "HEAD /api/hubs/-/users/u",
        "HEAD /api/hubs/chat/users/%20",
    ] {
        let answer = service.call(line).send();
        assert!(answer.status >= 400 && answer.body.is_empty(), "{line}");
        assert!(answer.header("x-ms-error-code").is_some());
        assert_eq!(answer.header("content-type"), None);
    }
}
