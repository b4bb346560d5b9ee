//! `PublishQueue`, `PushQueue` and `SweepQueue`: what is sent is delivered at least once, late, twice and in any order.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use passes::pace::Pace;
use passes::pages::{PageEnd, Pages};
use passes::ports::{SendKeys, SendPage, SendSweep, StoreError, StoreResult};
use passes::settle::Breaker;
use passes::sweep::SweepPage;
use passes::work::{Hint, KeyToPublish, NextPage};

use super::actors::{Hands, Killed, Push, concluded, key};
use super::engine::{REGISTRY, number};
use super::mutations::Mutation;
use super::plan::Fault;
use super::wire::{Ask, Verdict};
use super::world::{Actor, World, pass_of, revision_key, serial};

/// What waits in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    Key {
        pass: u8,
        hint: Hint,
    },
    Page {
        page: NextPage,
        /// The newest revision as it was sent. No message has it: only a mutation reads it.
        revision: u64,
    },
    Sweep(SweepPage),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    Keys,
    Pages,
    Sweeps,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { pass, .. } => write!(f, "{} to be published", serial(*pass)),
            Self::Page { page, .. } => match &page.after {
                Some(device) => write!(f, "the devices of {} after {}", page.key.serial, device.as_str()),
                None => write!(f, "the devices of {}", page.key.serial),
            },
            Self::Sweep(page) => write!(f, "segment {} of change {}", page.segment, page.seq),
        }
    }
}

impl World {
    /// A queue takes a message.
    pub fn enqueue(&mut self, message: Message) {
        match message {
            Message::Key { .. } => self.keys.push_back(message),
            Message::Page { .. } => self.pages.push_back(message),
            Message::Sweep(_) => self.designs.sweeps.push_back(message),
        }
    }

    /// A queue takes a message, and says so.
    pub fn take_message(&mut self, actor: Actor, message: Message) {
        self.calls += 1;
        self.log.note(|| format!("{actor}: sends {message}"));
        self.enqueue(message);
    }

    /// A queue's answer is not heard; the message may have been taken. `false` if queues know no such fault.
    pub fn lose_message(&mut self, actor: Actor, message: Message, fault: Fault) -> bool {
        match fault {
            Fault::Throttled | Fault::NotCarriedOut => {
                self.log.note(|| format!("{actor}: the queue does not take {message}"));
            }
            Fault::AnswerLost | Fault::Repeated => {
                self.take_message(actor, message);
                self.log.note(|| format!("{actor}: the queue's answer is lost"));
            }
            Fault::Conflict => return false,
        }
        true
    }

    /// The `nth` message of a queue; one that `stays` is delivered once more.
    pub fn deliver(&mut self, actor: Actor, queue: Queue, nth: u8, stays: bool) -> Option<Message> {
        let queue = match queue {
            Queue::Keys => &mut self.keys,
            Queue::Pages => &mut self.pages,
            Queue::Sweeps => &mut self.designs.sweeps,
        };
        let nth = usize::from(nth);
        let message = match stays {
            true => queue.get(nth).cloned(),
            false => queue.remove(nth),
        }?;
        self.log.note(|| {
            let again = if stays { ", and it stays in the queue" } else { "" };
            format!("{actor}: takes from the queue {message}{again}")
        });
        Some(message)
    }

    /// `livepass publish --all --after-restore`.
    pub fn ask_for_all(&mut self) {
        let renews = !matches!(
            self.mutation,
            // A counter says nothing of the time, so no revision could be told from an earlier one.
            Some(Mutation::RestoreWithoutRenewal | Mutation::RevisionIsCounter)
        );
        let hint = Hint {
            // By the slowest clock, so that whatever is given from now on is later.
            restored_at: renews.then_some((self.now - self.disagreement()) / 1000),
            ..Hint::EXPLICIT
        };
        self.ask_for(hint);
    }

    /// `livepass publish`, for every pass.
    pub fn ask_for(&mut self, hint: Hint) {
        for pass in 0..self.setup.passes {
            self.enqueue(Message::Key { pass, hint });
        }
    }
}

/// The queues as a function reaches them.
pub(super) struct Queues<'a>(pub &'a Hands);

