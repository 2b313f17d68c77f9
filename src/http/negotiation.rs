//! Which type and encoding an answer has and a request must have.

use std::cmp::Reverse;

use axum::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
};

use super::error::HttpError;
use crate::error::ErrorCode;

/// A media type of responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaType {
    /// `application/graphql-response+json`: the status says whether the operation was executed.
    GraphqlResponse,
    /// `application/json`: what older clients expect, who read `errors` only from a 200.
    Json,
}

/// In rising order of preference where the client has none: `*/*` is an older client.
const OFFERS: [(MediaType, &str); 2] =
    [(MediaType::GraphqlResponse, "application/graphql-response+json"), (MediaType::Json, "application/json")];

impl MediaType {
    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// The type that the client prefers; `application/json` if it does not say.
    ///
    /// # Errors
    /// 406 when it likes neither.
    pub fn negotiate(headers: &HeaderMap) -> Result<Self, HttpError> {
        let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accept = if accept.is_empty() { "*/*".to_owned() } else { accept.join(",") };
        let ranges: Vec<Range<'_>> = accept.split(',').enumerate().filter_map(Range::parse).collect();
        let best = OFFERS.into_iter().filter_map(|(media_type, name)| {
            // The most specific range decides about a type, so `application/json;q=0, */*` refuses JSON.
            let range = ranges.iter().filter_map(|range| range.rank(name)).max_by_key(|rank| rank.specificity)?;
            (range.thousandths > 0).then_some((range, media_type))
        });
        best.max_by_key(|(rank, _)| *rank).map(|(_, media_type)| media_type).ok_or_else(|| {
            let message =
                "Responses are `application/graphql-response+json` or `application/json`: accept one of them.";
            HttpError::new(StatusCode::NOT_ACCEPTABLE, ErrorCode::BadUserInput, message)
        })
    }
}

/// One element of `Accept`.
struct Range<'a> {
    name: &'a str,
    thousandths: u16,
    position: usize,
}

/// How much a client wants a type; compared from the first field on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    thousandths: u16,
    specificity: u8,
    position: Reverse<usize>,
}

impl<'a> Range<'a> {
    fn parse((position, text): (usize, &'a str)) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let mut thousandths = 1000;
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => thousandths = quality(value.trim())?,
                "charset" if !is_utf8(value) => return None,
                _ => {}
            }
        }
        Some(Self { name, thousandths, position })
    }

    fn rank(&self, offer: &str) -> Option<Rank> {
        let specificity = match self.name {
            "*/*" => 0,
            name if name.eq_ignore_ascii_case("application/*") => 1,
            name if name.eq_ignore_ascii_case(offer) => 2,
            _ => return None,
        };
        // Two types that one wildcard covers are equally welcome.
        let position = Reverse(self.position);
        Some(Rank { thousandths: self.thousandths, specificity, position })
    }
}

/// `0.75` as 750.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{fraction:0<3}");
    let value = whole.parse::<u16>().ok()?.checked_mul(1000)?.checked_add(digits.get(..3)?.parse().ok()?)?;
    (value <= 1000).then_some(value)
}

fn is_utf8(charset: &str) -> bool {
    charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
}

/// Accepts JSON only. Any web page could send a form or plain text without a preflight (CORS «simple requests»).
///
/// # Errors
/// 415 for anything else, and for a missing content type.
pub fn require_json(headers: &HeaderMap) -> Result<(), HttpError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let mut parameters = parts.filter_map(|part| part.split_once('='));
    if is_json && parameters.all(|(key, value)| !key.trim().eq_ignore_ascii_case("charset") || is_utf8(value)) {
        return Ok(());
    }
    let message = "Send the request as `application/json` in UTF-8.";
    Err(HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadUserInput, message))
}

/// Accepts only bodies without an encoding. A compressed body would be misread.
///
/// # Errors
/// 415 for any `Content-Encoding`; the answer says that none is taken.
pub fn require_identity(headers: &HeaderMap) -> Result<(), HttpError> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    if values.all(|value| value.is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let message = "Send the body as it is, without a `Content-Encoding`.";
    Err(HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadUserInput, message)
        .with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// Whether the client takes an answer in this encoding.
pub(super) fn accepts_encoding(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (name, parameter) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameter.trim().strip_prefix("q=").map_or(Some(1000), quality);
        name.trim().eq_ignore_ascii_case(encoding) && quality.is_some_and(|thousandths| thousandths > 0)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT, ACCEPT_ENCODING},
    };

    use super::{MediaType, accepts_encoding, quality};

    #[test]
    fn the_type_that_the_client_likes_best_is_chosen() {
        use MediaType::{GraphqlResponse, Json};
        let cases = [
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("application/json", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("", None),
            ("text/html", None),
            ("text/html, */*;q=0.1", Some(Json)),
            ("application/json, application/graphql-response+json", Some(Json)),
            ("application/graphql-response+json, application/json;q=0.9", Some(GraphqlResponse)),
            ("application/graphql-response+json;q=0.8, application/json;q=0.9", Some(Json)),
            ("*/*, application/graphql-response+json", Some(GraphqlResponse)),
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            ("application/json;q=0", None),
            ("APPLICATION/JSON; charset=UTF-8", Some(Json)),
            ("application/json; charset=latin1", None),
            ("application/json;q=nonsense", None),
        ];
        for (accept, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(MediaType::negotiate(&headers).ok(), expected, "{accept}");
        }
        assert_eq!(MediaType::negotiate(&HeaderMap::new()).ok(), Some(Json), "no header");
    }

    #[test]
    fn an_encoding_is_taken_by_who_names_it_and_does_not_refuse_it() {
        let taken = ["gzip", "GZIP;q=0.5", "deflate, gzip, br", "gzip; q=0.001"];
        let refused = ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzip;q=nonsense", "x-gzip"];
        for (accepted, expected) in taken.map(|text| (text, true)).into_iter().chain(refused.map(|text| (text, false)))
        {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(accepts_encoding(&headers, "gzip"), expected, "{accepted}");
        }
        assert!(!accepts_encoding(&HeaderMap::new(), "gzip"), "no header");
    }

    #[test]
    fn qualities_are_thousandths() {
        let cases =
            [("1", Some(1000)), ("0.75", Some(750)), ("0.0015", Some(1)), (".5", None), ("1.1", None), ("-1", None)];
        for (text, expected) in cases {
            assert_eq!(quality(text), expected, "{text}");
        }
    }
}
