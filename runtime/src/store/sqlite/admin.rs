//! What administrators change, in SQL: people, keys, secrets, sessions, the audit log.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::{
    super::{
        NewVersion, SecretRow, StoreError,
        admin::{AdminChange, AuditEntry, By, Invitation, Session},
    },
    read::all,
    rows::{self, corrupt, instant},
    write::bump_revision,
};
use crate::model::{
    ApiKey, Membership, Performer, RoleId, Scope, Timestamp, User, UserId, WorkflowId, id::KeyId,
};

/// Carries a change out, with its entry; whether there was anything to change.
pub(super) fn administer(connection: &Connection, change: &AdminChange, by: &By) -> Result<bool, StoreError> {
    if !change_rows(connection, change, by)? {
        return Ok(false);
    }
    // Who comes back is who they were, whatever id they were to have.
    let about = match change {
        AdminChange::AddUser { user, .. } | AdminChange::AcceptInvitation { user, .. } => {
            user_id(connection, &user.email)?.to_string()
        }
        _ => change.about(),
    };
    log(connection, by, change.name(), &about, &change.detail())?;
    if change.is_in_snapshot() {
        bump_revision(connection)?;
    }
    Ok(true)
}

fn log(
    connection: &Connection,
    by: &By,
    change: &str,
    about: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (at, performer, change, about, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
    connection.prepare_cached(sql)?.execute(params![
        by.at.as_millisecond(),
        rows::performer_to_json(&by.performer)?,
        change,
        about,
        detail.to_string()
    ])?;
    Ok(())
}

/// The entry of a version that somebody has saved.
pub(super) fn log_version(
    connection: &Connection,
    new: &NewVersion,
    version: u32,
    by: &Performer,
) -> Result<(), StoreError> {
    let (change, mut detail) = match (new.restores, new.after) {
        (Some(_), _) => ("workflow.restored", json!({"version": version, "made_from": new.after})),
        (None, 0) => ("workflow.imported", json!({"version": version})),
        (None, after) => ("workflow.saved", json!({"version": version, "made_from": after})),
    };
    if let Some(restores) = new.restores {
        detail["restores"] = json!(restores);
    }
    let by = By { performer: by.clone(), at: new.at };
    log(connection, &by, change, new.workflow.as_str(), &detail)
}

fn change_rows(connection: &Connection, change: &AdminChange, by: &By) -> Result<bool, StoreError> {
    let changed = |sql: &str, row: &[&dyn rusqlite::ToSql]| -> Result<bool, StoreError> {
        Ok(connection.prepare_cached(sql)?.execute(row)? > 0)
    };
    match change {
        AdminChange::AddUser { user, password_hash } => add_user(connection, user, password_hash.as_deref()),
        AdminChange::SetUp { user, password_hash } => set_up(connection, user, password_hash),
        AdminChange::RemoveUser(user) => {
            somebody_else_administers(connection, user)?;
            end_sessions(connection, user, None)?;
            // No link brings them back by itself.
            let links = "DELETE FROM invitation WHERE user_id = ?1
                         OR email = (SELECT email FROM person WHERE id = ?1) COLLATE NOCASE";
            connection.prepare_cached(links)?.execute([user.as_str()])?;
            withdraw_all(connection, user.as_str(), by)?;
            changed("UPDATE person SET is_active = 0 WHERE id = ?1 AND is_active = 1", &[&user.as_str()])
        }
        AdminChange::SetAdministrator { user, is_administrator } => {
            if *is_administrator && may_not_administer(connection, &by.performer.id, by.at)? {
                return Ok(false);
            }
            if !is_administrator {
                somebody_else_administers(connection, user)?;
                withdraw_all(connection, user.as_str(), by)?;
            }
            changed(
                "UPDATE person SET is_administrator = ?2 WHERE id = ?1 AND is_administrator <> ?2",
                &[&user.as_str(), is_administrator],
            )
        }
        AdminChange::SetPassword { user, password_hash, keeps } => {
            end_sessions(connection, user, keeps.as_ref())?;
            changed("UPDATE person SET password_hash = ?2 WHERE id = ?1", &[&user.as_str(), password_hash])
        }
        AdminChange::SetRole(membership) => set_role(connection, membership),
        AdminChange::AddKey(key) => {
            Ok(!may_not_administer(connection, &by.performer.id, by.at)? && add_key(connection, key)?)
        }
        // It stays as one that is revoked, so that nothing brings its secret back; its name is free.
        AdminChange::RevokeKey(key) => {
            withdraw_all(connection, key.as_str(), by)?;
            changed(
                "UPDATE api_key SET revoked_at = ?2, name = id || ' ' || name WHERE id = ?1 AND revoked_at IS NULL",
                &[&key.as_str(), &by.at.as_millisecond()],
            )
        }
        AdminChange::Invite(invitation) => {
            Ok(!may_not_administer(connection, &invitation.made_by, by.at)?
                && invite(connection, invitation)?)
        }
        AdminChange::WithdrawInvitation(id) => changed("DELETE FROM invitation WHERE id = ?1", &[id]),
        AdminChange::AcceptInvitation { invitation, user, password_hash } => {
            accept(connection, invitation, user, password_hash, by.at)
        }
        AdminChange::PutSecrets(secrets) => put_secrets(connection, secrets),
        AdminChange::RemoveSecret(name) => changed("DELETE FROM secret WHERE name = ?1", &[name]),
        AdminChange::SetArchived { workflow, is_archived: true } => changed(
            "INSERT INTO archived_workflow (workflow_id, archived_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            &[&workflow.as_str(), &by.at.as_millisecond()],
        ),
        AdminChange::SetArchived { workflow, is_archived: false } => {
            changed("DELETE FROM archived_workflow WHERE workflow_id = ?1", &[&workflow.as_str()])
        }
        AdminChange::EnableEndpoint { name, was: _ } => {
            // A circuit that is open is not on disk; closing it is logged all the same.
            changed("DELETE FROM disabled_endpoint WHERE name = ?1", &[name])?;
            Ok(true)
        }
    }
}

/// The first user; the link for that is worth nothing from then on.
fn set_up(connection: &Connection, user: &User, password_hash: &str) -> Result<bool, StoreError> {
    if has_people(connection)? {
        return Ok(false);
    }
    connection.prepare_cached("DELETE FROM setup")?.execute([])?;
    add_user(connection, user, Some(password_hash))
}

fn has_people(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM person)";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The one that was kept first, whoever offers another.
pub(super) fn setup_token(connection: &Connection, offered: &str) -> Result<Option<String>, StoreError> {
    if has_people(connection)? {
        connection.prepare_cached("DELETE FROM setup")?.execute([])?;
        return Ok(None);
    }
    let keep = "INSERT INTO setup (only_row, token) VALUES (1, ?1) ON CONFLICT DO NOTHING";
    connection.prepare_cached(keep)?.execute([offered])?;
    Ok(Some(connection.prepare_cached("SELECT token FROM setup")?.query_row([], |row| row.get(0))?))
}

/// Whether a user or a key, by its id, is known not to administer the workspace any more. It is asked inside the transaction
/// of whatever outlives them: one that was asked for in time, and comes after their end, is nobody's to withdraw.
fn may_not_administer(connection: &Connection, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM person WHERE id = ?1 AND (is_active = 0 OR is_administrator = 0))
             OR EXISTS (SELECT 1 FROM api_key WHERE id = ?1 AND (revoked_at IS NOT NULL OR expires_at <= ?2))";
    Ok(connection.prepare_cached(sql)?.query_row(params![id, now.as_millisecond()], |row| row.get(0))?)
}

