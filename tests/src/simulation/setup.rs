//! How big a schedule is, and what may happen in it.

use super::world::Actor;

/// The size of a schedule, and what may happen in it. Each seed allows another part of what can
/// go wrong: faults hide each other when all of them come at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    pub passes: u8,
    pub phones: u8,
    pub publishers: u8,
    pub schedules: u8,
    /// Steps before faults stop.
    pub steps: u32,
    /// Out of 1000 calls, how many meet a fault.
    pub faults: u32,
    /// Out of 1000 steps, how many are something new instead of a waiting call.
    pub events: u32,
    /// Who holds which pass at the beginning: phone and pass.
    pub installed: Vec<(u8, u8)>,
    /// Milliseconds that clocks are off at the beginning.
    pub skews: Vec<(Actor, i64)>,
    /// How far two clocks are apart at most, in milliseconds.
    pub disagreement: u64,
    /// Weights of the kinds of events, in the order of [`Kind`].
    pub(super) weights: [u32; KINDS],
    /// Time goes on in steps of about so many seconds.
    pub pace: Pace,
    /// Phones make no list call after they have registered.
    pub taciturn: bool,
    /// Balances that rows take: few, so that a row comes back to what it was.
    pub balances: u8,
    /// Devices that a page holds at most.
    pub page: u32,
    /// A key that fails is tried once more and then handed over to the queue; otherwise the stream
    /// brings it again, as it does while the queue refuses.
    pub hands_over: bool,
    /// Rows come and go, some void their pass themselves, and graces run out.
    pub ending: bool,
    /// No push arrives, and the first phone's lease is used up at the beginning.
    pub silent: bool,
    /// Passes that have no row at the beginning, and were never published.
    pub unwritten: Vec<u8>,
    /// Passes are mostly removed without a DELETE, and old copies added again.
    pub copies: bool,
    /// Push tokens die and live again, and are not replaced.
    pub reviving: bool,
    /// Odd balances are relaxed changes.
    pub relaxed: bool,
    /// Pushes are held until faults stop.
    pub holds: bool,
}

/// What a schedule is about. Windows that are a call wide are rarely met by chance alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// A bit of everything.
    Mixed,
    /// Several publishers at one pass, whose row and template go to and fro.
    Publishing,
    /// Passes come and go while they change.
    Installing,
    /// Several passes of one phone change one after the other.
    Listing,
    /// Push tokens are replaced and die.
    Tokens,
    /// Phones that do not answer for long.
    Waiting,
    /// Fan-outs of many pages, and keys that are handed over.
    Queues,
    /// Rows are gone for weeks, and come back.
    Ending,
    /// The Registry is lost and restored.
    Restoring,
    /// A phone that has not answered any of its pushes.
    Silent,
    /// Old copies of a pass are added again, while livepass takes it for held.
    Copies,
    /// Templates are uploaded, put and rolled back while records change, and passes follow.
    Designing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Within a second or two.
    Standing,
    Seconds,
    Minutes,
    Days,
    Weeks,
}

/// Kinds of events.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Write,
    Touch,
    Template,
    Deliver,
    Repeat,
    Schedule,
    Stale,
    Install,
    Remove,
    Refresh,
    Curious,
    PushArrives,
    Begin,
    Token,
    Wiped,
    Weather,
    Turn,
    SetClock,
    TakeKey,
    TakePage,
    BackUp,
    Restore,
    Upload,
    TakeUpload,
    Design,
    TakeSweep,
}

pub(super) const ALL: [Kind; KINDS] = [
    Kind::Write,
    Kind::Touch,
    Kind::Template,
    Kind::Deliver,
    Kind::Repeat,
    Kind::Schedule,
    Kind::Stale,
    Kind::Install,
    Kind::Remove,
    Kind::Refresh,
    Kind::Curious,
    Kind::PushArrives,
    Kind::Begin,
    Kind::Token,
    Kind::Wiped,
    Kind::Weather,
    Kind::Turn,
    Kind::SetClock,
    Kind::TakeKey,
    Kind::TakePage,
    Kind::BackUp,
    Kind::Restore,
    Kind::Upload,
    Kind::TakeUpload,
    Kind::Design,
    Kind::TakeSweep,
];
const KINDS: usize = 26;

/// Seconds that a clock may be wrong.
pub(super) const WRONG: i8 = 5;

impl Theme {
    pub const ALL: [Self; 12] = [
        Self::Mixed,
        Self::Publishing,
        Self::Installing,
        Self::Listing,
        Self::Tokens,
        Self::Waiting,
        Self::Queues,
        Self::Ending,
        Self::Restoring,
        Self::Silent,
        Self::Copies,
        Self::Designing,
    ];
}

