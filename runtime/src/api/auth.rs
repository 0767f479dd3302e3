//! Who is asking, and whether they may: `Authorization: Bearer KEY`, or the cookie of somebody who is signed in.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{Method, header},
};
use futures_util::future::{Ready, ready};

use super::{Api, Code, error::ApiError};
use crate::{
    model::{
        ApiKey, Performer, Right, Scope, User, Workflow, WorkflowId, Workspace,
        rights::{self, Wanted, user_may},
        workspace::Published,
    },
    sessions,
    store::admin::By,
};

/// The cookie of a session. With https its name keeps other hosts of the domain from setting it.
const COOKIE: &str = "onward_session";
const SECURE_COOKIE: &str = "__Host-onward_session";

/// Whether people reach the server by https.
fn is_secure(public_url: &str) -> bool {
    public_url.starts_with("https://")
}

/// What the cookie is called on a server that is reached there.
pub(super) fn cookie_name(public_url: &str) -> &'static str {
    if is_secure(public_url) { SECURE_COOKIE } else { COOKIE }
}

/// Who made a request, with the snapshot of the workspace in which they did. Whether they may is looked at before a
/// handler has it, as its operation's [`Need`](super::need::Need) says.
#[derive(Clone)]
pub(super) struct Caller {
    who: Who,
    pub(super) workspace: Arc<Workspace>,
}

#[derive(Clone)]
enum Who {
    Key(Arc<ApiKey>),
    User {
        user: Arc<User>,
        /// The hash of the session's token.
        session: [u8; 32],
    },
}

impl Caller {
    pub(super) fn key(&self) -> Option<&ApiKey> {
        match &self.who {
            Who::Key(key) => Some(key),
            Who::User { .. } => None,
        }
    }

    /// Who is signed in, and the hash of the session's token.
    pub(super) fn signed_in(&self) -> Option<(&Arc<User>, [u8; 32])> {
        match &self.who {
            Who::Key(_) => None,
            Who::User { user, session } => Some((user, *session)),
        }
    }

    /// The key's id, or the user's.
    pub(super) fn id(&self) -> &str {
        match &self.who {
            Who::Key(key) => key.id.as_str(),
            Who::User { user, .. } => user.id.as_str(),
        }
    }

    pub(super) fn performer(&self) -> Performer {
        match &self.who {
            Who::Key(key) => Performer::from(&**key),
            Who::User { user, .. } => Performer::from(&**user),
        }
    }

    pub(super) fn by(&self, api: &Api) -> By {
        By { performer: self.performer(), at: api.shared.clock.now() }
    }

    pub(super) fn may(&self, workflow: &Workflow, right: Right<'_>) -> bool {
        match &self.who {
            Who::Key(key) => key.allows(&workflow.id, right),
            Who::User { user, .. } => user_may(user, workflow, &self.workspace.directory, right),
        }
    }

    /// # Errors
    /// 403 where they may not.
    pub(super) fn allow(&self, workflow: &Workflow, right: Right<'_>) -> Result<(), ApiError> {
        if self.may(workflow, right) {
            return Ok(());
        }
        let who = match &self.who {
            Who::Key(key) => shown_key(key),
            Who::User { user, .. } => shown_user(user, workflow, &self.workspace),
        };
        let message = format!("{who} may not {}", Wanted(right, workflow));
        Err(ApiError::new(Code::Forbidden, message))
    }

    /// The published version of a workflow. One that they may not see is not there for them.
    pub(super) fn workflow(&self, id: &str) -> Result<Published, ApiError> {
        let found = self.workspace.workflow(id).filter(|found| self.may(&found.workflow, Right::View));
        found.cloned().ok_or_else(|| self.no_workflow(id))
    }

    /// Refuses what is new in a workflow that is put away.
    pub(super) fn in_use(&self, id: &str) -> Result<(), ApiError> {
        if !self.workspace.archived.contains(&WorkflowId::new(id)) {
            return Ok(());
        }
        let message = format!(
            "the workflow `{id}` is archived: nothing new is done in it until POST /api/v1/workflows/{id}/unarchive"
        );
        Err(ApiError::new(Code::WorkflowArchived, message))
    }

    /// Whether a workflow cannot be read, and they may save a version of it that can.
    pub(super) fn may_mend(&self, id: &str) -> bool {
        self.workspace.unreadable.contains_key(id) && self.administers()
    }

