//! States of connections in groups.

use webpubsub_client::{Client, Event, Events, GroupState, GroupStates};

use crate::{
    next_connected,
    server::{Server, impatient},
    until,
};

fn state(mood: &str) -> GroupState {
    GroupState::from([("mood".to_owned(), mood.to_owned())])
}

async fn next_update(events: &mut Events) -> GroupStates {
    until(events, "an update", |event| match event {
        Event::GroupStateUpdate(states) => Some(states),
        _ => None,
    })
    .await
}

async fn next_snapshot(events: &mut Events) -> GroupStates {
    until(events, "a snapshot", |event| match event {
        Event::GroupStateSnapshot(states) => Some(states),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_subscriber_sees_the_states_that_are_there_and_then_each_change() {
    let server = Server::start();
    let (alice, bob) = (server.started("alice").await, server.started("bob").await);
    let mut events = bob.events();
    alice.join_group("g").await.expect("it may join");
    alice.set_group_state("g", state("fine")).await.expect("it is a member");
    bob.join_group("g").await.expect("it may join");
    bob.subscribe_group_state("g").await.expect("it may subscribe");
    let snapshot = next_snapshot(&mut events).await;
    assert_eq!(snapshot.items.len(), 1);
    assert_eq!(snapshot.items[0].user_id.as_deref(), Some("alice"));
    assert_eq!(snapshot.items[0].state, Some(state("fine")));
    alice.set_group_state("g", state("better")).await.expect("it is a member");
    assert_eq!(next_update(&mut events).await.items[0].state, Some(state("better")));
    alice.clear_group_state("g").await.expect("it is a member");
    assert_eq!(next_update(&mut events).await.items[0].state, None);
    bob.unsubscribe_group_state("g").await.expect("it has subscribed");
}

#[tokio::test]
async fn states_and_subscriptions_are_restored_in_a_new_session() {
    let server = Server::start();
    let port = server.port();
    let client = impatient(Client::builder(server.url("alice"))).build();
    let mut events = client.events();
    client.start().await.expect("the service is there");
    client.join_group("g").await.expect("it may join");
    client.set_group_state("g", state("fine")).await.expect("it is a member");
    client.subscribe_group_state("g").await.expect("it may subscribe");
    let before = next_snapshot(&mut events).await.items[0].connection_id.clone();
    drop(server);
    let _server = Server::start_with(port, "");
    assert_eq!(next_connected(&mut events).await.rejoined_groups, ["g"]);
    // The snapshot follows the ack of the subscription, which is the last thing that is restored.
    let snapshot = next_snapshot(&mut events).await;
    assert_eq!(snapshot.items[0].state, Some(state("fine")));
    assert_ne!(snapshot.items[0].connection_id, before);
}
