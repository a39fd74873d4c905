//! The address guard: which kinds of addresses a request may reach.
//!
//! A server that is told a URL by another server must not be led into the network that it stands in
//! (CVE-2026-48978, CVE-2026-33540). Names are checked at the moment of the connection, so that an answer of the
//! DNS that changes in between changes nothing. Where a proxy of the environment connects, the proxy resolves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    Public,
    Private,
    Loopback,
    /// Link-local, the metadata services of clouds, multicast, reserved: nothing that serves HTTP to others.
    LinkLocal,
}

/// The classes of addresses that a request may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reach {
    private: bool,
    loopback: bool,
    link_local: bool,
}

/// Gives the addresses of a name.
pub type Names = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// A name that leads to an address outside of the [`Reach`].
#[derive(Debug, thiserror::Error)]
#[error("address {0} is not public")]
pub(super) struct OutOfReach(pub(super) IpAddr);

impl Reach {
    /// For hosts that the user named.
    pub const ANY: Self = Self { private: true, loopback: true, link_local: true };
    /// For hosts that strangers named.
    pub const PUBLIC: Self = Self { private: false, loopback: false, link_local: false };

    /// Public addresses, and private or loopback ones if `address` is such.
    pub fn of(address: IpAddr) -> Self {
        let class = class(address);
        Self { private: class == AddressClass::Private, loopback: class == AddressClass::Loopback, link_local: false }
    }

    pub fn admits(self, address: IpAddr) -> bool {
        match class(address) {
            AddressClass::Public => true,
            AddressClass::Private => self.private,
            AddressClass::Loopback => self.loopback,
            AddressClass::LinkLocal => self.link_local,
        }
    }

    /// Checks a URL whose host is written as an address; names are checked by the [`GuardedResolver`].
    pub(super) fn check(self, url: &Url) -> Result<(), OutOfReach> {
        match literal(url) {
            Some(address) if !self.admits(address) => Err(OutOfReach(address)),
            _ => Ok(()),
        }
    }
}

pub fn class(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| class_v6(v6), class_v4),
    }
}

/// Whether the URL's host is this machine by its very name: a loopback address, `localhost` or a name below it.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        _ => literal(url).is_some_and(|address| class(address) == AddressClass::Loopback),
    }
}

/// Whether a credential may be sent to this URL: over https, to this machine, or where its user allows plain HTTP.
pub fn may_carry_credentials(url: &Url, insecure: bool) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && (insecure || is_loopback(url)))
}

fn class_v4(v4: Ipv4Addr) -> AddressClass {
    // Alibaba Cloud's metadata service lies in the shared range, Azure's agent for machines and Oracle's in public ones.
    const METADATA: [Ipv4Addr; 3] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
    let octets = v4.octets();
    let shared = octets[0] == 100 && (64..128).contains(&octets[1]);
    if v4.is_loopback() || octets[0] == 0 {
        AddressClass::Loopback
    } else if v4.is_link_local() || octets[0] >= 224 || METADATA.contains(&v4) {
        AddressClass::LinkLocal
    } else if v4.is_private() || shared || octets[..3] == [192, 0, 0] || (octets[0] == 198 && octets[1] & 0xfe == 18) {
        AddressClass::Private
    } else {
        AddressClass::Public
    }
}

fn class_v6(v6: Ipv6Addr) -> AddressClass {
    // Amazon's metadata service and its agent for pods lie in the range of unique local addresses, and Google's too.
    const METADATA: [Ipv6Addr; 3] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    if v6.is_loopback() || v6.is_unspecified() {
        AddressClass::Loopback
    } else if v6.is_unicast_link_local() || v6.is_multicast() || METADATA.contains(&v6) {
        AddressClass::LinkLocal
    } else if v6.is_unique_local() || v6.segments()[0] & 0xffc0 == 0xfec0 {
        AddressClass::Private
    } else {
        AddressClass::Public
    }
}

/// The IPv4 address that a mapped, compatible (`::/96`), NAT64 (`64:ff9b::/96`, and `64:ff9b:1::/48` of a network's own)
/// or 6to4 (`2002::/16`) address leads to.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(join(high, low)),
        // `::` and `::1` are none of these.
        [0, 0, 0, 0, 0, 0, high, low] if high > 0 => Some(join(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, .., high, low] => Some(join(high, low)),
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(v4) => Some(v4.into()),
        Host::Ipv6(v6) => Some(v6.into()),
        Host::Domain(_) => None,
    }
}

/// Resolves as the system does, or as `names` says, and gives the addresses within reach. A name that has none of them
/// is refused; one that has others too is reached where it may be.
pub(super) struct GuardedResolver {
    pub(super) reach: Reach,
    pub(super) names: Option<Names>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, names) = (self.reach, self.names.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> = match names {
                Some(names) => names(name.as_str()).into_iter().map(|address| (address, 0).into()).collect(),
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            let (within, outside): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| reach.admits(found.ip()));
            match (within.is_empty(), outside.first()) {
                (true, Some(address)) => Err(OutOfReach(address.ip()).into()),
                _ => Ok(Box::new(within.into_iter()) as Addrs),
            }
        })
    }
}
