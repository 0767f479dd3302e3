//! Comments on a task.

use jiff::Timestamp;

use super::{Change, Current, Refusal};
use crate::model::{
    comment::{COMMENTS_MAX, Comment, body_errors},
    id::UserId,
    user::Performer,
};

/// What somebody writes.
#[derive(Debug, Clone)]
pub struct NewComment {
    pub body: String,
    pub mentions: Vec<UserId>,
    pub performer: Performer,
    pub now: Timestamp,
}

/// Adds a comment. The task stays as it is: neither its revision nor its history says anything of it.
pub fn write_comment(new: NewComment, current: &Current<'_>) -> Result<Change, Refusal> {
    let NewComment { body, mentions, performer, now } = new;
    let task = current.task.ok_or(Refusal::TaskMissing)?.id;
    let errors = body_errors(&body);
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    let number = current.look.comments() + 1;
    if number > COMMENTS_MAX {
        return Err(Refusal::TooMany { what: "comments", most: COMMENTS_MAX });
    }
    let comment = Comment { task, number, body, mentions, performer, at: now };
    Ok(Change { comment: Some(comment), ..Change::default() })
}
