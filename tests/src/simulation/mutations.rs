//! Rules taken out, one at a time: the simulation is worth what it catches of these.
//!
//! Nothing in `functions/` or `shared/` knows of them. A mutation alters a request on the wire, or
//! what a port hands out.

use serde_json::Value;

use super::engine::Call;
use super::setup::Theme;

macro_rules! mutations {
    ($($(#[$doc:meta])* $name:ident in $theme:ident = $sentence:literal,)+) => {
        /// One rule taken out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutation {
            $(#[doc = $sentence] $(#[$doc])* $name,)+
        }

        impl Mutation {
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Schedules that are about what the rule is for.
            pub fn theme(self) -> Theme {
                match self {
                    $(Self::$name => Theme::$theme,)+
                }
            }

            /// Why no violation is expected without the rule; `None` where one is.
            pub fn why_unnoticed(self) -> Option<&'static str> {
                match self {
                    // The verification after the write sees what was read too early, and the next turn mends it.
                    Self::SourceBeforeLock => Some("the record is read once more after the write"),
                    // Every change moves the tag, so the tag alone tells of one.
                    Self::ClearWithoutLease => Some("every advance and registration moves the tag"),
                    // Played step by step in `tests/tests/seams/leases.rs`.
                    Self::DropUnconditionally => {
                        Some("five unanswered pushes and then a change within one call were not met in 15,000 schedules")
                    }
                    _ => None,
                }
            }

            /// What is different, in one sentence.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)+
                }
            }
        }
    };
}

mutations! {
    SourceBeforeLock in Publishing = "The record is read before the lock.",
    RecordNotVerified in Publishing = "The record is not read once more after the write.",
    PointerNotVerified in Publishing = "The template's pointer is not read once more after the write.",
    RevisionReplacedBlindly in Publishing = "A revision is replaced whatever stands there.",
    RevisionIsTimeAlone in Publishing = "A revision's number is the time, and not above the one before.",
    EdgesBeforeWrite in Installing = "Devices are looked up before the revision is written.",
    NoCatchUp in Mixed = "A publish that finds nothing new does not compare devices.",
    AdvanceRepeated in Listing = "An advance does not ask whether the mark is lower.",
    AdvanceWithoutSerial in Installing = "An advance does not ask whether the device still holds the serial.",
    AdvanceWithoutTag in Listing = "An advance under a known tag does not ask for that tag.",
    AdvanceWithoutLeaseSeen in Listing = "An advance under a lease does not ask whether the lease still stands.",
    AdvanceOverLease in Listing = "The first advance sets its lease over one that stands.",
    AdvanceSetsNoLease in Listing = "An advance sets no lease.",
    TagWithoutBump in Listing = "A second change within one second keeps the tag.",
    TokenReadBefore in Tokens = "A push goes to the token that was read with the registrations, before the advance.",
    ClearWithoutTag in Listing = "A list clears the lease without naming the tag that it answered.",
    ClearWithoutLease in Waiting = "A list clears whatever lease stands under its tag.",
    ClearUnconditionally in Listing = "A list clears the lease whatever has happened.",
    TagComparedInclusively in Listing = "A list names what has changed at the tag too, not only after it.",
    DeviceDeletedWithLastPass in Installing = "The device's item is deleted with its last pass.",
    OldTokenKept in Tokens = "A repeated registration does not store the push token.",
    RegisterWithoutTag in Installing = "A registration does not ask for the tag that it read.",
    RegisterWithoutRetag in Installing = "A repeated registration leaves tag and mark as they are.",
    RegisterWithoutLease in Installing = "A registration sets no lease.",
    OrphanUnconditional in Installing = "A registration is taken for an orphan without asking its device.",
    EndWithoutToken in Tokens = "A dead token ends a device that has another one by now.",
    EndWithoutTime in Tokens = "A dead token ends a device that has registered since it died.",
    EndLeftOut in Tokens = "A dead token ends no device.",
    RefuseWithoutToken in Tokens = "A refused token takes the lease of a device that has another one by now.",
    RenewUnconditionally in Waiting = "A lease is renewed whatever stands there.",
    RetireUnconditionally in Mixed = "A device loses its lease after an unregistration, whatever it holds by then.",
    DropUnconditionally in Waiting = "A used up lease is dropped whatever stands there.",
}

/// A request as it stands on the wire.
struct Request<'a> {
    body: &'a mut Value,
}

impl Request<'_> {
    fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// Takes a part out of an expression, and with it the placeholders that nothing else uses.
    fn cut(&mut self, expression: &str, part: &str, instead: &str) {
        let changed = self.text(expression).replace(part, instead);
        self.body[expression] = changed.into();
        self.tidy();
    }

    fn drop_condition(&mut self) {
        if let Some(body) = self.body.as_object_mut() {
            body.remove("ConditionExpression");
        }
        self.tidy();
    }

    /// The engine refuses placeholders that no expression uses.
    fn tidy(&mut self) {
        let used = format!(
            "{} {} ",
            self.text("UpdateExpression"),
            self.text("ConditionExpression")
        );
        for names in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
            let Some(placeholders) = self.body[names].as_object_mut() else {
                continue;
            };
            placeholders.retain(|name, _| {
                used.match_indices(name.as_str()).any(|(at, _)| {
                    let next = used[at + name.len()..].chars().next().unwrap_or(' ');
                    !(next.is_ascii_alphanumeric() || next == '_')
                })
            });
            if placeholders.is_empty()
                && let Some(body) = self.body.as_object_mut()
            {
                body.remove(names);
            }
        }
    }
}

