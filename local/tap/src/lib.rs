//! A tap between the SDK and DynamoDB: sees each request, and can do things before or after one,
//! refuse it, lose its answer or change it. The local engine never conflicts, throttles or fails.
//!
//! It stands where the SDK hands a request to its HTTP client, so each attempt passes it, and the
//! SDK's own retries are those of deployment. A tap without rules costs one lock a request.

mod call;
mod wire;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use serde_json::{Value, json};

pub use call::Call;

/// For [`Rule::times`]: until the rule is taken back.
pub const ALWAYS: u32 = u32::MAX;

/// What happens to a call that a rule meets.
pub enum Action {
    /// This is done first; then the call goes through. Once.
    Before(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// The call is answered so and never reaches the engine.
    Refuse { status: u16, body: Value },
    /// The call is carried out, but its answer gets lost on the way back.
    LoseAnswer,
    /// The engine's answer is changed on the way back.
    Change(fn(&Call, Value) -> Value),
    /// The call is carried out, this is done, and no answer ever comes: whoever asked is expected to
    /// be gone by then.
    End(Arc<dyn Fn() + Send + Sync>),
}

impl Action {
    /// One of DynamoDB's errors, e.g. `ProvisionedThroughputExceededException`.
    pub fn refuse(error: &str) -> Self {
        Self::Refuse {
            status: 400,
            body: json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{error}"), "message": "injected"}),
        }
    }

    /// A transaction that is cancelled for this reason, e.g. `TransactionConflict`.
    pub fn cancel(reason: &str) -> Self {
        Self::Refuse {
            status: 400,
            body: json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{reason}, None]"),
                "CancellationReasons": [{"Code": reason, "Message": "injected"}, {"Code": "None"}],
            }),
        }
    }
}

/// Which calls are met, and what happens to them.
pub struct Rule {
    pub matches: Box<dyn Fn(&Call) -> bool + Send>,
    /// How many calls that match are let through first.
    pub skip: u32,
    /// How often it acts.
    pub times: u32,
    pub action: Action,
}

/// What a rule has done so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    pub times: u32,
    /// The last call that it acted on, as [`Call`]'s `Display` gives it.
    pub last: Option<String>,
    /// It will not act again.
    pub spent: bool,
}

struct Standing {
    rule: Rule,
    acted: Acted,
}

#[derive(Default)]
struct Shared {
    /// `None`: nothing is kept.
    calls: Option<Vec<Call>>,
    rules: Vec<Standing>,
}

/// Rules, and the clients that they hold for. Clones share both.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<Shared>>);

impl Tap {
    /// A tap that also keeps every call, for [`Tap::calls`].
    pub fn recording() -> Self {
        Self(Arc::new(Mutex::new(Shared {
            calls: Some(Vec::new()),
            rules: Vec::new(),
        })))
    }

    /// A client like this one, whose calls go through the tap.
    pub fn client(&self, client: &Client) -> Client {
        let config = client
            .config()
            .to_builder()
            .http_client(wire::Tapped::new(self.clone()));
        Client::from_conf(config.build())
    }

    /// Every call since the last [`Tap::forget`]; nothing unless the tap is [recording](Tap::recording).
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone().unwrap_or_default()
    }

    pub fn forget(&self) {
        if let Some(calls) = &mut self.lock().calls {
            calls.clear();
        }
    }

    /// Holds from now on, behind the rules that are there: the first that meets a call acts.
    pub fn rule(&self, rule: Rule) {
        let acted = Acted {
            times: 0,
            last: None,
            spent: false,
        };
        self.lock().rules.push(Standing { rule, acted });
    }

    /// What each rule has done, in the order in which they were given.
    pub fn acted(&self) -> Vec<Acted> {
        self.lock()
            .rules
            .iter()
            .map(|standing| Acted {
                spent: standing.acted.times >= standing.rule.times,
                ..standing.acted.clone()
            })
            .collect()
    }

    /// Takes all rules back.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// Panics unless every rule has acted as often as it was to: a test whose fault never came proves
    /// nothing.
    pub fn assert_all_acted(&self) {
        let shared = self.lock();
        let idle = shared
            .rules
            .iter()
            .filter(|standing| standing.acted.times < standing.rule.times);
        assert_eq!(idle.count(), 0, "rules of the tap never met their call");
    }

    // ---- rules that act once, on the first call of `action` that mentions `text`

    /// Does something right before the call.
    pub fn before(
        &self,
        action: &'static str,
        text: &'static str,
        meanwhile: impl Future<Output = ()> + Send + 'static,
    ) {
        self.once(action, text, Action::Before(Box::pin(meanwhile)));
    }

    /// Answers with one of DynamoDB's errors instead of carrying the call out.
    pub fn refuse(&self, action: &'static str, text: &'static str, error: &str) {
        self.once(action, text, Action::refuse(error));
    }

    /// Cancels a transaction for this reason.
    pub fn cancel(&self, text: &'static str, reason: &str) {
        self.once("TransactWriteItems", text, Action::cancel(reason));
    }

    /// Carries the call out and answers 500, as after a broken connection.
    pub fn lose_answer(&self, action: &'static str, text: &'static str) {
        self.once(action, text, Action::LoseAnswer);
    }

    /// Changes the engine's answer.
    pub fn change_answer(&self, action: &'static str, text: &'static str, change: fn(&Call, Value) -> Value) {
        self.once(action, text, Action::Change(change));
    }

    fn once(&self, wanted: &'static str, text: &'static str, action: Action) {
        self.rule(Rule {
            matches: Box::new(move |call| call.action == wanted && call.mentions(text)),
            skip: 0,
            times: 1,
            action,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
