//! The audit log: who has changed what about people, keys, secrets, endpoints and workflows.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Api, Code,
    error::ApiError,
    json as answer,
    need::Need,
    page::LIMIT_MAX,
    query,
    route::{Route, at, list_of, operation},
};
use crate::{model::document::ShownPerformer, store::admin::AuditEntry};

const LIMIT_DEFAULT: usize = 100;

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/audit").get(
            list,
            operation(
                "listAudit",
                Need::Workspace,
                "Who has changed what about people, keys, secrets, endpoints and workflows, newest first",
            )
            .query(
                "_limit",
                json!({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}),
                "How many at most",
            )
            .query(
                "_cursor",
                json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
                "The number of the last entry of the page before",
            )
            .answers(200, "The entries", list_of("AuditEntry")),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(rename = "_limit")]
    limit: Option<usize>,
    /// The number of the entry after which, back in time, the page begins.
    #[serde(rename = "_cursor")]
    cursor: Option<u64>,
}

fn shown(entry: &AuditEntry) -> Value {
    json!({
        "number": entry.id,
        "at": entry.at.to_string(),
        "performed_by": ShownPerformer(&entry.performer),
        "change": entry.change,
        "about": entry.about,
        "detail": entry.detail,
    })
}

/// Newest first. The last entry's number is the next page's cursor.
async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let invalid = |message: String| ApiError::new(Code::InvalidParameter, message);
    let page: Page = query(&request)?;
    let most = page.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&most) {
        return Err(invalid(format!("`_limit` is from 1 to {LIMIT_MAX}")));
    }
    let entries = api.store().audit(page.cursor, most).await?;
    answer(HttpResponse::Ok(), &entries.iter().map(shown).collect::<Vec<_>>())
}
