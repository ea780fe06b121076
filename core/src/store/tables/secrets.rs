//! What nobody else may know: taken out of a copy that is handed on.

use rusqlite::Connection;

use crate::store::error::StoreError;

/// Leaves no credential, no mail address and nothing about mail; who is who, and what was written, stays.
const STRIP: &str = "
    BEGIN IMMEDIATE;
    UPDATE accounts SET email = NULL, email_confirmed = 0, new_email = NULL, password_hash = NULL, signup_reason = NULL;
    DELETE FROM codes;
    DELETE FROM tokens;
    DELETE FROM sessions;
    DELETE FROM links;
    DELETE FROM mail_settings;
    DELETE FROM mail_standing;
    DELETE FROM digest_items;
    DELETE FROM idempotency_keys;
    DELETE FROM jobs WHERE destination = 'mail';
    UPDATE arrivals SET name = '', report = '', reason = NULL;
    UPDATE destinations SET last_error = NULL;
    UPDATE jobs SET last_error = NULL;
    UPDATE schedules SET last_error = NULL;
    UPDATE apps SET secret_hash = randomblob(32);
    UPDATE meta SET value = lower(hex(randomblob(32))) WHERE name = 'unsubscribe_key';
    COMMIT;
    VACUUM;";

/// Takes them out, and leaves nothing of them in the file.
pub(in crate::store) fn strip(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "secure_delete", true)?;
    connection.execute_batch(STRIP)?;
    Ok(())
}