    fn no_workflow(&self, id: &str) -> ApiError {
        if let Some(broken) = self.workspace.unreadable.get(id).filter(|_| self.administers()) {
            let message = format!("the workflow `{id}` is broken: {}", broken.why);
            return ApiError::new(Code::StepTypeMissing, message);
        }
        let seen: Vec<_> = self.workflows().map(|it| it.workflow.id.as_str()).collect();
        let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
        ApiError::new(Code::WorkflowNotFound, format!("there is no workflow `{id}`; you may see {seen}"))
    }

    /// Those that they may see.
    pub(super) fn workflows(&self) -> impl Iterator<Item = &Published> {
        self.workspace.workflows.iter().filter(|it| self.may(&it.workflow, Right::View))
    }

    /// Who makes a request.
    ///
    /// # Errors
    /// 401 where that is nobody we know, 403 where a cookie comes from a page that is not ours.
    pub(super) async fn of(api: &Api, request: &HttpRequest) -> Result<Self, ApiError> {
        if let Some(header) = request.headers().get(header::AUTHORIZATION) {
            return by_key(api, header);
        }
        let cookie = request.cookie(api.cookie_name()).ok_or_else(|| {
            let message = "an API key is needed (send the header `Authorization: Bearer KEY`), or a user who is signed in";
            ApiError::new(Code::Unauthorized, message)
        })?;
        same_origin(api, request)?;
        by_session(api, sessions::hash(cookie.value()), true).await
    }

    /// The same caller a while later; an error where they may not come in any more.
    pub(super) async fn again(&self, api: &Api) -> Result<Self, ApiError> {
        match &self.who {
            Who::Key(key) => key_with(api, &key.hash, false),
            Who::User { session, .. } => by_session(api, *session, false).await,
        }
    }

    /// Whether they administer the workspace.
    pub(super) fn administers(&self) -> bool {
        match &self.who {
            Who::Key(key) => key.is_administrator(),
            Who::User { user, .. } => user.is_administrator,
        }
    }

    /// # Errors
    /// 403 where they do not administer the workspace.
    pub(super) fn administer(&self) -> Result<(), ApiError> {
        if self.administers() {
            return Ok(());
        }
        Err(ApiError::new(Code::Forbidden, format!("{} does not administer the workspace", self.shown())))
    }

    /// They did when the request came, and do not now.
    pub(super) fn administers_no_more(&self) -> ApiError {
        let message = format!("{} does not administer the workspace any more", self.shown());
        ApiError::new(Code::Forbidden, message)
    }

    fn shown(&self) -> String {
        match &self.who {
            Who::Key(key) => shown_key(key),
            Who::User { user, .. } => user.email.clone(),
        }
    }

    /// # Errors
    /// 403 where they may not see how the whole server is doing.
    pub(super) fn watch(&self) -> Result<(), ApiError> {
        let reads_all = |key: &ApiKey| key.workflows.is_none() && key.scopes.contains(&Scope::Read);
        if self.administers() || self.key().is_some_and(reads_all) {
            return Ok(());
        }
        let message = "an administrator is needed, or an API key that reads every workflow";
        Err(ApiError::new(Code::Forbidden, message))
    }

    /// In whose name something is done: a user's, by email or id, whose rights then count, too; else the caller's own.
    pub(super) fn performer_of(
        &self,
        workflow: &Workflow,
        right: Right<'_>,
        performed_by: Option<&str>,
    ) -> Result<Performer, ApiError> {
        self.allow(workflow, right)?;
        let Some(name) = performed_by else { return Ok(self.performer()) };
        let user = self.workspace.directory.find(name).ok_or_else(|| {
            let message = format!("`performed_by`: there is no user `{name}`");
            ApiError::refused_execution(Code::UserNotFound, vec![message])
        })?;
        let refused = |message: String| Err(ApiError::refused_execution(Code::Forbidden, vec![message]));
        if self.signed_in().is_some_and(|(own, _)| own.id != user.id) {
            return refused("`performed_by`: who is signed in acts in their own name".to_owned());
        }
        if !user_may(user, workflow, &self.workspace.directory, right) {
            let who = shown_user(user, workflow, &self.workspace);
            return refused(format!("`performed_by`: {who} may not {}", Wanted(right, workflow)));
        }
        Ok(Performer::from(&**user))
    }
}

