//! The lack of each rule that is taken out is noticed.
//!
//! Schedules that notice it are looked for from a seed on that a longer search has found, because a
//! window of one call is met once in hundreds of schedules. When a change of livepass moves calls,
//! another seed meets it: `cargo run --profile long -p tests --example simulate -- --every-mutation NAME`
//! finds it.

use tests::simulation::{Mutation, simulate_without};

/// Schedules in which each mutation has to show.
const WITHIN: u64 = 50;

/// Violated as it should be: another invariant would mean that something else is wrong.
#[track_caller]
fn is_noticed(mutation: Mutation, first: u64, invariant: char) {
    for seed in first..first + WITHIN {
        let Some(violation) = simulate_without(mutation, seed).violation else {
            continue;
        };
        println!("{}: seed {seed}: {violation}", mutation.name());
        assert_eq!(violation.invariant, invariant, "seed {seed}: {violation}");
        return;
    }
    panic!(
        "nothing is violated by seeds {first} to {}: {}",
        first + WITHIN - 1,
        mutation.sentence()
    );
}

macro_rules! noticed {
    ($($test:ident: $mutation:ident from $first:literal violates $invariant:literal,)+) => {
        $(
            #[test]
            fn $test() {
                is_noticed(Mutation::$mutation, $first, $invariant);
            }
        )+

        #[test]
        fn every_mutation_has_its_test() {
            let expected = Mutation::ALL.iter().copied().filter(|mutation| mutation.why_unnoticed().is_none());
            assert_eq!(expected.collect::<Vec<_>>(), [$(Mutation::$mutation),+]);
        }
    };
}

noticed! {
    source_first_not_verified: SourceFirstNotVerified from 124 violates 'h',
    record_not_verified: RecordNotVerified from 263 violates 'h',
    pointer_not_verified: PointerNotVerified from 657 violates 'a',
    first_revision_blindly: FirstRevisionBlindly from 0 violates 'c',
    revision_replaced_blindly: RevisionReplacedBlindly from 0 violates 'c',
    revision_is_time_alone: RevisionIsTimeAlone from 0 violates 'c',
    revision_is_counter: RevisionIsCounter from 0 violates 'a',
    manifest_not_compared: ManifestNotCompared from 0 violates 'c',
    note_not_verified: NoteNotVerified from 1155 violates 'i',
    edges_before_write: EdgesBeforeWrite from 2604 violates 'a',
    no_catch_up: NoCatchUp from 45 violates 'a',
    advance_repeated: AdvanceRepeated from 4966 violates 'b',
    advance_without_serial: AdvanceWithoutSerial from 3 violates 'f',
    advance_blind_without_tag: AdvanceBlindWithoutTag from 0 violates 'd',
    advance_without_tag: AdvanceWithoutTag from 541 violates 'd',
    advance_without_lease_seen: AdvanceWithoutLeaseSeen from 37 violates 'a',
    any_lease_serves: AnyLeaseServes from 0 violates 'a',
    advance_over_lease: AdvanceOverLease from 11 violates 'e',
    advance_sets_no_lease: AdvanceSetsNoLease from 0 violates 'e',
    tag_without_bump: TagWithoutBump from 0 violates 'd',
    token_read_before: TokenReadBefore from 5462 violates 'f',
    clear_without_tag: ClearWithoutTag from 49 violates 'd',
    clear_unconditionally: ClearUnconditionally from 666 violates 'a',
    tag_compared_inclusively: TagComparedInclusively from 0 violates 'd',
    device_deleted_with_last_pass: DeviceDeletedWithLastPass from 18 violates 'd',
    old_token_kept: OldTokenKept from 0 violates 'f',
    first_registration_blindly: FirstRegistrationBlindly from 0 violates 'd',
    register_without_tag: RegisterWithoutTag from 818 violates 'd',
    register_without_retag: RegisterWithoutRetag from 912 violates 'a',
    register_without_lease_seen: RegisterWithoutLeaseSeen from 3084 violates 'a',
    register_without_lease: RegisterWithoutLease from 94 violates 'a',
    register_under_any_lease: RegisterUnderAnyLease from 228 violates 'a',
    expiry_kept: ExpiryKept from 15 violates 'i',
    orphan_unconditional: OrphanUnconditional from 874 violates 'a',
    end_without_token: EndWithoutToken from 24625 violates 'a',
    end_without_time: EndWithoutTime from 6239 violates 'a',
    end_left_out: EndLeftOut from 2 violates 'f',
    renew_unconditionally: RenewUnconditionally from 0 violates 'e',
    attempts_not_counted: AttemptsNotCounted from 0 violates 'e',
    due_token_read_before: DueTokenReadBefore from 2341 violates 'f',
    retire_unconditionally: RetireUnconditionally from 10 violates 'i',
    drop_unconditionally: DropUnconditionally from 42 violates 'a',
    chained_before_message: ChainedBeforeMessage from 73 violates 'a',
    chained_kept: ChainedKept from 457 violates 'a',
    revision_without_grace: RevisionWithoutGrace from 6433 violates 'h',
    remind_unconditionally: RemindUnconditionally from 1516 violates 'h',
    pointer_moved_blindly: PointerMovedBlindly from 1 violates 'j',
    upload_read_before_pointer: UploadReadBeforePointer from 86 violates 'j',
    upload_not_looked_at_again: UploadNotLookedAtAgain from 207 violates 'j',
    stamp_not_kept: StampNotKept from 0 violates 'j',
    sweep_not_begun_again: SweepNotBegunAgain from 8 violates 'j',
    segment_of_any_sweep: SegmentOfAnySweep from 10 violates 'j',
    segment_goes_back: SegmentGoesBack from 224 violates 'j',
    restore_without_wait: RestoreWithoutWait from 4 violates 'c',
    restore_without_renewal: RestoreWithoutRenewal from 755 violates 'a',
    restore_without_publish: RestoreWithoutPublish from 4 violates 'i',
}

/// Those that another rule makes up for. What is violated after all belongs into the list above.
#[test]
fn what_another_rule_makes_up_for_breaks_nothing() {
    for mutation in Mutation::ALL
        .iter()
        .filter(|mutation| mutation.why_unnoticed().is_some())
    {
        for seed in 0..20 {
            let violation = simulate_without(*mutation, seed).violation;
            assert!(violation.is_none(), "{}: seed {seed}: {violation:?}", mutation.name());
        }
    }
}