/// Else nobody could sign in to undo it.
fn somebody_else_administers(connection: &Connection, user: &UserId) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM person WHERE id = ?1 AND is_administrator = 1 AND is_active = 1)
               AND NOT EXISTS (SELECT 1 FROM person WHERE id <> ?1 AND is_administrator = 1 AND is_active = 1)";
    let is_last = connection.prepare_cached(sql)?.query_row([user.as_str()], |row| row.get(0))?;
    if is_last { Err(StoreError::LastAdministrator) } else { Ok(()) }
}

/// One more row with a name of its own.
fn insert(
    connection: &Connection,
    sql: &str,
    row: impl rusqlite::Params,
    what: impl Fn() -> String,
) -> Result<bool, StoreError> {
    let inserted =
        connection.prepare_cached(sql)?.execute(row).map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => StoreError::Exists { what: what() },
            _ => error.into(),
        })?;
    if inserted == 0 { Err(StoreError::Exists { what: what() }) } else { Ok(true) }
}

fn add_user(connection: &Connection, user: &User, password_hash: Option<&str>) -> Result<bool, StoreError> {
    let sql = "INSERT INTO person (id, email, first_name, last_name, password_hash, is_administrator)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (email) DO UPDATE SET is_active = 1, first_name = excluded.first_name,
                   last_name = excluded.last_name, password_hash = excluded.password_hash,
                   is_administrator = excluded.is_administrator
               WHERE is_active = 0";
    let User { id, email, first_name, last_name, is_administrator, is_active: _ } = user;
    // Who comes back has none of the roles that they had.
    let roles =
        "DELETE FROM membership WHERE user_id IN (SELECT id FROM person WHERE email = ?1 AND is_active = 0)";
    connection.prepare_cached(roles)?.execute([email])?;
    let row = params![id.as_str(), email, first_name, last_name, password_hash, is_administrator];
    insert(connection, sql, row, || format!("a user with the id {id} or the email {email}"))
}

