//! Looks at the first bytes of an answer, just far enough to tell an interim head (1xx) from a final one, and to see
//! how the final one's body ends.
//!
//! Pure. Knows no sockets and does not validate: what passes is parsed, strictly, by awc's own parser.

/// What the bytes received so far begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Not enough to say.
    Incomplete,
    /// Something that is no HTTP/1 answer.
    NotHttp,
    /// An interim answer (100, 102, 103 …) of so many bytes. 101 is not one: nothing else follows it.
    Interim(usize),
    /// A complete final head, whose body's end it tells (or which has none).
    Final,
    /// A complete final head of HTTP/1.1 that tells no length: the body goes on until the connection closes.
    FinalUntilClose,
}

const VERSION: &[u8] = b"HTTP/1.";
/// `HTTP/1.1 200`
const STATUS_END: usize = 12;

/// Classifies the beginning of an answer. `bodiless` says that the answer cannot have a body (it is one to HEAD).
pub(super) fn examine(bytes: &[u8], bodiless: bool) -> Beginning {
    let prefix = bytes.len().min(VERSION.len());
    if bytes[..prefix] != VERSION[..prefix] {
        return Beginning::NotHttp;
    }
    let Some(status) = bytes.get(STATUS_END - 3..STATUS_END) else {
        return Beginning::Incomplete;
    };
    let Some(end) = head_end(bytes) else {
        return Beginning::Incomplete;
    };
    match status {
        b"101" | b"204" | b"304" => Beginning::Final,
        [b'1', ..] => Beginning::Interim(end),
        // HTTP/1.0 is read until close by awc anyway.
        _ if bodiless || bytes[VERSION.len()] != b'1' || tells_length(&bytes[..end]) => Beginning::Final,
        _ => Beginning::FinalUntilClose,
    }
}

/// Makes awc read the body until the connection closes: it takes HTTP/1.1 without a length for an empty body
/// (RFC 9112, 6.3, item 8 says otherwise) and does so only for HTTP/1.0.
pub(super) fn downgrade(head: &mut [u8]) {
    head[VERSION.len()] = b'0';
}

/// The length of the head, its empty line included. Lines may end with a bare LF, as awc's parser allows.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(lf) = bytes[from..].iter().position(|&byte| byte == b'\n') {
        from += lf + 1;
        match &bytes[from..] {
            [b'\n', ..] => return Some(from + 1),
            [b'\r', b'\n', ..] => return Some(from + 2),
            _ => {}
        }
    }
    None
}

/// Whether a `Content-Length` or `Transfer-Encoding` line stands in the head.
fn tells_length(head: &[u8]) -> bool {
    head.split(|&byte| byte == b'\n').any(|line| {
        let name = match line.first() {
            Some(b'c' | b'C') => b"content-length".as_slice(),
            Some(b't' | b'T') => b"transfer-encoding".as_slice(),
            _ => return false,
        };
        let Some((start, value)) = line.split_at_checked(name.len()) else {
            return false;
        };
        // "identity" is obsolete and says nothing.
        start.eq_ignore_ascii_case(name)
            && matches!(value.first(), Some(b':' | b' ' | b'\t'))
            && !value.trim_ascii().to_ascii_lowercase().ends_with(b"identity")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_a_head_is_incomplete() {
        for head in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\n"]
        {
            for length in 0..head.len() {
                assert_eq!(examine(&head.as_bytes()[..length], false), Beginning::Incomplete, "{length}");
            }
        }
    }

    #[test]
    fn beginnings() {
        let check = |text: &str, expected| assert_eq!(examine(text.as_bytes(), false), expected, "{text:?}");
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200", Beginning::Interim(25));
        check("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n", Beginning::Interim(39));
        check("HTTP/1.1 103 Early Hints\nLink: <a>\n\n", Beginning::Interim(36));
        check("HTTP/1.1 101 Switching Protocols\r\n\r\n", Beginning::Final);
        check("HTTP/1.1 204 No Content\r\n\r\n", Beginning::Final);
        check("HTTP/1.1 200 OK\r\ncontent-LENGTH: 1\r\n\r\n", Beginning::Final);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n", Beginning::Final);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", Beginning::FinalUntilClose);
        check("HTTP/1.1 200 OK\r\nContent-Length-X: 1\r\n\r\n", Beginning::FinalUntilClose);
        check("HTTP/1.1 200 OK\r\n\r\ncontent-length: 1", Beginning::FinalUntilClose);
        check("HTTP/1.0 200 OK\r\n\r\n", Beginning::Final);
        check("SSH-2.0", Beginning::NotHttp);
        check("HTTP/2", Beginning::NotHttp);
        check("\r\n", Beginning::NotHttp);
        assert_eq!(examine(b"HTTP/1.1 200 OK\r\n\r\n", true), Beginning::Final);
    }
}
