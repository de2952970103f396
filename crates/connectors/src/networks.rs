//! Which addresses may be called: the guard against server-side request forgery.
//!
//! Users type the addresses of their channels, so by default only the public internet can be reached: a channel at
//! `http://169.254.169.254` or `http://127.0.0.1` would let its author read what only this machine should see. `http.rs`
//! asks here for literal addresses and for each address that a name resolves to, at the moment of connecting, so that a
//! name that changes between two look-ups gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

const fn net(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

/// IPv4 networks that are not the public internet (IANA's special-purpose registry).
const SPECIAL_V4: [Ipv4Net; 15] = [
    net(0, 0, 0, 8),
    net(10, 0, 0, 8),
    net(100, 64, 0, 10),
    net(127, 0, 0, 8),
    net(169, 254, 0, 16),
    net(172, 16, 0, 12),
    net(192, 0, 0, 24),
    net(192, 0, 2, 24),
    net(192, 88, 99, 24),
    net(192, 168, 0, 16),
    net(198, 18, 0, 15),
    net(198, 51, 100, 24),
    net(203, 0, 113, 24),
    net(224, 0, 0, 4),
    net(240, 0, 0, 4),
];

/// The networks beyond the public internet that channels may live in.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// Private networks that the operator has opened, such as `127.0.0.0/8` for the demo shop.
    pub allowed: Vec<IpNet>,
}

impl Networks {
    /// Whether a connection to `address` may be made.
    pub fn permits(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.allowed.iter().any(|net| net.contains(&plain)) || is_public(plain)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|net| net.contains(&address))
}

/// Only global unicast (`2000::/3`) and NAT64, and there, where an IPv4 address is carried inside, only public ones.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        [0x2001, 0x0db8, ..] => false,
        [0x2001, second, ..] if second < 0x0200 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(networks: &Networks, address: &str) -> bool {
        networks.permits(address.parse().unwrap())
    }

    #[test]
    fn only_the_public_internet_is_permitted_unless_a_network_is_opened() {
        let closed = Networks::default();
        for address in ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"] {
            assert!(permits(&closed, address), "{address} is public");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.31.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2001:0:1::1",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permits(&closed, address), "{address} is not public");
        }
    }

    #[test]
    fn an_opened_network_is_permitted_in_either_spelling_and_nothing_beside_it() {
        let open = Networks { allowed: vec!["10.8.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()] };
        assert!(permits(&open, "10.8.3.4"));
        assert!(permits(&open, "::ffff:10.8.3.4"));
        assert!(permits(&open, "::1"));
        assert!(!permits(&open, "10.9.0.1"));
        assert!(!permits(&open, "127.0.0.1"));
    }
}
