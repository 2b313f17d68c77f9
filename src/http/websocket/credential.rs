//! The credential in the payload of `connection_init`.
//!
//! A credential that is invalid closes the socket. Otherwise its caller would continue as anonymous, and
//! notice it only by missing data.

use serde_json::{Map, Value};

use super::protocol::Close;

/// Names under which clients of other servers send a credential, in lower case and without hyphens and underscores.
const UNKNOWN_NAMES: [&str; 8] =
    ["accesstoken", "apikey", "auth", "authtoken", "bearer", "idtoken", "token", "xapikey"];

const NO_TEXT: &str = "`authorization` must be a string.";
const NO_HEADERS: &str = "`headers` must be an object.";
const UNKNOWN: &str = "send the credential as `authorization`: `Bearer …`.";

/// The credential that a client sends: `authorization`, or the same under `headers`. Null means no credential.
///
/// # Errors
/// 4403 for a credential that can't be read.
pub(super) fn of(payload: &Map<String, Value>) -> Result<Option<String>, Close> {
    let headers = match payload.get("headers") {
        None | Some(Value::Null) => None,
        Some(Value::Object(headers)) => Some(headers),
        Some(_) => return Err(Close::forbidden(NO_HEADERS)),
    };
    let mut credential = None;
    for (name, value) in payload.iter().chain(headers.into_iter().flatten()).filter(|(_, value)| !value.is_null()) {
        let name = name.to_ascii_lowercase().replace(['-', '_'], "");
        match value {
            Value::String(text) if name == "authorization" => credential = credential.or_else(|| Some(text.clone())),
            _ if name == "authorization" => return Err(Close::forbidden(NO_TEXT)),
            _ if UNKNOWN_NAMES.contains(&name.as_str()) => return Err(Close::forbidden(UNKNOWN)),
            _ => {}
        }
    }
    Ok(credential)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(payload: &Value) -> Result<Option<String>, String> {
        of(payload.as_object().unwrap()).map_err(|close| format!("{close:?}"))
    }

    #[test]
    fn a_credential_is_found_wherever_clients_put_it() {
        let places = [
            json!({ "authorization": "Bearer a" }),
            json!({ "Authorization": "Bearer a" }),
            json!({ "AUTHORIZATION": "Bearer a", "client": "x" }),
            json!({ "headers": { "Authorization": "Bearer a" } }),
            json!({ "headers": { "authorization": "Bearer a", "x-trace": "1" } }),
            json!({ "authorization": null, "headers": { "authorization": "Bearer a" } }),
            json!({ "authorization": "Bearer a", "headers": { "authorization": "Bearer b" } }),
        ];
        for payload in places {
            assert_eq!(found(&payload), Ok(Some("Bearer a".to_owned())), "{payload}");
        }
        for payload in [json!({}), json!({ "headers": null }), json!({ "authorization": null }), json!({ "x": 1 })] {
            assert_eq!(found(&payload), Ok(None), "{payload}");
        }
    }

    #[test]
    fn what_is_meant_as_a_credential_and_is_none_is_not_passed_over() {
        let unreadable = [
            json!({ "authorization": 1 }),
            json!({ "authorization": ["Bearer a"] }),
            json!({ "headers": { "Authorization": { "bearer": "a" } } }),
            json!({ "headers": "authorization: Bearer a" }),
            json!({ "headers": [["authorization", "Bearer a"]] }),
            json!({ "authToken": "a" }),
            json!({ "access_token": "a" }),
            json!({ "headers": { "x-api-key": "a" } }),
        ];
        for payload in unreadable {
            let refused = found(&payload).unwrap_err();
            assert!(refused.contains("4403"), "{payload}: {refused}");
        }
    }
}
