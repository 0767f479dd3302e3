//! From a caller's URL, method and headers to what awc sends.
//!
//! Refuses what cannot be sent as meant. Knows no sockets, and no policy beyond HTTP's own.

use std::net::{Ipv4Addr, Ipv6Addr};

use awc::http::{
    Method, Uri,
    header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT},
    uri::{Authority, PathAndQuery, Scheme},
};

use super::SendError;

/// Where a request goes.
pub(super) struct Target {
    /// As the URL has it: host and, where given, port.
    pub(super) authority: Authority,
    pub(super) tls: bool,
    pub(super) port: u16,
    path: PathAndQuery,
}

/// Headers that HTTP itself needs to be right; they follow from the URL and the body.
const OURS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "expect",
];

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, SendError> {
        let uri = Uri::try_from(url).map_err(|error| invalid(error.to_string()))?;
        let parts = uri.into_parts();
        let tls = match parts.scheme.as_ref().map(Scheme::as_str) {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(invalid(format!("its scheme is {other:?}, not http or https"))),
            None => return Err(invalid("it does not begin with http:// or https://".to_owned())),
        };
        let Some(authority) = parts.authority else {
            return Err(invalid("it names no host".to_owned()));
        };
        if authority.as_str().contains('@') {
            return Err(invalid(
                "it contains a user name or password; put them into the step's authentication".to_owned(),
            ));
        }
        if authority.host().is_empty() {
            return Err(invalid("it names no host".to_owned()));
        }
        if let Some(problem) = host_problem(authority.host()) {
            return Err(invalid(problem.to_owned()));
        }
        let port = match &authority.as_str()[authority.host().len()..] {
            "" if tls => 443,
            "" => 80,
            given => match given.strip_prefix(':').and_then(|port| port.parse().ok()) {
                Some(port @ 1..) => port,
                _ => return Err(invalid("its port is not a number from 1 to 65535".to_owned())),
            },
        };
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { authority, tls, port, path })
    }

    /// The host, without the brackets of an IPv6 literal.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// Host and port, without a port that the scheme implies (RFC 9110, 7.2).
    pub(super) fn host_header(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.authority.host().to_owned(),
            (_, port) => format!("{}:{port}", self.authority.host()),
        }
    }

    /// The URL for awc, which must not see `https`: TLS is the connector's matter.
    pub(super) fn uri(&self) -> Result<Uri, SendError> {
        let parts = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone());
        parts.path_and_query(self.path.clone()).build().map_err(|error| invalid(error.to_string()))
    }
}

/// Whether a host that is not an IPv4 address in its usual form would be read as one: `0x7f.1`, `2130706433`.
pub(super) fn is_like_an_address(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_hex = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_number = !last.is_empty() && last.bytes().all(|digit| digit.is_ascii_digit());
    is_number || last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")).is_some_and(is_hex)
}

/// What is wrong with a host. An address has one spelling, so that whoever reads a URL sees where it leads.
fn host_problem(host: &str) -> Option<&'static str> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(literal) => literal.parse::<Ipv6Addr>().is_err().then_some("its host is not an IPv6 address"),
        None if is_like_an_address(host) && host.parse::<Ipv4Addr>().is_err() => Some(
            "its host is an address in an unusual spelling; write it as four numbers, such as 198.18.0.1",
        ),
        None => None,
    }
}

pub(super) fn method(method: &str) -> Result<Method, SendError> {
    match Method::from_bytes(method.as_bytes()) {
        // CONNECT asks for a tunnel, not for an answer.
        Ok(method) if method != Method::CONNECT => Ok(method),
        _ => Err(SendError::InvalidMethod { method: method.to_owned() }),
    }
}

/// Appends the caller's headers, and ours where the caller has not set it.
pub(super) fn append_headers(
    into: &mut HeaderMap,
    headers: &[(String, String)],
    user_agent: &HeaderValue,
) -> Result<(), SendError> {
    for (name, value) in headers {
        let refused = |reason| SendError::InvalidHeader { name: name.clone(), reason };
        let key =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("this is not a header name"))?;
        if OURS.contains(&key.as_str()) {
            return Err(refused("it follows from the URL and the body and cannot be set"));
        }
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| refused("its value contains a line break or another control character"))?;
        into.append(key, value);
    }
    if !into.contains_key(USER_AGENT) {
        into.insert(USER_AGENT, user_agent.clone());
    }
    Ok(())
}

