//! The page on which a person enters a code, sees who asks for what, and says yes or no.

use super::Shared;
use super::http::{Request, Response};

const PAGE: &str = include_str!("page.html");

pub(super) fn answer(request: &Request, shared: &Shared) -> Response {
    let field = |name: &str| {
        let text = if request.method == "POST" { request.body.as_slice() } else { request.query.as_bytes() };
        let mut pairs = form_urlencoded::parse(text);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let code = field("code");
    if code.is_empty() {
        return page(200, &enter(""));
    }
    let mut state = shared.state();
    let Some(open) = state.open_code(&code) else {
        return page(404, &enter("This code is not known, was used already, or has expired. Start the sign-in again."));
    };
    let decision = match field("decision").as_str() {
        "approve" => true,
        "decline" => false,
        _ => return page(200, &decide(&open.user_code, &open.client_id, shared)),
    };
    // A decision comes by POST alone: following a link must never sign anybody in.
    if request.method != "POST" {
        return page(405, &enter("Use the buttons of this page."));
    }
    open.decision = Some(decision);
    let said = if decision { "You are signed in." } else { "The sign-in was declined." };
    page(200, &format!("<h1>{said}</h1><p>You can close this page and go back to the terminal.</p>"))
}

fn enter(wrong: &str) -> String {
    let wrong = if wrong.is_empty() { String::new() } else { format!("<p class=\"wrong\" role=\"alert\">{wrong}</p>") };
    format!(
        "<h1>Enter the code</h1>{wrong}<form method=\"post\" action=\"/device\">\
         <label for=\"code\">Code shown in the terminal</label>\
         <input id=\"code\" name=\"code\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" required autofocus>\
         <button>Next</button></form>"
    )
}

fn decide(code: &str, client_id: &str, shared: &Shared) -> String {
    let options = &shared.options;
    let (account, tenant, client_id) = (escape(&options.account), escape(&options.tenant), escape(client_id));
    format!(
        "<h1>Sign in?</h1><dl><dt>Account</dt><dd>{account}</dd><dt>Tenant</dt><dd>{tenant}</dd>\
         <dt>Application</dt><dd>{client_id}</dd><dt>Code</dt><dd>{code}</dd></dl>\
         <p>Go on only if you have started this sign-in yourself and the code is the one in your terminal.</p>\
         <form method=\"post\" action=\"/device\"><input type=\"hidden\" name=\"code\" value=\"{code}\">\
         <button name=\"decision\" value=\"approve\">Approve</button> \
         <button name=\"decision\" value=\"decline\" class=\"quiet\">Decline</button></form>"
    )
}

fn page(status: u16, content: &str) -> Response {
    let headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Response { status, headers, body: PAGE.replace("{{content}}", content) }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
