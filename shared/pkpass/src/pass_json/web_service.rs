use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use super::finding::Place;
use super::judge::Judge;
use super::rules::Rule;

/// Apple's minimum for `authenticationToken`, in characters.
const TOKEN_LENGTH: usize = 16;

pub(super) fn check(judge: &mut Judge, pass: &Map<String, Value>) {
    let at = |key: &str| Place::default().key(key);
    let mut find = |key: &str, reason: String| judge.find(Rule::WebService, at(key), reason);
    let url = pass.get("webServiceURL");
    let token = pass.get("authenticationToken");
    match (url, token) {
        (Some(_), None) => find(
            "authenticationToken",
            "it is missing, but webServiceURL is there: add both or none".into(),
        ),
        (None, Some(_)) => find(
            "webServiceURL",
            "it is missing, but authenticationToken is there: add both or none".into(),
        ),
        _ => {}
    }
    if let Some(Value::String(token)) = token
        && token.chars().count() < TOKEN_LENGTH
    {
        let reason = format!("it is too short: write at least {TOKEN_LENGTH} characters");
        find("authenticationToken", reason);
    }
    if let Some(Value::String(url)) = url
        && let Err(reason) = check_web_service_url(url)
    {
        find("webServiceURL", reason.into());
    }
}

/// Judges a `webServiceURL` by itself, before there is a pass: https (http for loopback hosts only),
/// and neither query, fragment, user name, slash nor `/v1` at its end, because Wallet appends
/// `/v1/...` itself.
///
/// # Errors
/// A sentence that says what is wrong and names the fix.
pub fn check_web_service_url(url: &str) -> Result<(), &'static str> {
    const NO_URL: &str = "it is no URL: write it like https://passes.example.com";
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it has white space in it: remove it");
    }
    let (scheme, rest) = url.split_once("://").ok_or(NO_URL)?;
    if rest.contains(['?', '#']) {
        return Err("it has a query or fragment: Wallet appends paths, so end it before that");
    }
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    if authority.contains('@') {
        return Err("it has a user name in it: remove it");
    }
    let host = host_of(authority).ok_or(NO_URL)?;
    match scheme.to_ascii_lowercase().as_str() {
        "https" => {}
        "http" if is_loopback(host) => {}
        "http" => return Err("it is not encrypted: write https (http is for loopback hosts only)"),
        _ => return Err(NO_URL),
    }
    if path.ends_with('/') {
        return Err("it ends with a slash: remove it, Wallet appends /v1 itself");
    }
    if path.ends_with("/v1") {
        return Err("it ends with /v1: remove it, Wallet appends /v1 itself");
    }
    Ok(())
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`, without brackets.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return None,
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port_is_sane = port.is_none_or(|port| port.parse::<u16>().is_ok());
    (!host.is_empty() && port_is_sane).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}
