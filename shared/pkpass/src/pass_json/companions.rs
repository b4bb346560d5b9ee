//! Rules of keys that depend on one another, on the certificate, or on the time.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::finding::Place;
use super::judge::{Judge, Stage};
use super::rules::Rule;
use super::{Context, dates, styles_of};

/// More is cut by phones without a word, in bytes.
const NFC_MESSAGE_BYTES: usize = 64;

/// The reason of [`Rule::ExpiredAlready`]. It depends on how a pass came to be published, which is not to be seen
/// later; whoever has noted it can tell by this.
pub const EXPIRED_ALREADY: &str = "it is in the past, so the pass is expired from the beginning: write a later one";

pub(super) fn check(judge: &mut Judge, pass: &Map<String, Value>, context: &Context<'_>) {
    let at = |key: &str| Place::default().key(key);
    let has_store_identifiers = pass
        .get("associatedStoreIdentifiers")
        .and_then(Value::as_array)
        .is_some_and(|identifiers| !identifiers.is_empty());
    let has_url = pass.get("appLaunchURL").is_some_and(|url| url != "");
    if has_url && !has_store_identifiers {
        let reason = "appLaunchURL needs the app that it opens: add the app's number in the App Store";
        let places = vec![at("associatedStoreIdentifiers"), at("appLaunchURL")];
        judge.open(Rule::AppToOpen, places, reason);
    }
    let is_ticket = styles_of(pass)
        .iter()
        .any(|style| ["boardingPass", "eventTicket"].contains(style));
    if pass.contains_key("groupingIdentifier") && !is_ticket {
        let reason = "only event tickets and boarding passes are grouped: remove it";
        judge.find(Rule::Grouping, at("groupingIdentifier"), reason);
    }
    nfc(judge, pass, context);
    featured_actions(judge, pass);
    times(judge, pass, context, is_ticket);
}

fn nfc(judge: &mut Judge, pass: &Map<String, Value>, context: &Context<'_>) {
    let Some(nfc) = pass.get("nfc") else {
        return;
    };
    let place = Place::default().key("nfc");
    match context.nfc_certificate {
        Some(true) => {}
        Some(false) => judge.certificate(
            Rule::NfcCertificate,
            place.clone(),
            "the certificate of this pass type is not one for NFC, and phones refuse the pass: ask Apple for an NFC \
             certificate, or remove nfc",
        ),
        None if judge.stage == Stage::Skeleton => judge.certificate(
            Rule::NfcCertificate,
            place.clone(),
            "phones refuse it unless the certificate of the pass type is one for NFC: look with `livepass secret check`",
        ),
        None => {}
    }
    let message = nfc.get("message").and_then(Value::as_str);
    if message.is_some_and(|message| message.len() > NFC_MESSAGE_BYTES) {
        let reason = format!("phones send its first {NFC_MESSAGE_BYTES} bytes only: shorten it");
        judge.find(Rule::NfcMessage, place.key("message"), reason);
    }
}

fn featured_actions(judge: &mut Judge, pass: &Map<String, Value>) {
    let mut seen = HashSet::new();
    let place = Place::default().key("featuredActions");
    let actions = pass.get("featuredActions").and_then(Value::as_array);
    for (position, action) in actions.into_iter().flatten().enumerate() {
        let text = |key: &str| action.get(key).and_then(Value::as_str);
        let place = place.index(position);
        if text("type").is_none() {
            judge.find(Rule::FeaturedAction, place.key("type"), "it is missing: add it as text");
        }
        match text("identifier") {
            None => judge.find(
                Rule::FeaturedAction,
                place.key("identifier"),
                "it is missing: add it as text",
            ),
            Some(identifier) if !seen.insert(identifier) => {
                let reason = "another action has it too: give each one of its own";
                judge.find(Rule::FeaturedAction, place.key("identifier"), reason);
            }
            Some(_) => {}
        }
    }
}

fn times(judge: &mut Judge, pass: &Map<String, Value>, context: &Context<'_>, is_ticket: bool) {
    let Some(now) = context.now else {
        return;
    };
    let moment = |key: &str| {
        pass.get(key)
            .and_then(Value::as_str)
            .and_then(|text| dates::parse(text).ok())
    };
    let is_over = |key: &str| moment(key).is_some_and(|moment| moment < now);
    let at = |key: &str| Place::default().key(key);
    if is_over("relevantDate") && !is_ticket && !is_over("expirationDate") && pass.get("voided") != Some(&true.into()) {
        let reason = "it is in the past, and phones move such a pass to the expired ones: remove it, or write a later \
                      one";
        judge.find(Rule::RelevanceOver, at("relevantDate"), reason);
    }
    if context.is_new && is_over("expirationDate") {
        judge.find(Rule::ExpiredAlready, at("expirationDate"), EXPIRED_ALREADY);
    }
}

/// The key that livepass puts in and that has a form.
pub(super) fn pass_type(judge: &mut Judge, pass: &Map<String, Value>) {
    let text = pass.get("passTypeIdentifier").and_then(Value::as_str);
    if text.is_some_and(|text| !text.is_empty() && !text.starts_with("pass.")) {
        let place = Place::default().key("passTypeIdentifier");
        judge.find(Rule::PassType, place, "it is no pass type: they begin with `pass.`");
    }
}
