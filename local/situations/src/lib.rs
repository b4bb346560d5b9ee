//! Faults on purpose: each [`Situation`] brings one about on a running local stack, shows how
//! livepass heals it, and checks that it has.
//!
//! A situation makes passes of its own, which simulated phones install. At its end every phone shows
//! the newest values, was pushed no more often than the situation allows, and has nothing to
//! complain of, so was never woken or sent for a download in vain. The stack is reached as anybody
//! reaches it: by the DynamoDB endpoint, the web service, the control API and its folder.
//!
//! Time that has to pass is turned: no situation waits for a lease.

#![forbid(unsafe_code)]

mod backend;
mod control;
mod error;
mod holder;
mod leftovers;
mod scenes;
mod situation;
mod stage;
mod taking_back;
mod target;

use std::future::Future;

use serde::Serialize;

pub use error::Error;
pub use situation::Situation;
pub use target::Target;

use stage::Stage;

/// What is told while a situation goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A sentence of the story.
    Sentence(String),
    /// Something that happened: a write, a push, a phone's call.
    Event(String),
}

/// How a situation ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Healed {
    pub situation: Situation,
    pub phones: usize,
    /// Pushes that were tried, whatever APNs answered.
    pub pushes: usize,
    /// As many would have been right.
    pub most_pushes: usize,
    /// How often what a phone shows has changed.
    pub updates: usize,
    /// By how much the stack's clock was turned, to and fro; it has been turned back.
    pub turned_seconds: u64,
}

/// Brings a situation about, and tells of it.
///
/// The stack is left as it was found, however it ends, also where `interrupt` comes first; what a run that
/// was killed has left is taken back before the next. The passes are deleted, except where the situation
/// has not healed: those are left to be looked at, until the next one is played.
///
/// # Errors
/// [`Error::NotHealed`] says what is not as it should be; the others why it could not be played.
pub async fn run(
    target: &Target,
    situation: Situation,
    tell: &mut (dyn FnMut(Line) + Send),
    interrupt: impl Future<Output = ()>,
) -> Result<Healed, Error> {
    let mut interrupt = std::pin::pin!(interrupt);
    let mut stage = tokio::select! {
        stage = Stage::set(target, situation, tell) => stage?,
        () = &mut interrupt => return Err(Error::Interrupted),
    };
    let played = async {
        let most_pushes = scenes::play(situation, &mut stage).await?;
        stage.judge(situation, most_pushes).await
    };
    let judged = tokio::select! {
        judged = played => judged,
        () = &mut interrupt => Err(Error::Interrupted),
    };
    stage.end(judged).await
}
