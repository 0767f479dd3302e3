//! Names of headers: which may be set, and which seem to carry a credential.

/// Whether a header or a parameter of this name seems to carry a credential.
pub(super) fn is_credential(name: &str) -> bool {
    const WORDS: [&str; 9] =
        ["auth", "token", "secret", "password", "api-key", "api_key", "apikey", "signature", "cookie"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Why a header may not be set; `None` when it may.
pub(super) fn problem(name: &str) -> Option<&'static str> {
    let is_token = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        _ if !is_token => Some("is not a valid header name"),
        "host" | "content-length" | "transfer-encoding" | "connection" | "expect" | "upgrade" | "te"
        | "trailer" => Some("is set by Onward itself"),
        _ if lower.starts_with("webhook-") || lower.starts_with("onward-") => Some("is set by Onward itself"),
        _ => None,
    }
}
