//! APNs and the queues, as a test says that they are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use passes::ids::PassTypeIdentifier;
use passes::ports::{SendPage, SendSweep, StoreError, StoreResult};
use passes::push::{PushOutcome, SendPush};
use passes::sweep::SweepPage;
use passes::tokens::PushToken;
use passes::work::NextPage;

type AtTurn = Box<dyn Fn() -> bool + Send>;

/// Notes every push and answers as told.
#[derive(Clone, Default)]
pub struct Pushes {
    sent: Arc<Mutex<Vec<String>>>,
    at_turn: Arc<Mutex<Option<AtTurn>>>,
    answers: Arc<Mutex<BTreeMap<String, PushOutcome>>>,
}

impl Pushes {
    /// Push tokens in the order in which they were pushed.
    pub fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }

    pub fn answer(&self, token: &str, outcome: PushOutcome) {
        self.answers.lock().unwrap().insert(token.to_owned(), outcome);
    }

    /// Runs whenever a push asks for its turn, and decides.
    pub fn at_turn(&self, decide: impl Fn() -> bool + Send + 'static) {
        *self.at_turn.lock().unwrap() = Some(Box::new(decide));
    }
}

impl SendPush for Pushes {
    async fn turn(&self) -> bool {
        self.at_turn.lock().unwrap().as_ref().is_none_or(|decide| decide())
    }

    async fn send_push(&self, to: &PushToken, _: &PassTypeIdentifier) -> PushOutcome {
        self.sent.lock().unwrap().push(to.expose().to_owned());
        self.answers
            .lock()
            .unwrap()
            .get(to.expose())
            .cloned()
            .unwrap_or(PushOutcome::Accepted)
    }
}

/// Keeps pages, of fan-outs and of sweeps, until a test takes them up.
#[derive(Clone, Default)]
pub struct PageQueue {
    waiting: Arc<Mutex<Vec<NextPage>>>,
    sweeps: Arc<Mutex<Vec<SweepPage>>>,
    /// Messages that it takes before it is away.
    takes: Arc<Mutex<Option<usize>>>,
}

impl PageQueue {
    /// Pages sent and not taken yet, oldest first.
    pub fn waiting(&self) -> Vec<NextPage> {
        self.waiting.lock().unwrap().clone()
    }

    /// The oldest page, which is then gone.
    pub fn take(&self) -> Option<NextPage> {
        let mut waiting = self.waiting.lock().unwrap();
        (!waiting.is_empty()).then(|| waiting.remove(0))
    }

    /// The pages of sweeps, which are then gone.
    pub fn take_sweeps(&self) -> Vec<SweepPage> {
        std::mem::take(&mut *self.sweeps.lock().unwrap())
    }

    /// Whether the next pages are refused, as by a queue that is away.
    pub fn refuse(&self, refuses: bool) {
        *self.takes.lock().unwrap() = refuses.then_some(0);
    }

    /// The queue is away after so many more calls.
    pub fn refuse_after(&self, calls: usize) {
        *self.takes.lock().unwrap() = Some(calls);
    }
}

impl PageQueue {
    fn is_there(&self) -> StoreResult<()> {
        match self.takes.lock().unwrap().as_mut() {
            Some(0) => Err(StoreError::OutcomeUnknown {
                call: "send-messages",
                source: "the queue is away".into(),
            }),
            Some(calls) => {
                *calls -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl SendPage for PageQueue {
    async fn send_page(&self, page: &NextPage) -> StoreResult<()> {
        self.is_there()?;
        self.waiting.lock().unwrap().push(page.clone());
        Ok(())
    }
}

impl SendSweep for PageQueue {
    async fn send_sweep(&self, pages: &[SweepPage]) -> StoreResult<()> {
        self.is_there()?;
        self.sweeps.lock().unwrap().extend_from_slice(pages);
        Ok(())
    }
}