fn shown_key(key: &ApiKey) -> String {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.name()).collect();
    let place = match &key.workflows {
        None => "everywhere".to_owned(),
        Some(ids) => ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", "),
    };
    format!("the API key “{}” ({} in {place})", key.name, scopes.join(", "))
}

fn shown_user(user: &User, workflow: &Workflow, workspace: &Workspace) -> String {
    let role = rights::role(user, workflow, &workspace.directory);
    format!("{} ({})", user.email, role.map_or("without a role", |role| &role.name))
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    /// Who was let in; nobody where the operation asks for nobody.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let admitted = request.extensions().get().cloned();
        ready(admitted.ok_or_else(|| ApiError::internal("the operation has let nobody in")))
    }
}

fn by_key(api: &Api, header: &header::HeaderValue) -> Result<Caller, ApiError> {
    let secret = header.to_str().ok().and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    let secret = secret.ok_or_else(|| {
        ApiError::new(Code::Unauthorized, "the header must be written `Authorization: Bearer KEY`")
    })?;
    key_with(api, &sessions::hash(secret), true)
}

/// By the hash of its secret.
fn key_with(api: &Api, hash: &[u8; 32], is_use: bool) -> Result<Caller, ApiError> {
    let workspace = api.workspace().current();
    let key = workspace.keys.get(hash).cloned().ok_or_else(|| {
        ApiError::new(
            Code::Unauthorized,
            "this server does not know that API key; `onward key add NAME` makes one",
        )
    })?;
    if let Some(at) = key.expires_at.filter(|_| key.has_expired(api.shared.clock.now())) {
        return Err(ApiError::new(
            Code::Unauthorized,
            format!("the API key “{}” has expired at {at}", key.name),
        ));
    }
    if is_use {
        api.sessions.key_used(&key.id);
    }
    Ok(Caller { who: Who::Key(key), workspace })
}

/// `is_use`: they do something, and do not only listen.
async fn by_session(api: &Api, session: [u8; 32], is_use: bool) -> Result<Caller, ApiError> {
    let workspace = api.workspace().current();
    let user = api.sessions.user(&workspace, session, is_use).await?;
    let user = user.ok_or_else(|| ApiError::new(Code::Unauthorized, "the session is over; sign in again"))?;
    Ok(Caller { who: Who::User { user, session }, workspace })
}

/// A cookie comes with whatever page makes a request, so what changes something must come from our own pages.
pub(super) fn same_origin(api: &Api, request: &HttpRequest) -> Result<(), ApiError> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
        return Ok(());
    }
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_own = match (text("Origin"), text("Sec-Fetch-Site")) {
        (Some(origin), _) => {
            let own = |host: &str| {
                origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
            };
            origin.eq_ignore_ascii_case(api.public_origin())
                || !api.is_secure() && text("Host").is_some_and(own)
        }
        (None, Some(site)) => site == "same-origin",
        (None, None) => false,
    };
    if is_own {
        return Ok(());
    }
    let message = "requests that change something with a cookie must come from this server's own pages; \
                   `server.public_url` says where those are";
    Err(ApiError::new(Code::CrossOrigin, message))
}

impl Api {
    pub(super) fn is_secure(&self) -> bool {
        is_secure(&self.public_url)
    }

    pub(super) fn cookie_name(&self) -> &'static str {
        cookie_name(&self.public_url)
    }

    /// Where a request comes from: the other end of the connection, or whom a trusted proxy names.
    pub(super) fn client_address(&self, request: &HttpRequest) -> String {
        let Some(peer) = request.peer_addr().map(|address| address.ip().to_canonical()) else {
            return String::new();
        };
        let is_trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(address));
        let named = request.headers().get_all("X-Forwarded-For").filter_map(|value| value.to_str().ok());
        let mut address = peer;
        // From the nearest to the farthest: the first that we do not trust is whom we believe, and nobody beyond one that
        // cannot be read.
        for next in named.flat_map(|value| value.split(',')).collect::<Vec<_>>().into_iter().rev() {
            if !is_trusted(&address) {
                break;
            }
            let Some(next) = read_address(next.trim()) else { break };
            address = next;
        }
        place_of(address)
    }
}

/// An address as proxies write it: perhaps with a port, or in brackets.
fn read_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let with_port = || text.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    bare.or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// Whoever has one IPv6 address has all of its network.
fn place_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
