use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hubwire_protocol::{HubName, UserId};

use super::addresses::counted;
use crate::Limits;

/// How many WebSocket connections the process has: all together, and of each hub, user and address that is bounded.
///
/// Locked only when a socket comes or goes, never while it is served.
#[derive(Debug, Default)]
pub(crate) struct Census {
    connections: AtomicUsize,
    counts: Mutex<Counts>,
    /// Sockets of each address that are not, or not yet, WebSocket connections.
    http: Mutex<HashMap<IpAddr, usize>>,
}

#[derive(Debug, Default)]
struct Counts {
    hubs: HashMap<HubName, usize>,
    users: HashMap<(HubName, UserId), usize>,
    addresses: HashMap<IpAddr, usize>,
}

/// For whom a place is wanted. Its user comes later, since an application may name it: [`Place::seat`].
pub(crate) struct Wanted<'a> {
    pub(crate) hub: &'a HubName,
    /// `None` if it came through another node, which has counted it.
    pub(crate) address: Option<IpAddr>,
    /// The client comes back to a session that it has. It is counted, but only `connections_max` refuses it: its old socket may not have been
    /// noticed to be gone.
    pub(crate) recovers: bool,
}

/// One place among the process's WebSocket connections, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    census: Arc<Census>,
    /// What else is counted; nothing if nothing else is bounded.
    counted: Option<Box<Counted>>,
}

#[derive(Debug)]
struct Counted {
    hub: Option<HubName>,
    user: Option<(HubName, UserId)>,
    address: Option<IpAddr>,
}

impl Counted {
    const NOTHING: Self = Self { hub: None, user: None, address: None };
}

impl Census {
    /// Takes a place, or counts a refusal.
    ///
    /// # Errors
    /// The name of the bound that has been reached.
    pub(crate) fn take(
        self: &Arc<Self>,
        limits: &Limits,
        wanted: &Wanted<'_>,
    ) -> Result<Place, &'static str> {
        let below = |count: usize| (count < limits.connections_max).then_some(count + 1);
        self.connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, below)
            .map_err(|_| refused("connections_max"))?;
        // From here on dropping it gives the place back.
        let mut place = Place { census: self.clone(), counted: None };
        let (hub_max, address_max) = (limits.connections_per_hub_max, limits.connections_per_address_max);
        let hub = hub_max.map(|_| wanted.hub.clone());
        let address = address_max.and(wanted.address).map(counted);
        if hub.is_none() && address.is_none() {
            return Ok(place);
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if !wanted.recovers && is_full(&counts.hubs, hub.as_ref(), hub_max) {
            return Err(refused("connections_per_hub_max"));
        }
        if !wanted.recovers && is_full(&counts.addresses, address.as_ref(), address_max) {
            return Err(refused("connections_per_address_max"));
        }
        add(&mut counts.hubs, hub.as_ref());
        add(&mut counts.addresses, address.as_ref());
        place.counted = Some(Box::new(Counted { hub, address, ..Counted::NOTHING }));
        Ok(place)
    }

    /// Takes a place among the address's sockets that are not WebSocket connections, or none if it has as many as it may.
    pub(crate) fn take_http(self: &Arc<Self>, address: IpAddr, bound: usize) -> Option<HttpPlace> {
        let address = counted(address);
        let mut counts = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        if is_full(&counts, Some(&address), Some(bound)) {
            return None;
        }
        add(&mut counts, Some(&address));
        Some(HttpPlace { census: self.clone(), address })
    }
}

impl Place {
    /// Counts the place for a user as well, once it is known, or counts a refusal.
    ///
    /// # Errors
    /// The name of the bound that has been reached.
    pub(crate) fn seat(
        &mut self,
        limits: &Limits,
        hub: &HubName,
        user: Option<&UserId>,
        recovers: bool,
    ) -> Result<(), &'static str> {
        let (Some(user_max), Some(user)) = (limits.connections_per_user_max, user) else {
            return Ok(());
        };
        let user = (hub.clone(), user.clone());
        let mut counts = self.census.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if !recovers && is_full(&counts.users, Some(&user), Some(user_max)) {
            return Err(refused("connections_per_user_max"));
        }
        add(&mut counts.users, Some(&user));
        self.counted.get_or_insert_with(|| Box::new(Counted::NOTHING)).user = Some(user);
        Ok(())
    }
}

/// One place among the sockets of an address that are not WebSocket connections, given back when dropped.
pub(crate) struct HttpPlace {
    census: Arc<Census>,
    address: IpAddr,
}

