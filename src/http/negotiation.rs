//! Which type and encoding an answer has and a request must have.

use std::cmp::Reverse;

use axum::http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
};

use super::error::HttpError;
use crate::error::ErrorCode;

/// A media type of responses with one answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaType {
    /// `application/graphql-response+json`: the status says whether the operation was executed.
    GraphqlResponse,
    /// `application/json`: what older clients expect, who read `errors` only from a 200.
    Json,
}

/// A media type of responses that bring answers as they come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamType {
    /// `text/event-stream`: GraphQL over Server-Sent Events, in distinct connections mode.
    Events,
    /// `multipart/mixed` with a `subscriptionSpec`: Apollo's protocol.
    Multipart,
}

/// How a client takes what it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    Single(MediaType),
    Stream(StreamType),
}

/// What the client accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// What it prefers: for everything that has one answer.
    pub preferred: Delivery,
    /// How it takes subscriptions, if it names a way.
    pub stream: Option<StreamType>,
}

/// In rising order of preference where the client has none: `*/*` is an older client.
const OFFERS: [(Delivery, &str); 4] = [
    (Delivery::Stream(StreamType::Multipart), "multipart/mixed"),
    (Delivery::Stream(StreamType::Events), "text/event-stream"),
    (Delivery::Single(MediaType::GraphqlResponse), "application/graphql-response+json"),
    (Delivery::Single(MediaType::Json), "application/json"),
];

impl MediaType {
    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

impl Accepted {
    /// What the headers of a request say; `application/json` if they say nothing.
    ///
    /// # Errors
    /// 406 when the client accepts nothing that there is.
    pub fn negotiate(headers: &HeaderMap) -> Result<Self, HttpError> {
        let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accept = if accept.is_empty() { "*/*".to_owned() } else { accept.join(",") };
        let ranges: Vec<Range<'_>> = accept.split(',').enumerate().filter_map(Range::parse).collect();
        let ranked = OFFERS.into_iter().filter_map(|(delivery, name)| {
            // The most specific range decides about a type, so `application/json;q=0, */*` refuses JSON.
            let ranks = ranges.iter().filter_map(|range| range.rank(delivery, name));
            let rank = ranks.max_by_key(|rank| rank.specificity)?;
            (rank.thousandths > 0).then_some((rank, delivery))
        });
        let ranked: Vec<(Rank, Delivery)> = ranked.collect();
        let preferred = ranked.iter().max_by_key(|(rank, _)| *rank).ok_or_else(|| {
            let message = "Responses are `application/graphql-response+json`, `application/json`, `text/event-stream` or \
                           `multipart/mixed;subscriptionSpec=1.0`: accept one of them.";
            HttpError::new(StatusCode::NOT_ACCEPTABLE, ErrorCode::BadUserInput, message)
        })?;
        let streams = ranked.iter().filter_map(|(rank, delivery)| match delivery {
            Delivery::Stream(stream) => Some((*rank, *stream)),
            Delivery::Single(_) => None,
        });
        let stream = streams.max_by_key(|(rank, _)| *rank).map(|(_, stream)| stream);
        Ok(Self { preferred: preferred.1, stream })
    }
}

/// One element of `Accept`.
struct Range<'a> {
    name: &'a str,
    thousandths: u16,
    position: usize,
    /// Whether it has a `subscriptionSpec`.
    is_of_subscriptions: bool,
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
        let (mut thousandths, mut is_of_subscriptions) = (1000, false);
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => thousandths = quality(value.trim())?,
                "charset" if !is_utf8(value) => return None,
                "subscriptionspec" => is_of_subscriptions = true,
                _ => {}
            }
        }
        Some(Self { name, thousandths, position, is_of_subscriptions })
    }

    /// Streams have to be named: who takes anything expects an answer that ends. So has the protocol of subscriptions
    /// among those that use `multipart/mixed`.
    fn rank(&self, delivery: Delivery, offer: &str) -> Option<Rank> {
        let is_named = self.name.eq_ignore_ascii_case(offer);
        let specificity = match delivery {
            Delivery::Single(_) if self.name == "*/*" => 0,
            Delivery::Single(_) if self.name.eq_ignore_ascii_case("application/*") => 1,
            Delivery::Stream(StreamType::Multipart) if !self.is_of_subscriptions => return None,
            _ if is_named => 2,
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

    use super::{Accepted, Delivery, MediaType, StreamType, accepts_encoding, quality};

    fn negotiate(accept: &'static str) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        Accepted::negotiate(&headers).ok()
    }

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
            ("multipart/mixed", None),
            ("text/*", None),
        ];
        for (accept, expected) in cases {
            let expected =
                expected.map(|media_type| Accepted { preferred: Delivery::Single(media_type), stream: None });
            assert_eq!(negotiate(accept), expected, "{accept}");
        }
        let silent = Accepted { preferred: Delivery::Single(Json), stream: None };
        assert_eq!(Accepted::negotiate(&HeaderMap::new()).ok(), Some(silent), "no header");
    }

    #[test]
    fn who_names_a_stream_gets_it() {
        use StreamType::{Events, Multipart};
        let single = Delivery::Single(MediaType::GraphqlResponse);
        let cases = [
            ("text/event-stream", Delivery::Stream(Events), Some(Events)),
            // urql: a subscription, and everything else.
            ("text/event-stream, multipart/mixed", Delivery::Stream(Events), Some(Events)),
            (
                "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
                single,
                Some(Events),
            ),
            // Apollo: a subscription, and a query with `@defer`.
            (
                "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9",
                Delivery::Stream(Multipart),
                Some(Multipart),
            ),
            ("multipart/mixed;deferSpec=20220824,application/graphql-response+json", single, None),
            (
                "text/event-stream;q=0.5, multipart/mixed;subscriptionspec=1.0",
                Delivery::Stream(Multipart),
                Some(Multipart),
            ),
            ("text/event-stream;q=0, application/graphql-response+json", single, None),
        ];
        for (accept, preferred, stream) in cases {
            assert_eq!(negotiate(accept), Some(Accepted { preferred, stream }), "{accept}");
        }
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
