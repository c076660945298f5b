use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use hubwire_hub::Pace;

use super::addresses::counted;

/// Addresses whose handshakes are remembered. At 24 bytes each and twice the room in a table, some 5 MB. Those who have been quiet for a
/// second are forgotten; if more than so many have not, one more is let in without being counted: better than to refuse a stranger for
/// what others do, since `connections_max` and the shedding of an overloaded service hold anyway.
const ADDRESSES_MAX: usize = 100_000;

/// How fast each address makes handshakes.
#[derive(Debug, Default)]
pub(crate) struct HandshakePaces(Mutex<HashMap<IpAddr, Pace>>);

impl HandshakePaces {
    /// Counts a handshake; `false` if the address has made as many as it may.
    pub(crate) fn admit(&self, address: IpAddr, per_s: u64, now_us: u64) -> bool {
        let address = counted(address);
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= ADDRESSES_MAX && !paces.contains_key(&address) {
            paces.retain(|_, pace| !pace.is_idle(now_us));
            if paces.len() >= ADDRESSES_MAX {
                metrics::counter!("webpubsub_handshake_addresses_uncounted_total").increment(1);
                return true;
            }
        }
        let pace = paces.entry(address).or_default();
        let passed = pace.try_pass(per_s, now_us);
        *pace = passed.unwrap_or(*pace);
        passed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_address_does_not_slow_another() {
        let paces = HandshakePaces::default();
        let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        assert!(paces.admit(one, 2, 1) && paces.admit(one, 2, 1));
        assert!(!paces.admit(one, 2, 1));
        assert!(paces.admit(other, 2, 1));
        assert!(paces.admit(one, 2, 500_001));
    }

    #[test]
    fn those_who_are_quiet_are_forgotten_and_a_stranger_is_never_refused_for_others() {
        let paces = HandshakePaces::default();
        let address = |number: usize| IpAddr::V4(Ipv4Addr::from_bits(number as u32));
        assert!((0..ADDRESSES_MAX).all(|number| paces.admit(address(number), 1, 1)));
        assert!(paces.admit(address(ADDRESSES_MAX), 1, 1));
        assert_eq!(paces.0.lock().expect("nobody panicked").len(), ADDRESSES_MAX);
        assert!(paces.admit(address(ADDRESSES_MAX), 1, 2_000_000));
        assert_eq!(paces.0.lock().expect("nobody panicked").len(), 1);
    }
}
