//! Permissions of connections.

use crate::hubwire::{Hubwire, Receiver};
use azure_core::http::StatusCode;
use serde_json::json;
use webpubsub::models::*;

#[tokio::test]
async fn a_client_may_do_what_it_is_granted_until_that_is_revoked() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut receiver = Receiver::connect(&client, "", &[]).await;
    let id = receiver.connection_id.clone();
    let target_name = || Some("room 1".to_owned());
    let mut ack_id = 0;
    let mut allowed = async |receiver: &mut Receiver| {
        ack_id += 1;
        let ack = receiver.request(json!({ "type": "joinGroup", "group": "room 1", "ackId": ack_id })).await;
        ack["success"].as_bool().unwrap()
    };
    let has = async || {
        let options =
            WebPubSubServiceClientHasPermissionOptions { target_name: target_name(), ..Default::default() };
        client.has_permission(&id, Permission::JoinLeaveGroup, Some(options)).await.unwrap()
    };

    assert!(!has().await);
    assert!(!allowed(&mut receiver).await);

    let options =
        WebPubSubServiceClientGrantPermissionOptions { target_name: target_name(), ..Default::default() };
    client.grant_permission(&id, Permission::JoinLeaveGroup, Some(options)).await.unwrap();
    assert!(has().await);
    assert!(allowed(&mut receiver).await);

    let options =
        WebPubSubServiceClientRevokePermissionOptions { target_name: target_name(), ..Default::default() };
    client.revoke_permission(&id, Permission::JoinLeaveGroup, Some(options)).await.unwrap();
    assert!(!has().await);
    assert!(!allowed(&mut receiver).await);
}

#[tokio::test]
async fn a_connection_that_is_not_there_can_be_granted_nothing() {
    let server = Hubwire::start().await;
    let client = server.client();
    let target_name = || Some("room".to_owned());
    let options =
        WebPubSubServiceClientGrantPermissionOptions { target_name: target_name(), ..Default::default() };
    let error = client.grant_permission("gone", Permission::SendToGroup, Some(options)).await.unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::NotFound));
    let options =
        WebPubSubServiceClientHasPermissionOptions { target_name: target_name(), ..Default::default() };
    assert!(!client.has_permission("gone", Permission::SendToGroup, Some(options)).await.unwrap());
    let options =
        WebPubSubServiceClientRevokePermissionOptions { target_name: target_name(), ..Default::default() };
    client.revoke_permission("gone", Permission::SendToGroup, Some(options)).await.unwrap();
}