impl Drop for HttpPlace {
    fn drop(&mut self) {
        let mut counts = self.census.http.lock().unwrap_or_else(PoisonError::into_inner);
        subtract(&mut counts, Some(&self.address));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.census.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(counted) = self.counted.take() {
            let mut counts = self.census.counts.lock().unwrap_or_else(PoisonError::into_inner);
            subtract(&mut counts.hubs, counted.hub.as_ref());
            subtract(&mut counts.users, counted.user.as_ref());
            subtract(&mut counts.addresses, counted.address.as_ref());
        }
    }
}

/// Counts a connection that finds no place.
fn refused(limit: &'static str) -> &'static str {
    metrics::counter!("webpubsub_connections_refused_total", "limit" => limit).increment(1);
    limit
}

fn is_full<K: Hash + Eq>(counts: &HashMap<K, usize>, key: Option<&K>, bound: Option<usize>) -> bool {
    let count = key.map_or(0, |key| counts.get(key).copied().unwrap_or_default());
    key.is_some() && bound.is_some_and(|bound| count >= bound)
}

fn add<K: Hash + Eq + Clone>(counts: &mut HashMap<K, usize>, key: Option<&K>) {
    if let Some(key) = key {
        *counts.entry(key.clone()).or_default() += 1;
    }
}

fn subtract<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: Option<&K>) {
    let Some(key) = key else { return };
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(name: &str) -> HubName {
        HubName::parse(name).expect("it is a name")
    }

    fn taken(
        census: &Arc<Census>,
        limits: &Limits,
        user: &str,
        address: &str,
    ) -> Result<Place, &'static str> {
        let (hub, user) = (hub("chat"), UserId::from_token(user));
        let address = Some(address.parse().expect("it is an address"));
        let mut place = census.take(limits, &Wanted { hub: &hub, address, recovers: false })?;
        place.seat(limits, &hub, Some(&user), false)?;
        Ok(place)
    }

    #[test]
    fn each_bound_refuses_by_its_name_and_a_place_that_is_given_back_is_free() {
        let census = Arc::new(Census::default());
        let limits = Limits {
            connections_max: 4,
            connections_per_hub_max: Some(3),
            connections_per_user_max: Some(1),
            connections_per_address_max: Some(2),
            ..Limits::default()
        };
        let first = taken(&census, &limits, "alice", "192.0.2.1").expect("there is room");
        assert_eq!(taken(&census, &limits, "alice", "192.0.2.2").err(), Some("connections_per_user_max"));
        let _second = taken(&census, &limits, "bob", "192.0.2.1").expect("there is room");
        assert_eq!(taken(&census, &limits, "carol", "192.0.2.1").err(), Some("connections_per_address_max"));
        let _third = taken(&census, &limits, "carol", "192.0.2.2").expect("there is room");
        assert_eq!(taken(&census, &limits, "dave", "192.0.2.3").err(), Some("connections_per_hub_max"));
        drop(first);
        let _again = taken(&census, &limits, "alice", "192.0.2.1").expect("a place was given back");
        let other = Wanted { hub: &hub("other"), address: None, recovers: true };
        let _fourth = census.take(&limits, &other).expect("another hub has room");
        assert_eq!(census.take(&limits, &other).err(), Some("connections_max"));
    }

    #[test]
    fn a_refused_socket_leaves_nothing_behind() {
        let census = Arc::new(Census::default());
        let limits = Limits { connections_per_user_max: Some(1), ..Limits::default() };
        let place = taken(&census, &limits, "alice", "192.0.2.1").expect("there is room");
        for _ in 0..3 {
            assert!(taken(&census, &limits, "alice", "192.0.2.1").is_err());
        }
        drop(place);
        assert_eq!(census.connections.load(Ordering::Relaxed), 0);
        assert!(census.counts.lock().expect("nobody panicked").users.is_empty());
    }

    #[test]
    fn a_client_that_comes_back_is_counted_and_not_refused() {
        let census = Arc::new(Census::default());
        let limits = Limits { connections_per_user_max: Some(1), ..Limits::default() };
        let (hub, user) = (hub("chat"), UserId::from_token("alice"));
        let old = taken(&census, &limits, "alice", "192.0.2.1").expect("there is room");
        let wanted = Wanted { hub: &hub, address: None, recovers: true };
        let mut new = census.take(&limits, &wanted).expect("it has a session");
        new.seat(&limits, &hub, Some(&user), true).expect("it has a session");
        drop(old);
        assert_eq!(taken(&census, &limits, "alice", "192.0.2.1").err(), Some("connections_per_user_max"));
    }
}
