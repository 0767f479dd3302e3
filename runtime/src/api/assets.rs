//! The web UI: its built files, which the program has in it, and the one page that they begin from.
//!
//! What the files do, this does not know. The page is the answer for every address that a browser opens and the API
//! does not have, because the UI itself tells its pages apart.

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{Mutex, OnceLock, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::Embed;

use super::{Api, error::ApiError, no_such_route};
use crate::credential;

/// Made by `npm run build` in `runtime/ui`, and checked in.
#[derive(Embed)]
#[folder = "ui/built/"]
struct Built;

/// The page's name among the built files; the place in it that each answer fills in anew, and the one for the path
/// below which the server is reached.
const PAGE: &str = "index.html";
const NONCE: &str = "ONWARD_NONCE";
const PATH: &str = "ONWARD_PATH";

/// The names of built files follow from their contents.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const A_DAY: &str = "public, max-age=86400";

/// Files that are kept compressed. There are never more than were built.
static COMPRESSED: OnceLock<Mutex<HashMap<String, web::Bytes>>> = OnceLock::new();

/// The UI's routes; whatever else is asked for, in a browser, is its page.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    let built = || web::get().to(file);
    config.service(web::resource("/assets/{name}").route(built()).route(web::head().to(file)));
    config.service(web::resource("/onward.svg").route(built()));
    config.default_service(web::to(page));
}

async fn file(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let name = request.path().trim_start_matches('/');
    let Some(found) = Built::get(name) else { return no_such_route(request).await };
    let mut response = HttpResponse::Ok();
    let kept = if name.starts_with("assets/") { FOR_EVER } else { A_DAY };
    response
        .insert_header((header::CONTENT_TYPE, content_type(name)))
        .insert_header((header::CACHE_CONTROL, kept))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if takes_gzip(&request) {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
        return Ok(response.body(compressed(name, &found.data).map_err(ApiError::internal)?));
    }
    Ok(response.body(found.data.into_owned()))
}

/// The page, for a browser; for everybody else, that there is no such address.
async fn page(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let Some(found) = Built::get(PAGE).filter(|_| is_read && accept.contains("text/html")) else {
        return no_such_route(request).await;
    };
    let nonce = credential::random_hex(16).map_err(ApiError::internal)?;
    let path = api.public_path().replace('&', "&amp;").replace('"', "&quot;");
    // Its files are named from the root.
    let text = String::from_utf8_lossy(&found.data).replace("=\"/", &format!("=\"{path}/"));
    let text = text.replace(NONCE, &nonce).replace(PATH, &path);
    // Nothing from elsewhere, nothing that a text of somebody's could run. Pictures may be a plugin's icon or a file.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; \
         font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .body(text))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// A file as gzip has it; made when it is first asked for.
fn compressed(name: &str, data: &[u8]) -> std::io::Result<web::Bytes> {
    let kept = COMPRESSED.get_or_init(Mutex::default);
    if let Some(found) = kept.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
        return Ok(found.clone());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data)?;
    let made = web::Bytes::from(encoder.finish()?);
    kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), made.clone());
    Ok(made)
}
