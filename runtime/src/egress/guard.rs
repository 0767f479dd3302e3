//! Which addresses outgoing calls may reach: the public ones, and those that the operator lists.
//!
//! Asked for every address right before it is connected to, so that no answer of a name server and no spelling of
//! an address gets around it; and asked for literal addresses when a workflow is saved, so that its author hears
//! of it then. Knows no DNS.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{
    host_and_port,
    target::{self, Target},
};

/// How a range may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// By network, address or host.
    Network,
    /// Only by address or host: what listens there often trusts whoever can reach it.
    Exact,
}

/// A range that is not reached unless it is allowed.
#[derive(Debug)]
struct Range {
    net: IpNet,
    tier: Tier,
    what: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(a: u16, b: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix))
}

const fn range(net: IpNet, tier: Tier, what: &'static str) -> Range {
    Range { net, tier, what }
}

/// An IPv4 address in IPv6's clothes is looked at as what it is, so it needs none of its own.
///
/// Before them stand addresses within them at which clouds keep their credentials.
const RANGES: [Range; 27] = [
    range(v4(100, 100, 100, 200, 32), Tier::Exact, "a cloud's metadata"),
    range(
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128)),
        Tier::Exact,
        "a cloud's metadata",
    ),
    range(v4(0, 0, 0, 0, 8), Tier::Exact, "this host"),
    range(v4(10, 0, 0, 0, 8), Tier::Network, "private networks"),
    range(v4(100, 64, 0, 0, 10), Tier::Network, "carriers' networks"),
    range(v4(127, 0, 0, 0, 8), Tier::Exact, "loopback"),
    range(v4(169, 254, 0, 0, 16), Tier::Exact, "link-local, and clouds' metadata"),
    range(v4(172, 16, 0, 0, 12), Tier::Network, "private networks"),
    range(v4(192, 0, 0, 0, 24), Tier::Network, "protocol assignments"),
    range(v4(192, 0, 2, 0, 24), Tier::Network, "documentation"),
    range(v4(192, 88, 99, 0, 24), Tier::Network, "6to4 relays"),
    range(v4(192, 168, 0, 0, 16), Tier::Network, "private networks"),
    range(v4(198, 18, 0, 0, 15), Tier::Network, "benchmarks"),
    range(v4(198, 51, 100, 0, 24), Tier::Network, "documentation"),
    range(v4(203, 0, 113, 0, 24), Tier::Network, "documentation"),
    range(v4(224, 0, 0, 0, 4), Tier::Network, "multicast"),
    range(v4(240, 0, 0, 0, 4), Tier::Network, "reserved, and broadcast"),
    range(v6(0, 0, 128), Tier::Exact, "this host"),
    range(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)), Tier::Exact, "loopback"),
    range(v6(0xfc00, 0, 7), Tier::Network, "private networks"),
    range(v6(0xfe80, 0, 10), Tier::Exact, "link-local"),
    range(v6(0xff00, 0, 8), Tier::Network, "multicast"),
    range(v6(0x2001, 0xdb8, 32), Tier::Network, "documentation"),
    range(v6(0x3fff, 0, 20), Tier::Network, "documentation"),
    range(v6(0x64, 0xff9b, 96), Tier::Exact, "IPv4 addresses translated, whichever"),
    range(v6(0x2002, 0, 16), Tier::Exact, "6to4, to whichever IPv4 address"),
    range(v6(0x2001, 0, 32), Tier::Exact, "Teredo, to whichever IPv4 address"),
];

/// The port that a rule may end in, and what stands before it.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// What an operator allows beside the public addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    /// Whatever it resolves to.
    Host(Box<str>, Option<u16>),
}

/// What an entry of the list of what is allowed must be instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is neither a network nor an address nor a host.
    #[error("a network such as 10.1.0.0/16, an address, or a host, the last two with a port if need be")]
    Unreadable,
    /// The network has addresses that only their own entries may allow.
    #[error("an address or a host's name, not a network, because {net} is {what}")]
    Exact {
        /// The range.
        net: String,
        /// What the range is for.
        what: &'static str,
    },
}

/// Why an address is not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    address: IpAddr,
    port: u16,
    range: IpNet,
    what: &'static str,
    /// Which would allow it.
    setting: &'static str,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, port, range, what, setting } = self;
        let entry = SocketAddr::new(*address, *port);
        write!(
            f,
            "{address} is in {range} ({what}), which calls do not reach; the operator of this server can allow \
             it with {setting} = [\"{entry}\"]"
        )
    }
}

/// Which addresses outgoing calls may reach. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard {
    allowed: Arc<[Allowed]>,
    /// What the operator calls the list.
    setting: &'static str,
}

impl Default for Guard {
    fn default() -> Self {
        Self { allowed: Arc::default(), setting: "egress.allow" }
    }
}