fn set_role(connection: &Connection, membership: &Membership) -> Result<bool, StoreError> {
    let Membership { workflow, user, role } = membership;
    let sql = "INSERT INTO membership (workflow_id, user_id, role_id) VALUES (?1, ?2, ?3)
               ON CONFLICT (workflow_id, user_id) DO UPDATE SET role_id = excluded.role_id
               WHERE role_id <> excluded.role_id";
    let row = params![workflow.as_str(), user.as_str(), role.as_str()];
    Ok(connection.prepare_cached(sql)?.execute(row)? > 0)
}

fn add_key(connection: &Connection, key: &ApiKey) -> Result<bool, StoreError> {
    let sql = "INSERT INTO api_key (id, name, hash, scopes, workflows, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let scopes: Value = key.scopes.iter().map(|scope| scope.name()).collect();
    let workflows =
        key.workflows.as_ref().map(|ids| ids.iter().map(WorkflowId::as_str).collect::<Value>().to_string());
    let expires_at = key.expires_at.map(Timestamp::as_millisecond);
    let row = params![key.id.as_str(), key.name, key.hash, scopes.to_string(), workflows, expires_at];
    insert(connection, sql, row, || format!("an API key called {}", key.name))
}

/// Several at once, so that a new key encrypts all of them or none.
fn put_secrets(connection: &Connection, secrets: &[SecretRow]) -> Result<bool, StoreError> {
    let sql = "INSERT OR REPLACE INTO secret (name, key, nonce, sealed) VALUES (?1, ?2, ?3, ?4)";
    for SecretRow { name, key, nonce, sealed } in secrets {
        connection.prepare_cached(sql)?.execute(params![name, key, nonce, sealed])?;
    }
    Ok(!secrets.is_empty())
}

/// In the place of an earlier one for the same.
fn invite(connection: &Connection, invitation: &Invitation) -> Result<bool, StoreError> {
    let earlier = "DELETE FROM invitation WHERE email = ?1 COLLATE NOCASE AND user_id IS ?2";
    let user = invitation.user.as_ref().map(UserId::as_str);
    connection.prepare_cached(earlier)?.execute(params![invitation.email, user])?;
    let sql =
        "INSERT INTO invitation (id, hash, user_id, email, is_administrator, roles, created_at, expires_at, made_by)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let Invitation { id, hash, user, email, is_administrator, roles: _, created_at, expires_at, made_by } =
        invitation;
    let row = params![
        id,
        hash,
        user.as_ref().map(UserId::as_str),
        email,
        is_administrator,
        invitation.shown_roles().to_string(),
        created_at.as_millisecond(),
        expires_at.as_millisecond(),
        made_by
    ];
    insert(connection, sql, row, || format!("the invitation {id}"))
}

/// Takes away the links that somebody has made who may not make any more.
fn withdraw_all(connection: &Connection, made_by: &str, by: &By) -> Result<(), StoreError> {
    let sql = "DELETE FROM invitation WHERE made_by = ?1 RETURNING id";
    let ids = all(connection, sql, [made_by], |row| Ok(row.get::<_, String>(0)?))?;
    let mut ids = ids.iter();
    ids.try_for_each(|id| log(connection, by, "invitation.withdrawn", id, &json!({"made_by": made_by})))
}

