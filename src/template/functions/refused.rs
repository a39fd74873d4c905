//! The functions of sprig's hermetic set that are not here, with the reason. Those outside of that set are unknown, as
//! in Go.

/// Why there is no function of that name, if sprig has one.
pub(in super::super) fn reason(name: &str) -> Option<&'static str> {
    Some(match name {
        "ago" => "its answer depends on the time of the rendering",
        "bcrypt" | "encryptAES" | "htpasswd" => "its answer is another one each time, as it is salted by chance",
        "randInt" | "shuffle" => "its answer is another one each time, as it is made by chance",
        "buildCustomCert"
        | "genCA"
        | "genCAWithKey"
        | "genPrivateKey"
        | "genSelfSignedCert"
        | "genSelfSignedCertWithKey"
        | "genSignedCert"
        | "genSignedCertWithKey" => "keys and certificates are not made in templates",
        _ => return None,
    })
}
