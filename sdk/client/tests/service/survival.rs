//! The promise of the reliable protocols, under two hundred faults.

use std::{
    future::IntoFuture as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::sync::Notify;
use webpubsub_client::{Client, Event, Events, Protocol};

use crate::{
    patiently,
    proxy::{Plan, Proxy},
    server::{Server, impatient},
};

/// Numbered messages of each of the two senders.
const MESSAGES: u64 = 20_000;
const FAULTS: u32 = 200;

/// How far each sender may be ahead of what has arrived of both.
const AHEAD_MAX: u64 = 200;

/// An ack of the client goes out at the latest when it covers more.
const UNACKNOWLEDGED_MAX: u64 = 300;

/// The service ends a session with more messages that it knows no ack for.
const WINDOW: u64 = 1000;

// Faults take acks away, so it is Alice's own messages that show what the service knows. On every socket she acknowledges what she has seen
// before she sends anything else. So when the service takes her message a, it has the ack for all that she had seen when she sent it, but
// for UNACKNOWLEDGED_MAX: for a - AHEAD_MAX of both senders. Bob sends b only when her message b - AHEAD_MAX has come back, so he is ahead
// of her by AHEAD_MAX at most. Then a + b exceeds 2 * (a - AHEAD_MAX) - UNACKNOWLEDGED_MAX by this much:
const _: () = assert!(
    3 * AHEAD_MAX + UNACKNOWLEDGED_MAX <= WINDOW,
    "the session could be ended for no fault of the client"
);

/// What has arrived, for the senders that must not run ahead of it.
#[derive(Default)]
struct Arrived {
    of_alice: AtomicU64,
    of_bob: AtomicU64,
    more: Notify,
}

impl Arrived {
    fn of_both(&self) -> u64 {
        self.of_alice.load(Ordering::Relaxed).min(self.of_bob.load(Ordering::Relaxed))
    }

    /// Waits until a message may be sent.
    async fn admit(&self, number: u64) {
        while number >= self.of_both() + AHEAD_MAX {
            let more = self.more.notified();
            if number >= self.of_both() + AHEAD_MAX {
                more.await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_both_ways_arrive_once_and_in_order_through_two_hundred_cuts_and_silences() {
    survive(Protocol::JsonReliable, 0x5eed_0001, 80_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protobuf_survives_them_too() {
    survive(Protocol::ProtobufReliable, 0x5eed_0002, 16_000).await;
}

/// Frames of protobuf are smaller, so its sockets last for fewer bytes.
async fn survive(protocol: Protocol, seed: u64, bytes_max: u64) {
    let server = Server::start();
    let proxy = Proxy::start_with(server.address(), Plan::new(seed, FAULTS, bytes_max)).await;
    let alice = impatient(Client::builder(server.url_via("alice", &proxy.address)))
        .protocol(protocol)
        .keep_alive_interval(Duration::from_millis(50))
        .keep_alive_timeout(Duration::from_millis(300))
        .connect_timeout(Duration::from_millis(1000))
        .build();
    let bob = server.started("bob").await;
    let events = alice.events();
    // The first connection may be cut before the greeting, which is told to the one who starts.
    while alice.start().await.is_err() {}
    alice.join_group("g").await.expect("it may join");

    let arrived = Arrived::default();
    let run = async {
        tokio::join!(publish_alice(&alice, &arrived), publish_bob(&bob, &arrived), receive(events, &arrived))
    };
    let ((), (), recoveries) =
        tokio::time::timeout(Duration::from_secs(300), run).await.expect("nothing is lost");
    assert_eq!(proxy.faults(), FAULTS, "every fault of seed {seed:#x} has happened");
    // Some faults hit a socket before its session goes on, so there are fewer recoveries than faults.
    assert!(recoveries > u64::from(FAULTS) / 2, "{recoveries} recoveries");
}

/// Many at a time, so that cuts hit requests that are written and not answered.
#[expect(clippy::async_yields_async, reason = "the stream is one of requests that are yet to be awaited")]
async fn publish_alice(alice: &Client, arrived: &Arrived) {
    let sends = stream::iter(0..MESSAGES).then(|number| async move {
        arrived.admit(number).await;
        alice.send_to_group("g", format!("a{number}")).into_future()
    });
    let mut answers = std::pin::pin!(sends.buffered(64));
    while let Some(answer) = answers.next().await {
        let acknowledged = answer.expect("it is sent once, whatever happens");
        assert!(!acknowledged.in_doubt, "the session is never lost");
    }
}

async fn publish_bob(bob: &Client, arrived: &Arrived) {
    for number in 0..MESSAGES {
        arrived.admit(number).await;
        bob.send_to_group("g", format!("b{number}")).await.expect("it may send");
    }
}

async fn receive(mut events: Events, arrived: &Arrived) -> u64 {
    let (mut of_alice, mut of_bob, mut recoveries) = (0, 0, 0);
    while (of_alice, of_bob) != (MESSAGES, MESSAGES) {
        match patiently("a message", events.next()).await.expect("the client is there") {
            Event::GroupMessage(message) => {
                let text = message.data.as_text().expect("it is text");
                let (expected, counter) = match text.as_bytes()[0] {
                    b'a' => (&mut of_alice, &arrived.of_alice),
                    _ => (&mut of_bob, &arrived.of_bob),
                };
                assert_eq!(text[1..].parse(), Ok(*expected), "lost, twice or out of order: {text}");
                *expected += 1;
                counter.store(*expected, Ordering::Relaxed);
                arrived.more.notify_waiters();
            }
            Event::Recovered(_) => recoveries += 1,
            Event::Disconnected(lost) => panic!("the session is lost: {lost:?}"),
            _ => {}
        }
    }
    recoveries
}
