//! What an operation asks of who makes a request. It is said where the operation is registered, once: the same value is
//! enforced before the handler runs, and shown in the OpenAPI document.

use actix_web::{HttpMessage, HttpRequest, web};
use serde_json::{Value, json};

use super::{Api, Code, auth::Caller, error::ApiError};
use crate::model::{Right, Scope};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: nobody needs to say who they are.
    Nothing,
    /// To be somebody, by a key or a session. Where that is all, the answer has only what they may see.
    Known,
    /// To be signed in; a key has no session.
    Session,
    /// To view the path's workflow.
    View,
    /// To view a workflow in which a task has the path's file; the handler finds out which those are.
    ViewFile,
    /// To change tasks of the path's workflow.
    Edit,
    /// To perform the action that the request is about. The handler looks at that, since the body or an execution names
    /// it; here the workflow must be seen.
    Perform,
    /// To administer the path's workflow.
    Administer,
    /// That, and as for [`Self::Perform`].
    AdministerAndPerform,
    /// To administer the workspace.
    Workspace,
    /// To see how the whole server is doing, unless the operator lets everybody.
    Watch,
}

/// What stands before an operation's handler.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate {
    pub(super) need: Need,
    /// Whether it is possible in a workflow that is put away, too.
    pub(super) also_archived: bool,
}

impl Gate {
    /// Lets a request in, and keeps for its handler who makes it.
    ///
    /// # Errors
    /// 401 where that is nobody we know; 403, or a workflow that is not there for them, where they may not; 409 where the
    /// workflow is put away.
    pub(super) async fn admit(self, request: &HttpRequest) -> Result<(), ApiError> {
        self.need.admit(request).await?;
        self.in_use(request)
    }

    /// The same a while later, when the request's body has come: whoever held back its end must not do what they may not do
    /// any more. The handler has the later caller, with the workspace as it is now.
    ///
    /// # Errors
    /// As of [`Self::admit`].
    pub(super) async fn admit_again(self, request: &HttpRequest) -> Result<(), ApiError> {
        self.need.admit_again(request).await?;
        self.in_use(request)
    }

    fn in_use(self, request: &HttpRequest) -> Result<(), ApiError> {
        let (extensions, workflow) = (request.extensions(), request.match_info().get(WORKFLOW));
        match (extensions.get::<Caller>(), workflow) {
            (Some(caller), Some(workflow)) if !self.also_archived => caller.in_use(workflow),
            _ => Ok(()),
        }
    }
}

