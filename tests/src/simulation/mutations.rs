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
                    // Whoever has moved the lease meanwhile has pushed; one push more is bounded all the same.
                    Self::TakeOverBlindly => Some("the tag alone tells of a change; a lease that was renewed is taken over just as well"),
                    // Every change moves the tag, so the tag alone tells of one.
                    Self::ClearWithoutLease => Some("every advance and registration moves the tag"),
                    // What was noted too late is seen there, and the next turn takes it back.
                    Self::GraceUnconditional => Some("the record is read once more after the note"),
                    // Whoever has a higher mark stays where he is.
                    Self::PageOfOldRevision => Some("an advance asks whether the mark is lower"),
                    // Both were needed if a restore brought numbers back that had been given before.
                    Self::ForeignTagBelieved => Some("after a restore the clock has passed every tag given before"),
                    Self::EarlierDateNotModified => Some("after a restore the clock has passed every date given before"),
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
    SourceFirstNotVerified in Publishing = "The record is read before the lock, and not once more after the write.",
    RecordNotVerified in Publishing = "The record is not read once more after the write.",
    PointerNotVerified in Publishing = "The template's pointer is not read once more after the write.",
    FirstRevisionBlindly in Publishing = "A pass's first revision is written whatever stands there.",
    RevisionReplacedBlindly in Publishing = "A revision is replaced whatever stands there by then.",
    RevisionIsTimeAlone in Publishing = "A revision's number is the time, and not above the one before.",
    RevisionIsCounter in Restoring = "A revision's number is one above the one before, whatever the time.",
    ManifestNotCompared in Publishing = "A publish does not ask whether the pass shows anything else.",
    NoteNotVerified in Publishing = "Record and pointer are not read once more after a note alone.",
    EdgesBeforeWrite in Installing = "Devices are looked up before the revision is written.",
    NoCatchUp in Mixed = "A publish that finds nothing new does not compare devices.",
    AdvanceRepeated in Listing = "An advance does not ask whether the mark is lower.",
    AdvanceWithoutSerial in Installing = "An advance does not ask whether the device still holds the serial.",
    AdvanceBlindWithoutTag in Listing = "The first advance does not ask whether the tag is lower.",
    AdvanceWithoutTag in Listing = "An advance under a known tag does not ask for that tag.",
    AdvanceWithoutLeaseSeen in Listing = "An advance under a lease does not ask whether the lease still stands.",
    TakeOverBlindly in Waiting = "An advance takes a lease over whatever stands there by then.",
    AnyLeaseServes in Silent = "A change relies on any lease that stands, however late or used up.",
    AdvanceOverLease in Listing = "The first advance sets its lease over one that stands.",
    AdvanceSetsNoLease in Listing = "An advance sets no lease.",
    TagWithoutBump in Listing = "A second change within one second keeps the tag.",
    TokenReadBefore in Tokens = "A push goes to the token that was read with the registrations, before the advance.",
    ClearWithoutTag in Listing = "A list clears the lease without naming the tag that it answered.",
    ClearWithoutLease in Waiting = "A list clears whatever lease stands under its tag.",
    ClearUnconditionally in Listing = "A list clears the lease whatever has happened.",
    ForeignTagBelieved in Restoring = "A list compares any tag with its marks, as if the device had given it.",
    EarlierDateNotModified in Restoring = "A pass is not modified where the phone's date is later, too.",
    TagComparedInclusively in Listing = "A list names what has changed at the tag too, not only after it.",
    DeviceDeletedWithLastPass in Installing = "The device's item is deleted with its last pass.",
    OldTokenKept in Tokens = "A repeated registration does not store the push token.",
    FirstRegistrationBlindly in Mixed = "A device's first registration does not ask whether there is one by now.",
    RegisterWithoutTag in Installing = "A registration does not ask for the tag that it read.",
    RegisterWithoutRetag in Copies = "A repeated registration leaves tag and mark as they are.",
    RegisterWithoutLeaseSeen in Waiting = "A registration under a lease does not ask whether it still stands.",
    RegisterWithoutLease in Installing = "A registration sets no lease.",
    RegisterUnderAnyLease in Silent = "A registration keeps any lease that stands, however late or used up.",
    ExpiryKept in Installing = "A registration leaves the end of a device without passes as it is.",
    OrphanUnconditional in Installing = "A registration is taken for an orphan without asking its device.",
    EndWithoutToken in Tokens = "A dead token ends a device that has another one by now.",
    EndWithoutTime in Tokens = "A dead token ends a device that has registered since it died.",
    EndLeftOut in Tokens = "A dead token ends no device.",
    RenewUnconditionally in Waiting = "A lease is renewed whatever stands there.",
    AttemptsNotCounted in Silent = "The schedule's pushes are not counted.",
    DueTokenReadBefore in Tokens = "The schedule pushes to the token that it read, and not to that of its own write.",
    RetireUnconditionally in Mixed = "A device loses its lease after an unregistration, whatever it holds by then.",
    DropUnconditionally in Silent = "A used up lease is dropped whatever stands there.",
    ChainedBeforeMessage in Queues = "Further pages are noted as handed on before their message is sent.",
    ChainedKept in Queues = "What was handed on of a revision counts as handed on of the next.",
    PageOfOldRevision in Queues = "A page advances its devices to the revision that it was sent for.",
    RevisionWithoutGrace in Ending = "A revision is replaced whatever has become of its grace.",
    GraceUnconditional in Ending = "A grace is noted whatever revision stands there.",
    RemindUnconditionally in Ending = "A pass is handed on to its end whatever stands there.",
    PointerMovedBlindly in Designing = "The pointer is moved from wherever it stands by then.",
    UploadReadBeforePointer in Designing = "An upload is read before the pointer.",
    UploadNotLookedAtAgain in Designing = "An upload is not looked at once more in the end.",
    StampNotKept in Designing = "The pointer does not keep the stamp of the upload that it moved for.",
    SweepNotBegunAgain in Designing = "An upload that comes again begins no segments that are lacking.",
    SegmentOfAnySweep in Designing = "Progress is noted whatever the pointer has moved on to.",
    SegmentGoesBack in Designing = "Progress is noted whoever has come further by then.",
    RestoreWithoutWait in Restoring = "After a restore the clock has not passed what was given before.",
    RestoreWithoutRenewal in Restoring = "After a restore a revision that shows what the record says stays as it is.",
    RestoreWithoutPublish in Restoring = "After a restore nobody publishes everything again.",
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
        Mutation::FirstRevisionBlindly if action == "PutItem" && condition == "attribute_not_exists(#PK)" => {
            request.drop_condition();
        }
        Mutation::RevisionReplacedBlindly if action == "PutItem" => {
            request.cut(CONDITION, "#revision = :replaced AND ", "");
        }
        Mutation::RevisionWithoutGrace if action == "PutItem" => {
            request.cut(CONDITION, " AND #grace_ends = :ends", "");
            request.cut(CONDITION, " AND attribute_not_exists(#grace_ends)", "");
        }
        Mutation::AdvanceBlindWithoutTag if advances => request.cut(CONDITION, "#tag < :tag AND ", ""),
        Mutation::TakeOverBlindly if advances && update.contains("#due_at") => {
            request.cut(CONDITION, " AND #due_at = :old_due", "");
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
        Mutation::ClearWithoutLease if lists => {
            request.cut(CONDITION, " AND #due_at = :old_due", "");
            request.cut(CONDITION, " AND attribute_not_exists(#due_at)", "");
        }
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
        Mutation::RenewUnconditionally if update == "SET #due_at = :next, #attempts = :attempts" => {
            request.drop_condition();
        }
        Mutation::AttemptsNotCounted if update == "SET #due_at = :next, #attempts = :attempts" => {
            request.cut("UpdateExpression", ", #attempts = :attempts", "");
        }
        Mutation::PointerMovedBlindly if update.contains("#version = :version") => {
            request.drop_condition();
        }
        Mutation::StampNotKept if update.contains("#version = :version") => {
            request.cut("UpdateExpression", ", #upload = :upload", "");
        }
        Mutation::SegmentOfAnySweep if update.contains("= :progress") => {
            request.cut(CONDITION, "#seq = :seq AND ", "");
        }
        Mutation::SegmentGoesBack if update.contains("= :progress") => {
            request.cut(
                CONDITION,
                condition.split_once(" AND (").map_or("", |(_, rest)| rest),
                "",
            );
            request.cut(CONDITION, " AND (", "");
        }
        Mutation::GraceUnconditional if update.contains("#grace_ends") => request.drop_condition(),
        Mutation::RemindUnconditionally if update == "SET #due_at = :next" => request.drop_condition(),
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
        const CONDITION: &str = "ConditionExpression";
        const UPDATE: &str = "UpdateExpression";
        const LEASE: &str = ", #due_shard = :shard, #due_at = :due, #attempts = :attempts";
        let sets_lease = request.text(UPDATE).contains(LEASE);
        let known = request.text(CONDITION).starts_with("#tag = :old_tag");
        let first = request.text(CONDITION) == "attribute_not_exists(#PK)";
        match mutation {
            Mutation::OldTokenKept if known => request.cut(UPDATE, "#push_token = :push_token, ", ""),
            Mutation::RegisterWithoutTag if known => request.cut(CONDITION, "#tag = :old_tag AND ", ""),
            Mutation::RegisterWithoutLeaseSeen if known && !sets_lease => {
                request.cut(CONDITION, " AND #due_at = :old_due", "");
            }
            Mutation::FirstRegistrationBlindly if first => request.drop_condition(),
            Mutation::ExpiryKept if known => request.cut(UPDATE, "#expires_at, ", ""),
            Mutation::RegisterUnderAnyLease if known && request.text(CONDITION).contains(":old_due") => {
                request.cut(UPDATE, LEASE, "");
            }
            Mutation::RegisterWithoutLease => request.cut(UPDATE, LEASE, ""),
            _ => {}
        }
    }
}