/// Whoever comes second finds the link gone.
fn accept(
    connection: &Connection,
    invitation: &Invitation,
    user: &User,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM invitation WHERE id = ?1 AND expires_at > ?2";
    if connection.prepare_cached(sql)?.execute(params![invitation.id, now.as_millisecond()])? == 0 {
        return Ok(false);
    }
    if invitation.user.is_some() {
        end_sessions(connection, &user.id, None)?;
        let sql = "UPDATE person SET password_hash = ?2 WHERE id = ?1 AND is_active = 1";
        return Ok(connection.prepare_cached(sql)?.execute(params![user.id.as_str(), password_hash])? > 0);
    }
    add_user(connection, user, Some(password_hash))?;
    let id = user_id(connection, &user.email)?;
    for (workflow, role) in &invitation.roles {
        let membership = Membership { workflow: workflow.clone(), user: id.clone(), role: role.clone() };
        set_role(connection, &membership)?;
    }
    Ok(true)
}

fn user_id(connection: &Connection, email: &str) -> Result<UserId, StoreError> {
    let sql = "SELECT id FROM person WHERE email = ?1";
    let id: String = connection.prepare_cached(sql)?.query_row([email], |row| row.get(0))?;
    Ok(UserId::new(id))
}

fn end_sessions(connection: &Connection, user: &UserId, keeps: Option<&[u8; 32]>) -> Result<(), StoreError> {
    let sql = "DELETE FROM session WHERE user_id = ?1 AND hash IS NOT ?2";
    connection.prepare_cached(sql)?.execute(params![user.as_str(), keeps])?;
    Ok(())
}

pub(super) fn password_hash(connection: &Connection, user: &UserId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT password_hash FROM person WHERE id = ?1 AND is_active = 1";
    let found = connection.prepare_cached(sql)?.query_row([user.as_str()], |row| row.get(0)).optional()?;
    Ok(found.flatten())
}

pub(super) fn add_session(
    connection: &Connection,
    session: &Session,
    password_hash: Option<&str>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO session (hash, user_id, created_at, seen_at)
               SELECT ?1, id, ?3, ?4 FROM person
               WHERE id = ?2 AND is_active = 1 AND (?5 IS NULL OR password_hash = ?5)";
    let Session { hash, user, created_at, seen_at } = session;
    let (created_at, seen_at) = (created_at.as_millisecond(), seen_at.as_millisecond());
    let row = params![hash, user.as_str(), created_at, seen_at, password_hash];
    Ok(connection.prepare_cached(sql)?.execute(row)? > 0)
}

pub(super) fn session(connection: &Connection, hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
    let sql = "SELECT hash, user_id, created_at, seen_at FROM session WHERE hash = ?1";
    let found = all(connection, sql, [hash], |row| {
        Ok(Session {
            hash: row.get(0)?,
            user: UserId::new(row.get::<_, String>(1)?),
            created_at: instant(row.get(2)?)?,
            seen_at: instant(row.get(3)?)?,
        })
    })?;
    Ok(found.into_iter().next())
}

pub(super) fn end_session(connection: &Connection, hash: &[u8; 32]) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM session WHERE hash = ?1")?.execute([hash])?;
    Ok(())
}

pub(super) fn note_use(
    connection: &Connection,
    keys: &[(KeyId, Timestamp)],
    sessions: &[([u8; 32], Timestamp)],
) -> Result<(), StoreError> {
    let mut of_key = connection
        .prepare_cached("UPDATE api_key SET used_at = max(coalesce(used_at, 0), ?2) WHERE id = ?1")?;
    for (key, at) in keys {
        of_key.execute(params![key.as_str(), at.as_millisecond()])?;
    }
    let mut of_session =
        connection.prepare_cached("UPDATE session SET seen_at = max(seen_at, ?2) WHERE hash = ?1")?;
    for (hash, at) in sessions {
        of_session.execute(params![hash, at.as_millisecond()])?;
    }
    Ok(())
}