impl Need {
    /// How the OpenAPI document calls it, in `x-onward-right`.
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Known => "known",
            Self::Session => "session",
            Self::View | Self::ViewFile => "view",
            Self::Edit => "edit",
            Self::Perform => "perform",
            Self::Administer => "administer",
            Self::AdministerAndPerform => "administer_and_perform",
            Self::Workspace => "administer_workspace",
            Self::Watch => "watch",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Nothing => "For everybody.",
            Self::Known => "For everybody with a key or a session; it shows only what they may see.",
            Self::Session => "For a user who is signed in; an API key has no session.",
            Self::View => "Needs the right to view the workflow.",
            Self::ViewFile => {
                "Needs the right to view a workflow in which a task that is there has, or had, the file."
            }
            Self::Edit => "Needs the right to change the workflow's tasks.",
            Self::Perform => "Needs the right to perform the action.",
            Self::Administer => "Needs the right to administer the workflow.",
            Self::AdministerAndPerform => {
                "Needs the right to administer the workflow, and to perform the action."
            }
            Self::Workspace => {
                "Needs an administrator of the workspace, or an API key that is one everywhere."
            }
            Self::Watch => {
                "Needs an administrator of the workspace, or an API key that reads every workflow; nothing where \
                 `metrics.open` says so."
            }
        }
    }

    /// The scopes that an API key needs; `None` where no key will do.
    fn scopes(self, has_workflow: bool) -> Option<Vec<Scope>> {
        let mut scopes = match self {
            Self::Session => return None,
            Self::Nothing | Self::Known => vec![],
            Self::View | Self::ViewFile | Self::Watch => vec![Scope::Read],
            Self::Edit => vec![Scope::Edit],
            Self::Perform => vec![Scope::Perform],
            Self::Administer | Self::Workspace => vec![Scope::Administer],
            Self::AdministerAndPerform => vec![Scope::Perform, Scope::Administer],
        };
        // A workflow that is not seen is not there.
        if has_workflow && !scopes.contains(&Scope::Read) {
            scopes.insert(0, Scope::Read);
        }
        Some(scopes)
    }

    /// For what somebody is refused who does not have it. A workflow that they may not see is not there for them.
    pub(super) fn refusals(self, method: &str) -> Vec<Code> {
        if self == Self::Nothing {
            return Vec::new();
        }
        let mut codes = vec![Code::Unauthorized];
        // Of a cookie, on a request that changes something.
        codes.extend((method != "get").then_some(Code::CrossOrigin));
        let is_for_all = matches!(self, Self::Known | Self::View | Self::ViewFile);
        codes.extend((!is_for_all).then_some(Code::Forbidden));
        codes
    }

    /// Says in an operation's document what it asks for.
    pub(super) fn document(self, path: &str, document: &mut Value) {
        document["description"] = json!(self.description());
        document["x-onward-right"] = json!(self.name());
        let scopes = self.scopes(path.contains(WORKFLOW_PART));
        document["x-onward-scopes"] =
            json!(scopes.map(|it| it.into_iter().map(Scope::name).collect::<Vec<_>>()));
        match self {
            Self::Nothing => document["security"] = json!([]),
            Self::Session => document["security"] = json!([{"session": []}]),
            _ => {}
        }
    }

    /// Whether an operation can ask for it at a path.
    pub(super) fn fits(self, path: &str) -> bool {
        match self {
            Self::View | Self::Edit | Self::Perform | Self::Administer | Self::AdministerAndPerform => {
                path.contains(WORKFLOW_PART)
            }
            Self::ViewFile => path.contains("{blob}"),
            _ => true,
        }
    }

    /// As [`Gate::admit`], whatever has become of the workflow.
    pub(super) async fn admit(self, request: &HttpRequest) -> Result<(), ApiError> {
        let api =
            request.app_data::<web::Data<Api>>().ok_or_else(|| ApiError::internal("the API has no data"))?;
        if self == Self::Nothing || self == Self::Watch && api.metrics_are_open {
            return Ok(());
        }
        let caller = Caller::of(api, request).await?;
        self.of(&caller, request.match_info().get(WORKFLOW))?;
        request.extensions_mut().insert(caller);
        Ok(())
    }

    async fn admit_again(self, request: &HttpRequest) -> Result<(), ApiError> {
        let before = request.extensions().get::<Caller>().cloned();
        let (Some(before), Some(api)) = (before, request.app_data::<web::Data<Api>>()) else {
            return Ok(());
        };
        let caller = before.again(api).await?;
        self.of(&caller, request.match_info().get(WORKFLOW))?;
        request.extensions_mut().insert(caller);
        Ok(())
    }

    fn of(self, caller: &Caller, workflow: Option<&str>) -> Result<(), ApiError> {
        match self {
            Self::Session if caller.signed_in().is_none() => {
                let message = "an API key has no session; this is for users who are signed in";
                return Err(ApiError::new(Code::Forbidden, message));
            }
            Self::Workspace => caller.administer()?,
            Self::Watch => caller.watch()?,
            _ => {}
        }
        let Some(workflow) = workflow else { return Ok(()) };
        match self {
            Self::Edit => caller.allow(&caller.workflow(workflow)?.workflow, Right::Edit),
            // A new version may mend one that cannot be read, of which nobody knows who administers it.
            Self::Administer if caller.may_mend(workflow) => Ok(()),
            Self::Administer | Self::AdministerAndPerform => {
                caller.allow(&caller.workflow(workflow)?.workflow, Right::Administer)
            }
            _ => caller.workflow(workflow).map(drop),
        }
    }
}

/// The parameter of paths that names a workflow. As the router has it, where `%`, `/` and `+` stay escaped: no id has one
/// of those, so that a handler, which reads it without escapes, cannot find another workflow than was asked for here.
pub(super) const WORKFLOW: &str = "workflow";
const WORKFLOW_PART: &str = "{workflow}";
