use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where calls may go. What an operator forbids is refused before a connection is made, by the address that a name resolved to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    /// If any: only these hosts, or hosts below one that begins with a dot. In lower case.
    pub allowed_hosts: Vec<String>,
    /// Loopback, private, link-local and other addresses that are not of the public network are refused.
    pub forbid_private: bool,
}

/// Why a call may not go where it would.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The host is not among those that are allowed.
    #[error("the host `{0}` is not allowed: setting upstream.allowed_hosts")]
    Host(String),
    /// The address is not of the public network.
    #[error("`{0}` is {1}, which is not a public address: setting upstream.forbid_private_addresses")]
    Address(String, IpAddr),
}

impl Egress {
    /// Judges a host as a URL names it; one that is an address is judged as such.
    ///
    /// # Errors
    /// [`EgressError`] if calls may not go there.
    pub fn check_host(&self, host: &str) -> Result<(), EgressError> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let allowed = |pattern: &String| match pattern.strip_prefix('.') {
            Some(domain) => host.strip_suffix(domain).is_some_and(|name| name.ends_with('.')),
            None => host == pattern,
        };
        if !self.allowed_hosts.is_empty() && !self.allowed_hosts.iter().any(allowed) {
            return Err(EgressError::Host(host.to_owned()));
        }
        match host.parse::<IpAddr>() {
            Ok(address) => self.check_address(host, address),
            Err(_) => Ok(()),
        }
    }

    /// Judges an address that a host resolved to.
    ///
    /// # Errors
    /// [`EgressError::Address`] if calls may not go there.
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), EgressError> {
        if self.forbid_private && !is_public(address) {
            return Err(EgressError::Address(host.to_owned(), address));
        }
        Ok(())
    }

    /// Leaves only addresses that calls may go to.
    ///
    /// # Errors
    /// [`EgressError`] of the first address, if none is left.
    pub fn filter(&self, host: &str, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, EgressError> {
        let mut refused = None;
        let mut allowed = Vec::with_capacity(addresses.len());
        for address in addresses {
            match self.check_address(host, address.ip()) {
                Ok(()) => allowed.push(address),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(error) if allowed.is_empty() => Err(error),
            _ => Ok(allowed),
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let protocol = (first, second, third) == (192, 0, 0);
    let benchmark = first == 198 && matches!(second, 18 | 19);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || first == 0
        || first >= 240
        || shared
        || protocol
        || benchmark)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // NAT64 and 6to4 addresses carry an IPv4 address that decides.
    let octets = address.octets();
    let embedded = match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some([octets[12], octets[13], octets[14], octets[15]]),
        [0x2002, ..] => Some([octets[2], octets[3], octets[4], octets[5]]),
        _ => None,
    };
    if let Some(octets) = embedded {
        return is_public_v4(octets.into());
    }
    let documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
    // What is in use of the public network is 2000::/3.
    segments[0] & 0xe000 == 0x2000 && !documentation
}