impl Queues<'_> {
    async fn send(&self, message: Message) -> StoreResult<()> {
        let Verdict::Sent { heard } = self.0.shared.ask(Ask::Send(message)).await else {
            unreachable!("a message is answered by a queue");
        };
        match heard {
            true => Ok(()),
            false => Err(StoreError::OutcomeUnknown {
                call: "send-message",
                source: "injected".into(),
            }),
        }
    }
}

impl SendPage for Queues<'_> {
    async fn send_page(&self, page: &NextPage) -> StoreResult<()> {
        let hands = self.0;
        if hands.store.has(Mutation::ChainedBeforeMessage) {
            hands.store.mark_newest_chained(&page.key).await?;
        }
        let revision = {
            let world = hands.shared.lock();
            let pass = pass_of(page.key.serial.as_str()).expect("a pass");
            let item = world.engine.peek(REGISTRY, revision_key(pass)).unwrap_or_default();
            number(&item, "revision").unwrap_or_default()
        };
        let page = page.clone();
        self.send(Message::Page { page, revision }).await
    }
}

impl SendKeys for Queues<'_> {
    async fn send_keys(&self, keys: &[KeyToPublish], _: Duration) -> StoreResult<()> {
        for one in keys {
            let pass = pass_of(one.key.serial.as_str()).expect("a pass");
            self.send(Message::Key { pass, hint: one.hint }).await?;
        }
        Ok(())
    }
}

impl SendSweep for Queues<'_> {
    async fn send_sweep(&self, pages: &[SweepPage]) -> StoreResult<()> {
        for page in pages {
            self.send(Message::Sweep(page.clone())).await?;
        }
        Ok(())
    }
}

/// Hands a key that failed over, as publish-changes does.
pub(super) async fn hand_over(hands: &Hands, pass: u8) -> StoreResult<()> {
    let again = KeyToPublish {
        key: key(pass),
        hint: Hint::default(),
    };
    Queues(hands)
        .send_keys(&[again], passes::work::PAUSE_AFTER_FAILURE)
        .await
}

/// push-devices with one page. After so many `looks` at the clock its time is up.
pub(super) async fn pager(hands: Hands, message: Message, looks: Option<u8>) {
    let Message::Page { page, revision } = &message else {
        unreachable!("pages lie in a queue of their own");
    };
    hands.store.takes_page_of(*revision);
    let (push, queues, breaker) = (Push(&hands), Queues(&hands), Breaker::default());
    let pace = Pace::per_second(500);
    let pages = Pages {
        store: &hands.store,
        pushing: hands.pushing(true, &push, &breaker),
        queue: &queues,
        pace: &pace,
        clock: &hands.clock,
    };
    let run = async {
        let report = pages.take_up(page, up_after(looks)).await;
        concluded(&breaker, &hands).await?;
        Ok(match report?.end {
            PageEnd::NoRevision => Taken::done("there is no revision"),
            PageEnd::Last => Taken::done("the last page"),
            PageEnd::HandedOn => Taken::done("handed on"),
        })
    };
    take_up(&hands, &message, run).await;
}

/// Whether time is up: at so many `looks` at the clock it is not.
pub(super) fn up_after(looks: Option<u8>) -> impl Fn() -> bool + Sync {
    let seen = AtomicU8::new(0);
    move || looks.is_some_and(|looks| seen.fetch_add(1, Ordering::Relaxed) >= looks)
}

/// What came of a message.
pub(super) struct Taken {
    end: &'static str,
    done: bool,
}

impl Taken {
    pub fn done(end: &'static str) -> Self {
        Self { end, done: true }
    }

    /// The message comes again.
    pub fn not_done(end: &'static str) -> Self {
        Self { end, done: false }
    }
}

/// A function with one message, which comes again until it is done with.
pub(super) async fn take_up(hands: &Hands, message: &Message, run: impl Future<Output = StoreResult<Taken>> + Send) {
    let done = match hands.serve(run).await {
        Ok(Ok(taken)) => {
            hands.note(|| format!("{message}: {}", taken.end));
            hands.shared.lock().function_returned(hands.actor);
            taken.done
        }
        Ok(Err(error)) => {
            hands.failed(&message.to_string(), &error);
            false
        }
        Err(Killed) => {
            hands.note(|| format!("dies with {message}"));
            false
        }
    };
    let mut world = hands.shared.lock();
    world.attempt_ended(hands.actor);
    if !done {
        world.enqueue(message.clone());
    }
}
