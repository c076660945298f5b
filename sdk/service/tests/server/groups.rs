//! Members of groups.

use crate::hubwire::{Hubwire, Receiver};
use azure_core::http::StatusCode;
use futures_util::TryStreamExt;
use std::sync::{Arc, Mutex};
use webpubsub::{OnResponse, WebPubSubGroupClient, models::*, odata};

/// The ids of the members, in the order of the service.
async fn members(group: &WebPubSubGroupClient) -> Vec<String> {
    group.list_connections(None).unwrap().map_ok(|member| member.connection_id).try_collect().await.unwrap()
}

#[tokio::test]
async fn connections_enter_and_leave_a_group() {
    let server = Hubwire::start().await;
    let client = server.client();
    let group = client.group("room 1");
    let receiver = Receiver::connect(&client, "u", &[]).await;
    assert!(!client.group_exists("room 1", None).await.unwrap());

    group.add_connection(&receiver.connection_id, None).await.unwrap();
    assert!(client.group_exists("room 1", None).await.unwrap());
    assert_eq!(members(&group).await, std::slice::from_ref(&receiver.connection_id));

    group.remove_connection(&receiver.connection_id, None).await.unwrap();
    assert!(!client.group_exists("room 1", None).await.unwrap());

    for name in ["a", "b"] {
        client.group(name).add_connection(&receiver.connection_id, None).await.unwrap();
    }
    client.remove_connection_from_all_groups(&receiver.connection_id, None).await.unwrap();
    assert!(members(&client.group("a")).await.is_empty());
    assert!(members(&client.group("b")).await.is_empty());
}

#[tokio::test]
async fn users_enter_and_leave_a_group_with_all_their_connections() {
    let server = Hubwire::start().await;
    let client = server.client();
    let group = client.group("room");
    let first = Receiver::connect(&client, "vic's", &[]).await;
    let second = Receiver::connect(&client, "vic's", &["other"]).await;
    let mut ids = [first.connection_id.clone(), second.connection_id.clone()];
    ids.sort();

    group.add_user("vic's", None).await.unwrap();
    assert_eq!(members(&group).await, ids);
    group.remove_user("vic's", None).await.unwrap();
    assert!(members(&group).await.is_empty());
    client.remove_user_from_all_groups("vic's", None).await.unwrap();
    assert!(members(&client.group("other")).await.is_empty());
}

#[tokio::test]
async fn a_connection_or_user_that_is_not_there_cannot_enter_a_group() {
    let server = Hubwire::start().await;
    let group = server.client().group("room");
    let error = group.add_connection("gone", None).await.unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::NotFound));
    assert_eq!(ErrorDetail::try_from(&error).unwrap().code.as_deref(), Some("Error.Connection.NotExisted"));
    assert_eq!(group.add_user("gone", None).await.unwrap_err().http_status(), Some(StatusCode::NotFound));
    group.remove_connection("gone", None).await.unwrap();
    group.remove_user("gone", None).await.unwrap();
}

#[tokio::test]
async fn a_filter_chooses_who_enters_and_leaves_groups() {
    let server = Hubwire::start().await;
    let client = server.client();
    let one = Receiver::connect(&client, "user 1", &[]).await;
    let two = Receiver::connect(&client, "user 2", &[]).await;
    let mut both = [one.connection_id.clone(), two.connection_id.clone()];
    both.sort();

    client.add_connections_to_groups(&["g1", "g2"], odata!("userId eq {}", "user 1"), None).await.unwrap();
    for name in ["g1", "g2"] {
        assert_eq!(members(&client.group(name)).await, std::slice::from_ref(&one.connection_id));
    }
    client.add_connections_to_groups(&["g3"], "", None).await.unwrap();
    assert_eq!(members(&client.group("g3")).await, both);

    client.remove_connections_from_groups(&["g1", "g3"], "'g2' in groups", None).await.unwrap();
    assert!(members(&client.group("g1")).await.is_empty());
    assert_eq!(members(&client.group("g2")).await, [one.connection_id]);
    assert_eq!(members(&client.group("g3")).await, [two.connection_id]);
}

#[tokio::test]
async fn members_are_listed_in_pages() {
    let server = Hubwire::start().await;
    let client = server.client();
    let group = client.group("room/1");
    let mut receivers = Vec::new();
    for user in ["a", "b", "", "d", "e"] {
        let receiver = Receiver::connect(&client, user, &[]).await;
        group.add_connection(&receiver.connection_id, None).await.unwrap();
        receivers.push(receiver);
    }
    let mut expected: Vec<_> =
        receivers.iter().map(|receiver| (receiver.connection_id.clone(), receiver.user_id.clone())).collect();
    expected.sort();

    let pages = Arc::new(Mutex::new(0));
    let list = async |top| {
        let count = pages.clone();
        let options = WebPubSubGroupClientListConnectionsOptions {
            max_page_size: Some(2),
            top,
            method_options: OnResponse::new(move |_| *count.lock().unwrap() += 1).into(),
            ..Default::default()
        };
        let members = group.list_connections(Some(options)).unwrap();
        let members = members.map_ok(|member| (member.connection_id, member.user_id));
        let members: Vec<_> = members.try_collect().await.unwrap();
        (members, std::mem::take(&mut *pages.lock().unwrap()))
    };
    assert_eq!(list(None).await, (expected.clone(), 3));
    assert_eq!(list(Some(3)).await, (expected[..3].to_vec(), 2));
}
