//! Which way a call goes, where not the one that the settings say: `proxy = "http://…"` or `"direct"`.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    egress::{Guard, Proxy, Route},
    model::template::{Destination, RenderError, Scope, Template},
    step::{params::Params, schema},
};

pub(super) enum Way {
    Direct,
    Through(Template),
}

impl Way {
    /// `proxy`, where there is one.
    pub(super) fn read(params: &mut Params<'_>, guard: &Guard) -> Option<Self> {
        let source = params.text("proxy")?;
        if source == "direct" {
            return Some(Self::Direct);
        }
        let template = params.template("proxy", &source, Destination::Call)?;
        let user = source.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        if user.is_some_and(|(user, _)| !user.contains("{{")) {
            let message = "a credential stands here in plain text; set a secret and write {{secrets.NAME}}";
            params.problem("proxy", "plain_credential", message);
        } else if let Some(url) = template.fixed() {
            match Proxy::new(url, false, []) {
                Ok(proxy) => {
                    if let Err(problem) = guard.check_url(&proxy.origin()) {
                        params.problem("proxy", "url_not_callable", problem);
                    }
                }
                Err(expected) => params.problem(
                    "proxy",
                    "invalid_param",
                    format!("`proxy` must be \"direct\" or {expected}"),
                ),
            }
        }
        Some(Self::Through(template))
    }

    pub(super) fn schema() -> Value {
        let description = "\"direct\" for none, or the URL of a proxy of the step's own: http://HOST:PORT, with \
                           {{secrets.NAME}}@ before the host if need be. Without it, as egress.proxy says.";
        let mut schema = schema::template(description);
        schema["pattern"] = r"^direct$|^http://.|\{\{".into();
        schema
    }

    /// The secrets that it needs.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let template = match self {
            Self::Direct => None,
            Self::Through(template) => Some(template),
        };
        template.into_iter().flat_map(Template::secrets)
    }

    /// The way; or what the proxy's URL must be, without repeating it.
    pub(super) fn route(&self, scope: &Scope<'_>) -> Result<Result<Route, &'static str>, RenderError> {
        Ok(match self {
            Self::Direct => Ok(Route::Direct),
            Self::Through(template) => Proxy::new(&template.render_url(scope)?, false, [])
                .map(|proxy| Route::Through(Arc::new(proxy))),
        })
    }
}