pub(super) fn forget_sessions(
    connection: &Connection,
    created_before: Timestamp,
    seen_before: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let over = "DELETE FROM invitation WHERE expires_at <= ?1";
    connection.prepare_cached(over)?.execute([now.as_millisecond()])?;
    let sql = "DELETE FROM session WHERE created_at < ?1 OR seen_at < ?2";
    let row = params![created_before.as_millisecond(), seen_before.as_millisecond()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn forget_audit(
    connection: &Connection,
    before: Timestamp,
    most: usize,
) -> Result<usize, StoreError> {
    // The first ones are the oldest, so that no more of them is looked at than is to go.
    let sql = "DELETE FROM audit WHERE at < ?1 AND id < (SELECT max(id) FROM audit)
                 AND id IN (SELECT id FROM audit ORDER BY id LIMIT ?2)";
    Ok(connection.prepare_cached(sql)?.execute(params![before.as_millisecond(), most])?)
}

/// Its row stays for ever, since the hash in it is what keeps its secret from being taken again. No key of people is called
/// so, as names do not end with a space.
pub(super) fn forget_revoked_keys(connection: &Connection, before: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE api_key SET name = id || ' ', scopes = '[]', workflows = NULL, expires_at = NULL, used_at = NULL
               WHERE revoked_at < ?1 AND name <> id || ' '";
    connection.prepare_cached(sql)?.execute([before.as_millisecond()])?;
    Ok(())
}

pub(super) fn keys_used(connection: &Connection) -> Result<Vec<(KeyId, Option<Timestamp>)>, StoreError> {
    all(connection, "SELECT id, used_at FROM api_key WHERE revoked_at IS NULL ORDER BY id", [], |row| {
        let used_at = row.get::<_, Option<i64>>(1)?.map(instant).transpose()?;
        Ok((KeyId::new(row.get::<_, String>(0)?), used_at))
    })
}

pub(super) fn keys(connection: &Connection) -> Result<Vec<ApiKey>, StoreError> {
    let sql = "SELECT id, name, hash, scopes, workflows, expires_at FROM api_key WHERE revoked_at IS NULL ORDER BY id";
    all(connection, sql, [], |row| {
        Ok(ApiKey {
            id: KeyId::new(row.get::<_, String>(0)?),
            name: row.get(1)?,
            hash: row.get(2)?,
            // One that this version does not know gives nothing.
            scopes: texts(row, 3)?.iter().filter_map(|name| Scope::named(name)).collect(),
            workflows: match row.get_ref(4)? {
                rusqlite::types::ValueRef::Null => None,
                _ => Some(texts(row, 4)?.into_iter().map(WorkflowId::new).collect()),
            },
            expires_at: row.get::<_, Option<i64>>(5)?.map(instant).transpose()?,
        })
    })
}

fn texts(row: &Row<'_>, column: usize) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(corrupt)
}

const INVITATION: &str = "SELECT id, hash, user_id, email, is_administrator, roles, created_at, expires_at, made_by FROM invitation";

pub(super) fn invitations(connection: &Connection) -> Result<Vec<Invitation>, StoreError> {
    all(connection, &format!("{INVITATION} ORDER BY created_at, id"), [], read_invitation)
}

pub(super) fn invitation(connection: &Connection, hash: &[u8; 32]) -> Result<Option<Invitation>, StoreError> {
    let found = all(connection, &format!("{INVITATION} WHERE hash = ?1"), [hash], read_invitation)?;
    Ok(found.into_iter().next())
}

fn read_invitation(row: &Row<'_>) -> Result<Invitation, StoreError> {
    let roles: serde_json::Map<String, Value> =
        serde_json::from_str(&row.get::<_, String>(5)?).map_err(corrupt)?;
    let role =
        |(workflow, role): (String, Value)| Some((WorkflowId::new(workflow), RoleId::new(role.as_str()?)));
    Ok(Invitation {
        id: row.get(0)?,
        hash: row.get(1)?,
        user: row.get::<_, Option<String>>(2)?.map(UserId::new),
        email: row.get(3)?,
        is_administrator: row.get(4)?,
        roles: roles.into_iter().filter_map(role).collect(),
        created_at: instant(row.get(6)?)?,
        expires_at: instant(row.get(7)?)?,
        made_by: row.get(8)?,
    })
}

/// Newest first, before the entry with a number.
pub(super) fn audit(
    connection: &Connection,
    before: Option<u64>,
    most: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let sql =
        "SELECT id, at, performer, change, about, detail FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    all(connection, sql, params![before, most], |row| {
        Ok(AuditEntry {
            id: row.get(0)?,
            at: instant(row.get(1)?)?,
            performer: rows::performer_from_json(&row.get::<_, String>(2)?)?,
            change: row.get(3)?,
            about: row.get(4)?,
            detail: serde_json::from_str(&row.get::<_, String>(5)?).map_err(corrupt)?,
        })
    })
}
