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
mod scenes;
mod situation;
mod stage;
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
/// Faults are taken back and the clock is turned back, however it ends, also where `interrupt`
/// comes first. The passes are deleted if it ends well, and left to be looked at if not.
///
/// # Errors
/// [`Error::NotHealed`] says what is not as it should be; the others why it could not be played.
pub async fn run(
    target: &Target,
    situation: Situation,
    tell: &mut (dyn FnMut(Line) + Send),
    interrupt: impl Future<Output = ()>,
) -> Result<Healed, Error> {
    let mut stage = Stage::set(target, tell).await?;
    let played = tokio::select! {
        played = scenes::play(situation, &mut stage) => played,
        () = interrupt => Err(Error::Interrupted),
    };
    let judged = match played {
        Ok(most_pushes) => stage.judge(situation, most_pushes).await,
        Err(error) => Err(error),
    };
    let taken_back = stage.take_faults_back().await;
    let ended = match judged {
        Ok(healed) => stage.clear_up().await.map(|()| healed),
        Err(error) => Err(stage.left_to_be_looked_at(error)),
    };
    let turned_back = stage.turn_clock_back().await;
    let healed = ended?;
    taken_back?;
    turned_back?;
    Ok(healed)
}
