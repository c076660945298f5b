use crate::service::Service;

#[test]
fn a_page_may_ask_what_it_is_allowed_without_a_token() {
    let service = Service::new();
    let call = service
        .call("OPTIONS /api/hubs/chat/groups/g/connections/c?api-version=2024-12-01")
        .authorization(None);
    let call = call
        .header("origin", "https://page.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = call.send();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("PUT, DELETE"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(service.router.is_untouched());
    assert_eq!(service.call("OPTIONS /api/nothing").send().status, 404);
}

#[test]
fn a_page_may_read_every_answer() {
    let service = Service::new();
    for line in ["POST /api/hubs/chat/:send", "POST /api/hubs/-/:send"] {
        let answer = service.call(line).send();
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("access-control-expose-headers").unwrap().contains("x-ms-error-code"));
    }
}