/// Alters a request as the mutation has it.
pub(super) fn rewrite(mutation: Mutation, call: &mut Call) {
    const BEHIND: &str = "#serials.#k.#r < :rev AND ";
    let action = call.action.clone();
    if action == "TransactWriteItems" {
        return rewrite_transaction(mutation, &mut call.body);
    }
    let mut request = Request { body: &mut call.body };
    let condition = request.text("ConditionExpression").to_owned();
    let update = request.text("UpdateExpression").to_owned();
    let advances = condition.starts_with(BEHIND);
    let lists = update.contains("#asked_tag");
    const CONDITION: &str = "ConditionExpression";
    match mutation {
        Mutation::RevisionReplacedBlindly if action == "PutItem" && !condition.is_empty() => {
            request.drop_condition();
        }
        Mutation::AdvanceRepeated if advances => {
            request.cut(CONDITION, BEHIND, "attribute_exists(#serials.#k) AND ");
        }
        Mutation::AdvanceWithoutSerial if advances => {
            let either =
                "(attribute_not_exists(#serials.#k) OR #serials.#k.#r < :rev) AND attribute_exists(#serials) AND ";
            request.cut(CONDITION, BEHIND, either);
        }
        Mutation::AdvanceWithoutTag if advances => request.cut(CONDITION, "#tag = :old_tag AND ", ""),
        Mutation::AdvanceWithoutLeaseSeen if advances && !update.contains("#due_at") => {
            request.cut(CONDITION, " AND #due_at = :old_due", "");
        }
        Mutation::AdvanceOverLease if advances => {
            request.cut(CONDITION, " AND attribute_not_exists(#due_at)", "");
        }
        Mutation::AdvanceSetsNoLease if advances => {
            let lease = ", #due_shard = :shard, #due_at = :due, #attempts = :attempts";
            request.cut("UpdateExpression", lease, "");
        }
        Mutation::ClearWithoutTag if lists => request.cut(CONDITION, "#tag = :old_tag AND ", ""),
        Mutation::ClearWithoutLease if lists => request.cut(CONDITION, " AND #due_at = :old_due", ""),
        Mutation::ClearUnconditionally if lists => {
            // The tag that was answered stays what it was: only the lease is cleared.
            request.cut("UpdateExpression", "#tag = :tag, ", "");
            request.drop_condition();
        }
        Mutation::DeviceDeletedWithLastPass if condition == "size(#serials) = :zero" => {
            call.action = "DeleteItem".into();
            if let Some(body) = request.body.as_object_mut() {
                body.remove("UpdateExpression");
            }
            request.tidy();
        }
        Mutation::RetireUnconditionally if condition == "size(#serials) = :zero" => {
            request.drop_condition();
        }
        Mutation::EndWithoutToken if condition.contains("#token_at < :since") => {
            request.cut(CONDITION, "#push_token = :token AND ", "");
        }
        Mutation::EndWithoutTime if condition.contains("#token_at < :since") => {
            request.cut(CONDITION, " AND #token_at < :since", "");
        }
        Mutation::EndLeftOut if condition.contains("#token_at < :since") => {
            request.cut(CONDITION, "#token_at < :since", "attribute_not_exists(#token_at)");
        }
        Mutation::RefuseWithoutToken if update.contains("#last_refusal = ") => {
            request.drop_condition();
        }
        Mutation::RenewUnconditionally if update == "SET #due_at = :next, #attempts = :attempts" => {
            request.drop_condition();
        }
        Mutation::DropUnconditionally if condition == "#due_at = :due" && update.starts_with("REMOVE #due_shard") => {
            request.drop_condition();
        }
        _ => {}
    }
}

fn rewrite_transaction(mutation: Mutation, body: &mut Value) {
    let Some(items) = body["TransactItems"].as_array_mut() else {
        return;
    };
    if mutation == Mutation::OrphanUnconditional {
        items.retain(|item| item.get("ConditionCheck").is_none());
        return;
    }
    for item in items {
        let Some(update) = item.get_mut("Update") else {
            continue;
        };
        let mut request = Request { body: update };
        let known = request.text("ConditionExpression") == "#tag = :old_tag";
        const UPDATE: &str = "UpdateExpression";
        match mutation {
            Mutation::OldTokenKept if known => request.cut(UPDATE, "#push_token = :push_token, ", ""),
            Mutation::RegisterWithoutTag if known => request.drop_condition(),
            // A serial that is there keeps its mark, and the tag stays.
            Mutation::RegisterWithoutRetag if known => {
                let mark = "#serials.#k = if_not_exists(#serials.#k, :mark), ";
                request.cut(UPDATE, "#tag = :tag, #serials.#k = :mark, ", mark);
            }
            Mutation::RegisterWithoutLease => {
                let lease = ", #due_shard = :shard, #due_at = :due, #attempts = :attempts";
                let kept = ", #due_shard = if_not_exists(#due_shard, :shard), \
                            #due_at = if_not_exists(#due_at, :due), #attempts = if_not_exists(#attempts, :attempts)";
                request.cut(UPDATE, lease, "");
                request.cut(UPDATE, kept, "");
            }
            _ => {}
        }
    }
}