impl Setup {
    /// A setup for this theme, or for one that is drawn too.
    pub(super) fn draw(rng: &mut fastrand::Rng, theme: Option<Theme>) -> Self {
        let mut setup = Self {
            passes: rng.u8(1..=3),
            phones: rng.u8(1..=3),
            publishers: rng.u8(1..=3),
            schedules: rng.u8(1..=2),
            steps: rng.u32(30..=150),
            faults: [0, 30, 100, 250][rng.usize(..4)],
            events: [100, 200, 350][rng.usize(..3)],
            installed: Vec::new(),
            skews: Vec::new(),
            disagreement: 0,
            weights: [
                6, 1, 1, 12, 1, 4, 1, 4, 2, 1, 1, 8, 12, 2, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            pace: [Pace::Standing, Pace::Seconds, Pace::Minutes][rng.usize(..3)],
            taciturn: rng.u8(..3) == 0,
            balances: 3,
            page: 100,
            hands_over: false,
            ending: false,
            silent: false,
            unwritten: Vec::new(),
            copies: false,
            reviving: false,
            relaxed: rng.u8(..5) == 0,
            holds: false,
        };
        let wrong_clocks = setup.follow(rng, theme);
        // Bigger worlds cost more and show less.
        if setup.passes + setup.phones > 4 && rng.u8(..3) > 0 {
            setup.phones = 1;
        }
        // A pass that came after the backup is unknown until it is published again.
        if !setup.ending && !setup.silent && setup.weights[Kind::Restore as usize] == 0 {
            setup.unwritten = (0..setup.passes).filter(|_| rng.u8(..6) == 0).collect();
        }
        for phone in 0..setup.phones {
            let held = (0..setup.passes).filter(|_| rng.u8(..4) > 0);
            setup.installed.extend(held.map(|pass| (phone, pass)));
        }
        // Some kinds are left out, some come often.
        for kind in [
            Kind::Touch,
            Kind::Template,
            Kind::Repeat,
            Kind::Stale,
            Kind::Remove,
            Kind::Refresh,
            Kind::Curious,
            Kind::Token,
            Kind::Wiped,
            Kind::Weather,
        ] {
            setup.weights[kind as usize] *= [0, 1, 1, 2][rng.usize(..4)];
        }
        if wrong_clocks {
            setup.weights[Kind::SetClock as usize] = 1;
            setup.disagreement = 2000 * u64::from(WRONG.unsigned_abs());
            let publishers = (0..setup.publishers).map(Actor::Publisher);
            let schedules = (0..setup.schedules).map(Actor::Schedule);
            let phones = (0..setup.phones).map(Actor::List);
            for actor in publishers.chain(schedules).chain(phones) {
                setup.skews.push((actor, i64::from(rng.i8(-WRONG..=WRONG)) * 1000));
            }
        }
        setup
    }

    /// Follows a theme; returns whether clocks are wrong.
    fn follow(&mut self, rng: &mut fastrand::Rng, theme: Option<Theme>) -> bool {
        let drawn = Theme::ALL[rng.usize(..Theme::ALL.len())];
        let theme = theme.unwrap_or(drawn);
        let mut weigh = |kinds: &[(Kind, u32)]| {
            for (kind, weight) in kinds {
                self.weights[*kind as usize] = *weight;
            }
        };
        match theme {
            Theme::Mixed => self.holds = rng.u8(..10) == 0,
            Theme::Publishing => {
                weigh(&[(Kind::Deliver, 30), (Kind::Repeat, 4)]);
                // A change of the one would mend what a change of the other has missed.
                match rng.bool() {
                    true => weigh(&[(Kind::Write, 20), (Kind::Template, 1)]),
                    false => weigh(&[(Kind::Write, 1), (Kind::Template, 20)]),
                }
                weigh(&[
                    (Kind::Install, 1),
                    (Kind::Remove, 0),
                    (Kind::Token, 0),
                    (Kind::Wiped, 0),
                ]);
                (self.passes, self.publishers, self.balances) = (1, 3, 2);
                (self.phones, self.steps) = (1, self.steps.min(80));
                self.events = rng.u32(250..=500);
            }
            Theme::Installing => {
                weigh(&[
                    (Kind::Install, 16),
                    (Kind::Remove, 12),
                    (Kind::Begin, 30),
                    (Kind::Deliver, 20),
                ]);
                weigh(&[(Kind::Write, 10), (Kind::Repeat, 4)]);
                (self.passes, self.publishers) = (1, 2);
            }
            Theme::Listing => {
                weigh(&[
                    (Kind::Write, 16),
                    (Kind::Deliver, 30),
                    (Kind::PushArrives, 20),
                    (Kind::Begin, 30),
                ]);
                weigh(&[
                    (Kind::Curious, 4),
                    (Kind::Remove, 0),
                    (Kind::Token, 0),
                    (Kind::Wiped, 0),
                ]);
                (self.passes, self.phones, self.publishers) = (2, 1, 3);
            }
            Theme::Tokens => {
                weigh(&[
                    (Kind::Token, 14),
                    (Kind::Begin, 24),
                    (Kind::Write, 12),
                    (Kind::Deliver, 24),
                ]);
                weigh(&[(Kind::Turn, 8), (Kind::Schedule, 8)]);
                (self.passes, self.phones) = (1, 1);
                self.reviving = rng.bool();
            }
            Theme::Waiting => {
                weigh(&[
                    (Kind::Schedule, 24),
                    (Kind::Stale, 8),
                    (Kind::Turn, 30),
                    (Kind::PushArrives, 0),
                ]);
                weigh(&[(Kind::Curious, 0), (Kind::Install, 1), (Kind::Remove, 0)]);
                weigh(&[(Kind::Token, 0), (Kind::Wiped, 0), (Kind::Weather, 0)]);
                self.faults = [100, 250][rng.usize(..2)];
                self.pace = if rng.bool() { Pace::Days } else { Pace::Minutes };
                (self.phones, self.schedules) = (1, 2);
                self.events = 350;
            }
            Theme::Queues => {
                weigh(&[(Kind::Write, 10), (Kind::Deliver, 20), (Kind::Begin, 16)]);
                weigh(&[(Kind::TakeKey, 16), (Kind::TakePage, 24), (Kind::Repeat, 3)]);
                weigh(&[(Kind::Install, 3), (Kind::Token, 0), (Kind::Wiped, 0)]);
                self.faults = [30, 100, 250][rng.usize(..3)];
                (self.passes, self.phones, self.publishers, self.schedules) = (1, 3, 2, 2);
                (self.page, self.hands_over) = (1, true);
            }
            Theme::Ending => {
                weigh(&[(Kind::Write, 14), (Kind::Deliver, 24), (Kind::Turn, 16)]);
                weigh(&[(Kind::Schedule, 14), (Kind::TakeKey, 16), (Kind::Repeat, 8)]);
                weigh(&[(Kind::Install, 3), (Kind::Token, 0), (Kind::Template, 0)]);
                (self.passes, self.phones, self.publishers) = (1, 1, 3);
                (self.hands_over, self.ending, self.pace) = (true, true, Pace::Weeks);
                self.balances = 2;
            }
            Theme::Restoring => {
                weigh(&[(Kind::Write, 14), (Kind::Deliver, 24), (Kind::Begin, 20)]);
                weigh(&[(Kind::TakeKey, 16), (Kind::BackUp, 3), (Kind::Restore, 3)]);
                weigh(&[(Kind::PushArrives, 16), (Kind::Wiped, 0)]);
                (self.passes, self.phones) = (self.passes.min(2), self.phones.min(2));
                self.hands_over = true;
            }
            Theme::Copies => {
                weigh(&[(Kind::Install, 14), (Kind::Remove, 14), (Kind::Begin, 30)]);
                weigh(&[(Kind::Write, 12), (Kind::Deliver, 24), (Kind::PushArrives, 20)]);
                weigh(&[(Kind::Token, 0), (Kind::Wiped, 0)]);
                (self.passes, self.phones, self.publishers) = (1, 1, 2);
                self.copies = true;
            }
            Theme::Designing => {
                weigh(&[(Kind::Upload, 12), (Kind::TakeUpload, 30), (Kind::Design, 8)]);
                weigh(&[(Kind::TakeSweep, 40), (Kind::TakeKey, 8), (Kind::Template, 0)]);
                weigh(&[(Kind::Begin, 16), (Kind::PushArrives, 12)]);
                weigh(&[(Kind::Token, 0), (Kind::Wiped, 0), (Kind::Schedule, 2)]);
                (self.phones, self.publishers) = (1, 2);
                (self.page, self.hands_over) = ([1, 100][rng.usize(..2)], true);
                self.events = 350;
            }
            Theme::Silent => {
                weigh(&[(Kind::Write, 16), (Kind::Deliver, 24), (Kind::Schedule, 24)]);
                weigh(&[(Kind::Stale, 8), (Kind::PushArrives, 0), (Kind::Curious, 0)]);
                weigh(&[(Kind::Install, 6), (Kind::Remove, 0), (Kind::Refresh, 0)]);
                weigh(&[(Kind::Token, 0), (Kind::Wiped, 0), (Kind::Weather, 0)]);
                (self.passes, self.phones, self.schedules) = (1, 1, 2);
                (self.silent, self.steps, self.relaxed) = (true, self.steps.min(60), false);
            }
        }
        rng.u8(..4) < if theme == Theme::Tokens { 2 } else { 1 }
    }
}