fn invalid(reason: String) -> SendError {
    SendError::InvalidUrl { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        let check = |url: &str, host: &str, port: u16, header: &str, uri: &str| {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host(), target.port), (host, port), "{url}");
            assert_eq!(target.host_header(), header, "{url}");
            assert_eq!(target.uri().unwrap().to_string(), uri, "{url}");
        };
        check("http://a.example", "a.example", 80, "a.example", "http://a.example/");
        check("http://a.example:80/x", "a.example", 80, "a.example", "http://a.example:80/x");
        check("http://a.example:443/", "a.example", 443, "a.example:443", "http://a.example:443/");
        check("https://a.example/x?y=z", "a.example", 443, "a.example", "http://a.example/x?y=z");
        check("https://a.example:443", "a.example", 443, "a.example", "http://a.example:443/");
        check("https://a.example:80", "a.example", 80, "a.example:80", "http://a.example:80/");
        check("HTTPS://a.example?q", "a.example", 443, "a.example", "http://a.example/?q");
        check("http://[::1]:8080/#top", "::1", 8080, "[::1]:8080", "http://[::1]:8080/");
        check("https://[::1]/", "::1", 443, "[::1]", "http://[::1]/");
    }

    #[test]
    fn what_is_no_url_to_call_says_why() {
        let check = |url: &str, why: &str| match Target::parse(url).map(|target| target.authority) {
            Err(SendError::InvalidUrl { reason }) => assert!(reason.contains(why), "{url}: {reason}"),
            other => panic!("{url}: {other:?}"),
        };
        check("http://user:secret@a.example/", "password");
        check("http://user@a.example/", "user name");
        check("ftp://a.example/", "\"ftp\"");
        check("/only/a/path", "http://");
        check("a.example", "http://");
        check("http://:80/", "");
        check("http:///x", "");
        check("", "");
        check("http://a.example:0/", "port");
        check("http://a.example:/", "port");
        check("http://a.example:99999/", "");
        check("http://a b/", "");
    }

    #[test]
    fn headers_that_cannot_be_sent_are_refused() {
        let check = |name: &str, value: &str| {
            let headers = [(name.to_owned(), value.to_owned())];
            let refused = append_headers(&mut HeaderMap::new(), &headers, &HeaderValue::from_static("x"));
            assert!(matches!(refused, Err(SendError::InvalidHeader { .. })), "{name}: {value}");
        };
        check("a b", "x");
        check("", "x");
        check("x", "a\r\nb: c");
        check("x", "a\0");
        check("Host", "x");
        check("Content-Length", "1");
        check("Expect", "100-continue");
    }

    #[test]
    fn an_address_has_one_spelling() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "127.1",
            "127.0.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "127.0.0.01",
            "0x7F.0.0.1",
            "1.2.3.4.5",
            "300.0.0.1",
            "example.0x1",
            "0x",
            "a.1",
        ] {
            let refused = Target::parse(&format!("http://{host}/")).map(|target| target.authority);
            assert!(matches!(refused, Err(SendError::InvalidUrl { .. })), "{host}: {refused:?}");
        }
        for host in [
            "127.0.0.1",
            "a1",
            "1a",
            "0x7f.example",
            "1.example",
            "[::ffff:127.0.0.1]",
            "[::1]",
            "localhost.",
        ] {
            assert!(Target::parse(&format!("http://{host}/")).is_ok(), "{host}");
        }
        for host in ["[fe80::1%25eth0]", "[::1%1]", "[127.0.0.1]", "[::g]"] {
            assert!(Target::parse(&format!("http://{host}/")).is_err(), "{host}");
        }
    }

    #[test]
    fn methods() {
        assert_eq!(method("POST").unwrap(), Method::POST);
        assert!(method("PURGE").is_ok());
        assert!(method("").is_err());
        assert!(method("A B").is_err());
        assert!(method("CONNECT").is_err());
    }
}