impl Guard {
    /// Public addresses, and what these entries allow.
    ///
    /// # Errors
    /// The first entry that cannot be read, and why.
    pub fn new<'e>(entries: impl IntoIterator<Item = &'e str>) -> Result<Self, (String, EntryError)> {
        let read = |entry: &'e str| allowed(entry).map_err(|error| (entry.to_owned(), error));
        Ok(Self { allowed: entries.into_iter().map(read).collect::<Result<_, _>>()?, ..Self::default() })
    }

    /// Public addresses, and the host of a URL that the operator named, at its port.
    pub fn of_url(url: &str) -> Option<Self> {
        let (host, port) = host_and_port(url)?;
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        Self::new([format!("{host}:{port}").as_str()]).ok()
    }

    /// The same, by the entries of another setting than `egress.allow`.
    pub fn of_setting(self, setting: &'static str) -> Self {
        Self { setting, ..self }
    }

    /// Whether a host may be called at one of its addresses.
    ///
    /// # Errors
    /// The range that the address is in, where nothing allows it.
    pub fn check(&self, host: &str, address: SocketAddr) -> Result<(), Blocked> {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let Some(range) = RANGES.iter().find(|range| range.net.contains(&ip)) else { return Ok(()) };
        let allows = |allowed: &Allowed| match allowed {
            Allowed::Network(net) => range.tier == Tier::Network && net.contains(&ip),
            Allowed::Address(allowed, at) => *allowed == ip && at.is_none_or(|at| at == port),
            Allowed::Host(name, at) => **name == *plain(host) && at.is_none_or(|at| at == port),
        };
        if self.allowed.iter().any(allows) {
            return Ok(());
        }
        Err(Blocked { address: ip, port, range: range.net, what: range.what, setting: self.setting })
    }

    /// The same for the host of a URL, as far as that says by itself, without a name server, which address
    /// it is. What cannot be read as a URL here may be one later: only the scheme and the host count.
    ///
    /// # Errors
    /// Why the URL cannot be called.
    pub fn check_url(&self, url: &str) -> Result<(), String> {
        let target = Target::parse(url).map_err(|error| error.to_string())?;
        self.check_host(target.host(), target.port).map_err(|blocked| format!("{blocked}."))
    }

    pub(super) fn check_host(&self, host: &str, port: u16) -> Result<(), Blocked> {
        let name = plain(host);
        match host.parse::<IpAddr>() {
            Ok(address) => self.check(host, SocketAddr::new(address, port)),
            // RFC 6761: these names are this machine's own.
            Err(_) if name == "localhost" || name.ends_with(".localhost") => {
                self.check(host, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
            }
            Err(_) => Ok(()),
        }
    }
}

/// A host's name as it is compared.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn allowed(entry: &str) -> Result<Allowed, EntryError> {
    if let Ok(net) = entry.parse::<IpNet>() {
        return network(net.trunc());
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(Allowed::Address(address.to_canonical(), None));
    }
    let (host, port) = split_port(entry);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(Allowed::Address(address.to_canonical(), port));
    }
    let is_name = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
    if host.is_empty() || !host.bytes().all(is_name) || target::is_like_an_address(host) {
        return Err(EntryError::Unreadable);
    }
    Ok(Allowed::Host(plain(host).into(), port))
}

