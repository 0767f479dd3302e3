//! Comments on a task: list, write.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::{
    Api, Code,
    body::Body,
    error::ApiError,
    json as answer,
    need::Need,
    query,
    route::{Route, at, list_of, of, operation},
    tasks::TaskAt,
};
use crate::{
    model::{
        Comment, TaskId,
        comment::mentions,
        perform::{self, NewComment},
    },
    store::{COMMENTS_PAGE_MAX, TaskKey},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/workflows/{workflow}/tasks/{task}/comments")
            .get(
                list,
                operation("listComments", Need::View, "What is said about a task, oldest first")
                    .refuses(&[Code::InvalidParameter])
                    .answers(200, "The comments", list_of("Comment")),
            )
            .post(
                write,
                operation("writeComment", Need::Edit, "Says something about a task")
                    .refuses(&[Code::InvalidFields, Code::TooMany])
                    .takes(of("NewComment"))
                    .answers(201, "The comment", of("Comment")),
            ),
    ]
}

/// A comment in the public API's shape, and whom it mentions.
#[derive(Serialize)]
struct ShownComment<'a> {
    author: String,
    body: &'a str,
    timestamp: String,
    mentions: Vec<&'a str>,
}

impl<'a> From<&'a Comment> for ShownComment<'a> {
    fn from(comment: &'a Comment) -> Self {
        Self {
            author: comment.author(),
            body: &comment.body,
            timestamp: comment.at.to_string(),
            mentions: comment.mentions.iter().map(|user| user.as_str()).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// One that is not there is refused like an empty one.
    #[serde(default)]
    body: Option<String>,
}

async fn write(
    api: web::Data<Api>,
    at: TaskAt,
    Body(written): Body<Written>,
) -> Result<HttpResponse, ApiError> {
    let body = written.body.unwrap_or_default();
    let mentions = mentions(&body, &at.caller.workspace.directory);
    let (performer, now) = (at.caller.performer(), api.shared.clock.now());
    let new = NewComment { body, mentions, performer, now };
    let decide = Box::new(|current: &perform::Current<'_>| perform::write_comment(new, current));
    let committed = api.store().transact(TaskKey::Id(at.task.id), None, decide).await?;
    let comment =
        committed.comment.ok_or_else(|| ApiError::internal("a comment was written and is not there"))?;
    answer(HttpResponse::Created(), &ShownComment::from(&comment))
}

/// All of them, oldest first, streamed a page of the store at a time.
async fn list(api: web::Data<Api>, request: HttpRequest, at: TaskAt) -> Result<HttpResponse, ApiError> {
    let NoParameters {} = query(&request)?;
    let listing = Listing { api, task: at.task.id, after: 0, ended: false };
    let pages = stream::unfold(listing, |listing| async move { listing.page().await });
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).streaming(pages))
}

struct Listing {
    api: web::Data<Api>,
    task: TaskId,
    /// The number of the last one that was listed.
    after: u64,
    ended: bool,
}

impl Listing {
    /// The next piece of the list's text; `None` after its end. An error cuts the answer off, so that
    /// no client takes half a list for a whole one.
    async fn page(mut self) -> Option<(Result<web::Bytes, ApiError>, Self)> {
        if self.ended {
            return None;
        }
        let text = self.text().await.inspect_err(|_| self.ended = true);
        Some((text.map(web::Bytes::from), self))
    }

    async fn text(&mut self) -> Result<Vec<u8>, ApiError> {
        let comments = self.api.store().comments(self.task, self.after).await?;
        let mut text = Vec::new();
        for comment in &comments {
            text.push(if self.after == 0 { b'[' } else { b',' });
            serde_json::to_writer(&mut text, &ShownComment::from(comment)).map_err(ApiError::internal)?;
            self.after = comment.number;
        }
        self.ended = comments.len() < COMMENTS_PAGE_MAX;
        if self.ended {
            text.extend(if self.after == 0 { &b"[]"[..] } else { b"]" });
        }
        Ok(text)
    }
}
