//! Collections without a way to follow sources: nothing ever wrote another one than `ONE_TIME`.

crate::sql::migration! {
    up: [
        "ALTER TABLE collections DROP COLUMN sync_interval_minutes",
        "ALTER TABLE collections DROP COLUMN sync_mode",
    ],
    down: [
        "ALTER TABLE collections ADD COLUMN sync_mode text NOT NULL DEFAULT 'ONE_TIME'
            CHECK (sync_mode IN ('ONE_TIME', 'CONTINUOUS'))",
        "ALTER TABLE collections ADD COLUMN sync_interval_minutes integer",
    ],
}
