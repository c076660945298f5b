use std::net::IpAddr;

use hubwire_gateway::Addresses;
use ipnet::IpNet;
use toml::Spanned;

use super::error::ConfigError;
use super::file::{AddressesTable, File};

/// Reads the table `[addresses]`.
pub(super) fn addresses(file: &File) -> Result<Addresses, ConfigError> {
    let AddressesTable { allow, deny, trusted_proxies, proxy_protocol } = &file.table.addresses;
    let networks = |setting: &str, list: &[Spanned<String>]| {
        list.iter().map(|text| network(file, setting, text)).collect::<Result<Vec<_>, _>>()
    };
    let addresses = Addresses {
        allow: networks("allow", allow)?,
        deny: networks("deny", deny)?,
        trusted_proxies: networks("trusted_proxies", trusted_proxies)?,
        proxy_protocol: proxy_protocol.as_ref().is_some_and(|given| *given.get_ref()),
    };
    if let Some(given) = proxy_protocol
        && addresses.proxy_protocol
        && addresses.trusted_proxies.is_empty()
    {
        return Err(file
            .given("addresses.proxy_protocol", given)
            .error("nobody is believed: `addresses.trusted_proxies` lists the proxies that speak it"));
    }
    Ok(addresses)
}

/// A network, such as 10.0.0.0/8 or 2001:db8::/32, or a single address.
fn network(file: &File, setting: &str, text: &Spanned<String>) -> Result<IpNet, ConfigError> {
    let given = file.given(&format!("addresses.{setting}"), text);
    let read = |text: &String| {
        let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = text.parse::<IpNet>().ok().or_else(single);
        network.map(|network| network.trunc()).ok_or_else(|| {
            format!("`{text}` is neither a network, such as 10.0.0.0/8 or 2001:db8::/32, nor an address")
        })
    };
    Ok(given.try_map(read)?.value)
}
