//! Which registries are of ECR, and what their names say: the region and where the API for it is.

/// A registry of ECR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Registry {
    pub(super) region: String,
    pub(super) is_public: bool,
    api_host: String,
    /// Of the names in this part of AWS: `amazonaws.com`.
    pub(super) suffix: &'static str,
}

/// The parts of AWS, by the ends of their names.
const SUFFIXES: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];
/// Names that have IPv6 addresses too: of a registry, of the API, and of everything else there.
const DUAL: [(&str, &str, &str); 2] = [
    ("on.aws", "api.aws", "amazonaws.com"),
    ("on.amazonwebservices.com.cn", "api.amazonwebservices.com.cn", "amazonaws.com.cn"),
];

impl Registry {
    /// `None` for a host that is not of ECR; the whole name counts, for the login is shown to what bears it.
    pub(in super::super) fn parse(host: &str) -> Option<Self> {
        if ["public.ecr.aws", "ecr-public.aws.com"].contains(&host) {
            // The only region that gives logins for it.
            let (region, api_host) = ("us-east-1".to_owned(), "api.ecr-public.us-east-1.amazonaws.com".to_owned());
            return Some(Self { region, is_public: true, api_host, suffix: "amazonaws.com" });
        }
        let (account, rest) = host.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let rest = rest.strip_prefix("dkr.ecr").or_else(|| rest.strip_prefix("dkr-ecr"))?;
        let (fips, rest) = rest.strip_prefix("-fips").map_or((false, rest), |rest| (true, rest));
        let (region, end) = rest.strip_prefix('.')?.split_once('.')?;
        if !is_account || !is_region(region) {
            return None;
        }
        let (api_host, suffix) = api(region, end, fips)?;
        Some(Self { region: region.to_owned(), is_public: false, api_host, suffix })
    }

    pub(in super::super) fn api_host(&self) -> &str {
        &self.api_host
    }
}

fn api(region: &str, end: &str, fips: bool) -> Option<(String, &'static str)> {
    let name = if fips { "ecr-fips" } else { "ecr" };
    if let Some((_, api, suffix)) = DUAL.iter().find(|(registry, ..)| *registry == end) {
        return Some((format!("{name}.{region}.{api}"), suffix));
    }
    let suffix = SUFFIXES.iter().find(|suffix| **suffix == end)?;
    let name = if fips { name } else { "api.ecr" };
    Some((format!("{name}.{region}.{suffix}"), suffix))
}

pub(super) fn is_region(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(is_fit) && text.contains('-')
}

/// The end of the names in the part of AWS that a host belongs to.
pub(super) fn suffix_of(host: &str) -> Option<&'static str> {
    SUFFIXES.into_iter().find(|suffix| host.strip_suffix(suffix).is_some_and(|front| front.ends_with('.')))
}
