//! Whether somebody has given a document its title, which then stays when its content changes.

crate::sql::migration! {
    up: ["ALTER TABLE documents ADD COLUMN is_title_given boolean NOT NULL DEFAULT false"],
    down: ["ALTER TABLE documents DROP COLUMN is_title_given"],
}
