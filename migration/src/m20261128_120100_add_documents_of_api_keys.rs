//! The documents that an API key may run; keys without such a list may run all.

crate::sql::migration! {
    up: ["ALTER TABLE api_keys ADD COLUMN documents {json}"],
    down: ["ALTER TABLE api_keys DROP COLUMN documents"],
}
