//! The lack of each rule that is taken out is noticed.
//!
//! Schedules that notice it are looked for from a seed on that a longer search has found, because a
//! window of one call is met once in hundreds of schedules. When a change of livepass moves calls,
//! another seed meets it: `cargo run --profile long -p tests --example simulate -- --every-mutation NAME`
//! finds it.

use tests::simulation::{Mutation, simulate_without};

/// Schedules in which each mutation has to show.
const WITHIN: u64 = 50;

#[track_caller]
fn is_noticed(mutation: Mutation, first: u64) {
    for seed in first..first + WITHIN {
        let Some(violation) = simulate_without(mutation, seed).violation else {
            continue;
        };
        println!("{}: seed {seed}: {violation}", mutation.name());
        // A request that the engine refuses would be a mistake in the mutation.
        assert_ne!(violation.invariant, 'g', "{violation}");
        return;
    }
    panic!(
        "nothing is violated by seeds {first} to {}: {}",
        first + WITHIN - 1,
        mutation.sentence()
    );
}

macro_rules! noticed {
    ($($test:ident: $mutation:ident from $first:literal,)+) => {
        $(
            #[test]
            fn $test() {
                is_noticed(Mutation::$mutation, $first);
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
    record_not_verified: RecordNotVerified from 328,
    pointer_not_verified: PointerNotVerified from 1530,
    revision_replaced_blindly: RevisionReplacedBlindly from 0,
    revision_is_time_alone: RevisionIsTimeAlone from 0,
    edges_before_write: EdgesBeforeWrite from 894,
    no_catch_up: NoCatchUp from 0,
    advance_repeated: AdvanceRepeated from 3163,
    advance_without_serial: AdvanceWithoutSerial from 152,
    advance_without_tag: AdvanceWithoutTag from 350,
    advance_without_lease_seen: AdvanceWithoutLeaseSeen from 0,
    advance_over_lease: AdvanceOverLease from 0,
    advance_sets_no_lease: AdvanceSetsNoLease from 0,
    tag_without_bump: TagWithoutBump from 0,
    token_read_before: TokenReadBefore from 2887,
    clear_without_tag: ClearWithoutTag from 0,
    clear_unconditionally: ClearUnconditionally from 75,
    tag_compared_inclusively: TagComparedInclusively from 0,
    device_deleted_with_last_pass: DeviceDeletedWithLastPass from 0,
    old_token_kept: OldTokenKept from 0,
    register_without_tag: RegisterWithoutTag from 141,
    register_without_retag: RegisterWithoutRetag from 0,
    register_without_lease: RegisterWithoutLease from 0,
    orphan_unconditional: OrphanUnconditional from 1689,
    end_without_token: EndWithoutToken from 3581,
    end_without_time: EndWithoutTime from 3602,
    end_left_out: EndLeftOut from 0,
    refuse_without_token: RefuseWithoutToken from 1944,
    renew_unconditionally: RenewUnconditionally from 0,
    retire_unconditionally: RetireUnconditionally from 176,
}
