use crate::service::Service;

#[test]
fn every_published_version_is_served() {
    let service = Service::new();
    for query in [
        "",
        "?api-version=2021-10-01",
        "?api-version=2022-11-01",
        "?api-version=2023-07-01",
        "?api-version=2024-01-01",
        "?api-version=2024-12-01",
        "?API-Version=2024-12-01",
        "?api-version=2021-08-01-preview",
        "?api-version=2022-10-01-preview",
    ] {
        assert_eq!(service.call(&format!("HEAD /api/health{query}")).send().status, 200, "{query}");
        assert_eq!(service.call(&format!("POST /api/hubs/chat/:send{query}")).send().status, 202, "{query}");
    }
}

#[test]
fn any_other_version_is_refused() {
    let service = Service::new();
    for query in [
        "api-version=",
        "api-version",
        "api-version=2020-01-01",
        "api-version=2024-12-01%20",
        "api-version=2024-12-01,2024-01-01",
        "api-version=2024-12-01&api-version=2024-12-01",
        "api-version=2024-12-01&API-VERSION=2021-10-01",
        "api-version=2020-10-01",
        "api-version=2021-05-01-preview",
    ] {
        let answer = service.call(&format!("POST /api/hubs/chat/:send?{query}")).send();
        let message = "The specified API version is not supported.";
        answer.assert_error(400, "Error.BadRequest", message, "api-version");
        let health = service.call(&format!("HEAD /api/health?{query}")).send();
        assert_eq!((health.status, health.header("x-ms-error-code")), (400, Some("Error.BadRequest")));
    }
    assert!(service.router.is_untouched());
}
