//! A TCP proxy that does what networks do: cut sockets in the middle of a frame, or fall silent.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, broadcast},
    task::JoinHandle,
};

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both sockets end without a word.
    Cut,
    /// Nothing is passed on any more, and neither side is told.
    Silence,
}

/// Faults of one run, from a seed: each connection gets one after a random number of bytes, until all have happened.
#[derive(Debug)]
pub(crate) struct Plan {
    random: Random,
    faults_left: u32,
    bytes_max: u64,
    /// One fault in so many is a silence.
    silence_one_in: u64,
}

impl Plan {
    pub(crate) fn new(seed: u64, faults: u32, bytes_max: u64) -> Self {
        Self { random: Random(seed), faults_left: faults, bytes_max, silence_one_in: 5 }
    }

    fn next(&mut self) -> Option<(u64, Fault)> {
        self.faults_left = self.faults_left.checked_sub(1)?;
        let silence = self.random.below(self.silence_one_in) == 0;
        let after_bytes = self.random.below(self.bytes_max);
        Some((after_bytes, if silence { Fault::Silence } else { Fault::Cut }))
    }
}

/// splitmix64.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

pub(crate) struct Proxy {
    pub(crate) address: String,
    orders: broadcast::Sender<Fault>,
    accepted: Arc<Notify>,
    faults: Arc<AtomicU32>,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// Passes everything on until it is told otherwise.
    pub(crate) async fn start(target: String) -> Self {
        Self::start_with(target, Plan::new(0, 0, 1)).await
    }

    pub(crate) async fn start_with(target: String, plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (orders, _) = broadcast::channel(16);
        let accepted = Arc::new(Notify::new());
        let faults = Arc::new(AtomicU32::new(0));
        let accept =
            accept(listener, target, Mutex::new(plan), orders.clone(), accepted.clone(), faults.clone());
        Self { address, orders, accepted, faults, listener: tokio::spawn(accept) }
    }

    /// Does something to every connection that is open, and waits for one if there is none: after a cut, clients
    /// take a while to come back.
    pub(crate) async fn inflict(&self, fault: Fault) {
        while self.orders.send(fault).is_err() {
            self.accepted.notified().await;
        }
    }

    /// How many faults of the plan have happened.
    pub(crate) fn faults(&self) -> u32 {
        self.faults.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    plan: Mutex<Plan>,
    orders: broadcast::Sender<Fault>,
    accepted: Arc<Notify>,
    faults: Arc<AtomicU32>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let fate = plan.lock().expect("nobody panics under it").next();
        let (target, orders, faults) = (target.clone(), orders.subscribe(), faults.clone());
        accepted.notify_one();
        tokio::spawn(async move {
            // A service that is not there ends the connection, as it would without a proxy.
            if let Ok(service) = TcpStream::connect(target).await {
                relay(client, service, fate, orders, &faults).await;
            }
        });
    }
}

async fn relay(
    mut client: TcpStream,
    mut service: TcpStream,
    fate: Option<(u64, Fault)>,
    mut orders: broadcast::Receiver<Fault>,
    faults: &AtomicU32,
) {
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    let mut left = fate.map_or(u64::MAX, |(after_bytes, _)| after_bytes);
    let fault = loop {
        // What is over the number of bytes is not passed on, so a frame may end in its middle.
        let within = |read: usize| read.min(usize::try_from(left).unwrap_or(usize::MAX));
        let passed = tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(read) if read > 0 => pass(&mut service, &up[..within(read)]).await,
                _ => return,
            },
            read = service.read(&mut down) => match read {
                Ok(read) if read > 0 => pass(&mut client, &down[..within(read)]).await,
                _ => return,
            },
            order = orders.recv() => match order {
                Ok(fault) => break fault,
                Err(_) => return,
            },
        };
        let Some(passed) = passed else { return };
        left -= passed;
        if left == 0
            && let Some((_, fault)) = fate
        {
            faults.fetch_add(1, Ordering::Relaxed);
            break fault;
        }
    };
    if fault == Fault::Silence {
        // Both sockets stay open until the client gives up; the service then still believes in its own for a while.
        while client.read(&mut up).await.is_ok_and(|read| read > 0) {}
    }
}

async fn pass(to: &mut TcpStream, bytes: &[u8]) -> Option<u64> {
    to.write_all(bytes).await.ok()?;
    Some(bytes.len() as u64)
}
