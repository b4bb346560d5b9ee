//! A simulated phone, and the pushes that were sent to it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use passes::ids::DeviceLibraryIdentifier;
use phone::{Event, Phone, PhoneConfig};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::control::{Control, Push};
use crate::error::Error;
use crate::{Line, Target, backend::TYPE};

pub(crate) struct Holder {
    pub phone: Phone,
    events: UnboundedReceiver<Event>,
    /// How many pushes to each token that it ever had have been looked at.
    seen: BTreeMap<String, usize>,
    /// All pushes tried so far.
    pub pushes: usize,
    pub updates: usize,
}

impl Holder {
    /// A phone that trusts the stack, goes by its clock and gives up at the first failed request.
    pub fn new(target: &Target, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Result<Self, Error> {
        let mut config = PhoneConfig::new(target.root_certificate.clone());
        config.clock = std::sync::Arc::new(now);
        config.retry_pauses = Vec::new();
        config.timeout = Duration::from_secs(30);
        let mut phone = Phone::new(config)?;
        let events = phone.subscribe();
        let seen = BTreeMap::from([(phone.push_token().expose().to_owned(), 0)]);
        Ok(Self {
            phone,
            events,
            seen,
            pushes: 0,
            updates: 0,
        })
    }

    /// APNs gives the phone another token; nobody has been told.
    pub fn change_push_token(&mut self) {
        self.phone.change_push_token();
        self.seen.insert(self.token(), 0);
    }

    pub fn token(&self) -> String {
        self.phone.push_token().expose().to_owned()
    }

    pub fn device(&self, web_service: &str) -> Option<DeviceLibraryIdentifier> {
        let pass_type = TYPE.parse().ok()?;
        self.phone.device_id(&pass_type, web_service).cloned()
    }

    /// Pushes since the last look, to whichever of its tokens.
    pub async fn fresh_pushes(&mut self, control: &Control) -> Result<Vec<Push>, Error> {
        let own = self.token();
        let mut fresh = Vec::new();
        for (token, seen) in &mut self.seen {
            let pushes = control.pushes(token).await?;
            let all = pushes.len();
            let new = pushes.into_iter().skip(*seen);
            fresh.extend(new.map(|mut push| {
                push.to_old_token = *token != own;
                push
            }));
            *seen = all;
        }
        self.pushes += fresh.len();
        Ok(fresh)
    }

    /// What the phone has done since the last look.
    pub fn done(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            if matches!(event, Event::Updated(_)) {
                self.updates += 1;
            }
            lines.push(Line::Event(event.to_string()));
        }
        lines
    }
}
