use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies note whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// From where clients and applications may come, and whose word is taken for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// If there are any, nobody else may come in.
    pub allow: Vec<IpNet>,
    /// These may not, whatever `allow` says.
    pub deny: Vec<IpNet>,
    /// Proxies that say by `X-Forwarded-For`, or by the PROXY protocol, for whom they speak. Nobody else is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Trusted proxies begin every socket with a head of the PROXY protocol, version 1 or 2; one that does not is closed.
    pub proxy_protocol: bool,
}

impl Addresses {
    /// Whether somebody with this address may come in.
    pub fn admit(&self, address: IpAddr) -> bool {
        let listed = |list: &[IpNet]| list.iter().any(|net| net.contains(&address));
        !listed(&self.deny) && (self.allow.is_empty() || listed(&self.allow))
    }

    /// Whether this is a proxy whose word is taken.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&address))
    }

    /// Whose request this is: the last one in `X-Forwarded-For` who is not a trusted proxy. What stands further left is what that client
    /// itself claims, and could be made up.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trust(peer) {
            return peer;
        }
        let mut nearest = peer;
        let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
        let lines: Vec<&str> = lines.collect();
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            // Who cannot be read is as unknown as what stands before.
            let Some(address) = parse(entry.trim()) else { break };
            nearest = address;
            if !self.trust(address) {
                break;
            }
        }
        nearest
    }
}

/// An address, as proxies write it: alone, with a port, or in brackets.
fn parse(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    let address = entry.parse::<IpAddr>().ok().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

/// What counts as one address where addresses are counted: a subscriber of IPv6 has 2⁶⁴ of them, and could use a new one each time.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("it is a network")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("it is an address")
    }

    fn proxied() -> Addresses {
        Addresses { trusted_proxies: vec![net("10.0.0.0/8")], ..Addresses::default() }
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().expect("it is a header value"));
        }
        headers
    }

    #[test]
    fn who_is_denied_is_not_let_in_although_allowed() {
        let rules = Addresses {
            allow: vec![net("192.0.2.0/24")],
            deny: vec![net("192.0.2.7/32")],
            ..Addresses::default()
        };
        assert!(rules.admit(ip("192.0.2.8")));
        assert!(!rules.admit(ip("192.0.2.7")));
        assert!(!rules.admit(ip("198.51.100.1")));
        assert!(Addresses::default().admit(ip("2001:db8::1")));
    }

    #[test]
    fn the_last_address_that_a_trusted_proxy_names_is_the_client() {
        let cases: [(&str, &[&str], &str); 8] = [
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            // Nobody else is believed.
            ("203.0.113.1", &["198.51.100.1"], "203.0.113.1"),
        ];
        for (peer, lines, client) in cases {
            assert_eq!(proxied().client(ip(peer), &headers(lines)), ip(client), "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_network_of_one_subscriber_counts_as_one_address() {
        assert_eq!(counted(ip("2001:db8:0:1:2:3:4:5")), ip("2001:db8:0:1::"));
        assert_eq!(counted(ip("192.0.2.1")), ip("192.0.2.1"));
    }
}
