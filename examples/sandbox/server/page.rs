//! The page on which a person enters a code, sees who asks for what, and says yes or no.

use super::Shared;
use super::entra::AZURE_CLI;
use super::http::{Request, Response};
use super::state::Entered;

const PAGE: &str = include_str!("page.html");

pub(super) fn answer(request: &Request, shared: &Shared) -> Response {
    let is_post = request.method == "POST";
    let text = if is_post { request.body.as_slice() } else { request.query.as_bytes() };
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(text);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let code = field("code");
    if code.trim().is_empty() {
        return page(200, &enter(None));
    }
    let mut state = shared.state();
    let open = match state.entered(&code) {
        Entered::Open(open) => open,
        Entered::Expired => {
            return page(404, &enter(Some("This code has expired. Start the sign-in again for a new one.")));
        }
        Entered::Decided => {
            return page(404, &enter(Some("This code was used already. Start the sign-in again for a new one.")));
        }
        Entered::Unknown => {
            return page(404, &enter(Some("This code is not known. Compare it with the one in your terminal.")));
        }
    };
    let decision = match field("decision").as_str() {
        "approve" => true,
        "decline" => false,
        _ => return page(200, &decide(&open.user_code, &open.client_id, shared)),
    };
    // A decision comes by POST alone: following a link must never sign anybody in.
    if !is_post {
        return page(405, &enter(Some("Decide with the buttons of this page.")));
    }
    open.decision = Some(decision);
    let said = if decision { "You are signed in" } else { "You declined the sign-in" };
    page(200, &format!("<h1 role=\"status\">{said}</h1><p>You can close this page and go back to the terminal.</p>"))
}

/// The form for the code, and what was wrong with the last one.
fn enter(wrong: Option<&str>) -> String {
    let alert = wrong.map(|wrong| format!("<p class=\"wrong\" id=\"wrong\" role=\"alert\">{wrong}</p>"));
    let described = if wrong.is_some() { " aria-invalid=\"true\" aria-describedby=\"wrong\"" } else { "" };
    format!(
        "<h1>Enter the code</h1>{}<form method=\"post\" action=\"/device\">\
         <label for=\"code\">Code shown in the terminal</label>\
         <input id=\"code\" name=\"code\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" \
         maxlength=\"20\" required autofocus{described}><button>Next</button></form>",
        alert.unwrap_or_default()
    )
}

/// What the person decides about.
fn decide(code: &str, client_id: &str, shared: &Shared) -> String {
    let options = &shared.options;
    let (account, tenant) = (escape(&options.account), escape(&options.tenant));
    let application = match client_id {
        AZURE_CLI => format!("Microsoft Azure CLI<br><small>{AZURE_CLI}</small>"),
        other => escape(other),
    };
    format!(
        "<h1>Sign in?</h1><dl><dt>Account</dt><dd>{account}</dd><dt>Tenant</dt><dd>{tenant}</dd>\
         <dt>Application</dt><dd>{application}</dd><dt>Code</dt><dd class=\"code\">{code}</dd></dl>\
         <p>Go on only if you have started this sign-in yourself and the code is the one in your terminal.</p>\
         <form method=\"post\" action=\"/device\"><input type=\"hidden\" name=\"code\" value=\"{code}\">\
         <button name=\"decision\" value=\"approve\">Approve</button> \
         <button name=\"decision\" value=\"decline\" class=\"quiet\">Decline</button></form>"
    )
}

fn page(status: u16, content: &str) -> Response {
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    Response { body: PAGE.replace("{{content}}", content), ..Response::empty(status) }
        .with("Content-Type", "text/html; charset=utf-8")
        .with("Content-Security-Policy", policy)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