fn network(net: IpNet) -> Result<Allowed, EntryError> {
    if net.prefix_len() == net.max_prefix_len() {
        return Ok(Allowed::Address(net.addr().to_canonical(), None));
    }
    // An address in it is looked at as the IPv4 address that it is.
    if matches!(net, IpNet::V6(net) if net.addr().to_ipv4_mapped().is_some() && net.prefix_len() >= 96) {
        return Err(EntryError::Unreadable);
    }
    // One that is wider, 0.0.0.0/0 for instance, allows what of it may be allowed so.
    match RANGES.iter().find(|range| range.tier == Tier::Exact && range.net.contains(&net)) {
        Some(Range { net, what, .. }) => Err(EntryError::Exact { net: net.to_string(), what }),
        None => Ok(Allowed::Network(net)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_reached(guard: &Guard, host: &str, address: &str) -> bool {
        guard.check(host, SocketAddr::new(address.parse().expect("an address"), 80)).is_ok()
    }

    /// "Exactly the listed ranges": the first and the last address of each, and not their neighbours.
    #[test]
    fn exactly_the_listed_ranges_are_blocked() {
        let none = Guard::default();
        for (first, last, before, after) in [
            ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
            ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
            ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
            ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
            ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
            ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
            ("192.88.99.0", "192.88.99.255", Some("192.88.98.255"), Some("192.88.100.0")),
            ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
            ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
            ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
            ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
            ("224.0.0.0", "255.255.255.255", Some("223.255.255.255"), None),
            ("::", "::1", None, Some("::2")),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("fbff::1"), Some("fe00::")),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("fe7f::1"), Some("fec0::")),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("feff::1"), None),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:db7::1"), Some("2001:db9::")),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3ffe::1"), Some("3fff:1000::")),
            ("64:ff9b::", "64:ff9b::ffff:ffff", Some("64:ff9a::1"), Some("64:ff9b::1:0:0")),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:ffff::1"), Some("2003::")),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Some("2000:ffff::1"), Some("2001:1::")),
        ] {
            for address in [first, last] {
                assert!(!is_reached(&none, "a.example", address), "{address} is reached");
            }
            for address in [before, after].into_iter().flatten() {
                assert!(is_reached(&none, "a.example", address), "{address} is not reached");
            }
        }
        for public in ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"] {
            assert!(is_reached(&none, public, public));
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6s_clothes_is_what_it_is() {
        let none = Guard::default();
        for blocked in ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"] {
            assert!(!is_reached(&none, "a.example", blocked), "{blocked}");
        }
        assert!(is_reached(&none, "a.example", "::ffff:8.8.8.8"));
        let one = Guard::new(["127.0.0.1"]).expect("a list");
        assert!(is_reached(&one, "a.example", "::ffff:127.0.0.1"));
    }

    #[test]
    fn a_private_network_is_allowed_by_network_address_or_host_and_this_machine_only_by_the_last_two() {
        let guard = Guard::new([
            "10.1.0.0/16",
            "192.168.0.7",
            "Billing.Internal",
            "[::1]:8081",
            "0.0.0.0/0",
            "fd00::/8",
        ]);
        let guard = guard.expect("a list");
        for (host, address, expected) in [
            ("a.example", "10.1.255.255", true),
            ("a.example", "192.168.0.7", true),
            ("a.example", "fd12::1", true),
            ("a.example", "fc12::1", false),
            ("a.example", "127.0.0.1", false),
            ("a.example", "169.254.169.254", false),
            ("a.example", "0.0.0.0", false),
            ("a.example", "::1", false),
            ("a.example", "fd00:ec2::254", false),
            ("a.example", "100.100.100.200", false),
            ("a.example", "100.100.100.201", true),
            ("billing.internal", "127.0.0.1", true),
            ("BILLING.internal.", "fe80::1", true),
            ("notbilling.internal", "127.0.0.1", false),
            ("billing.internal.evil.example", "127.0.0.1", false),
        ] {
            assert_eq!(is_reached(&guard, host, address), expected, "{host} {address}");
        }
        let at = |port| guard.check("::1", SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port)).is_ok();
        assert!(at(8081) && !at(80));
    }

    #[test]
    fn what_is_no_entry_says_why() {
        for (entry, why) in [
            ("127.0.0.0/8", "not a network, because 127.0.0.0/8 is loopback"),
            ("127.0.0.0/24", "127.0.0.0/8 is loopback"),
            ("169.254.0.0/16", "metadata"),
            ("fe80::/64", "link-local"),
            ("64:ff9b::/96", "IPv4 addresses translated"),
            ("::ffff:10.0.0.0/104", "a network such as"),
            ("10.0.0.0/33", "a network such as"),
            ("http://a.example", "a network such as"),
            ("a.example/x", "a network such as"),
            ("a.example:99999", "a network such as"),
            ("*.example", "a network such as"),
            ("0x7f.1", "a network such as"),
            ("", "a network such as"),
        ] {
            let (named, error) = Guard::new([entry]).expect_err(entry);
            assert_eq!(named, entry);
            assert!(error.to_string().contains(why), "{entry}: {error}");
        }
        for entry in ["127.0.0.1/32", "::1/128", "localhost", "a-b.example:1", "[::1]"] {
            assert!(Guard::new([entry]).is_ok(), "{entry}");
        }
    }

    #[test]
    fn a_url_that_says_where_it_leads_is_looked_at_without_a_name_server() {
        let guard = Guard::new(["127.0.0.1:4180"]).expect("a list");
        for (url, expected) in [
            ("https://billing.example/x", None),
            ("http://127.0.0.1:4180/x", None),
            ("http://127.0.0.1:4181/", Some("127.0.0.1 is in 127.0.0.0/8 (loopback)")),
            ("http://[::ffff:10.0.0.1]/", Some("10.0.0.1 is in 10.0.0.0/8 (private networks)")),
            ("http://[fd00::1]/", Some("egress.allow = [\"[fd00::1]:80\"]")),
            ("http://localhost/", Some("loopback")),
            ("http://app.LOCALHOST./", Some("loopback")),
            ("http://0x7f.1/", Some("unusual spelling")),
        ] {
            match (guard.check_url(url), expected) {
                (Ok(()), None) => {}
                (Err(problem), Some(expected)) => assert!(problem.contains(expected), "{url}: {problem}"),
                (found, _) => panic!("{url}: {found:?}"),
            }
        }
    }
}
